"""The versions to test with; ``noxfile.py`` makes the sessions of this table.

``lowest`` and ``latest`` are rows of their own: ``MATRIX``. The minor releases between the two are
in ``BETWEEN``. Documentation and metadata claim what ``docs/reference/compatibility.json`` has:
the cells of this table that were run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
# Tested where it is installed.
WHERE_FOUND = ("3.14",)


@dataclass(frozen=True)
class Row:
    """A subject of the tests with one set of versions.

    The label ``lowest`` adds to *pins* the lower bounds in the ``pyproject.toml`` of the core and
    of the subject.
    """

    subject: str
    label: str
    pins: tuple[str, ...] = ()
    pythons: tuple[str, ...] = PYTHONS + WHERE_FOUND

    def case(self, version: str) -> str:
        """Return the name of this row on the Python *version*."""
        name = f"{self.label}-{version}"
        return f"{self.subject}-{name}" if self.session == "adapter" else name

    @property
    def session(self) -> str:
        """The session that has this row."""
        return self.subject if self.subject in {"cli", "core"} else "adapter"


MATRIX = (
    Row("core", "lowest"),
    Row("core", "latest"),
    Row("generic", "lowest"),
    Row("generic", "latest"),
    # Django 4.2 is for Python 3.8 to 3.12, and the REST framework for it since 3.15.
    Row("django", "lowest", ("djangorestframework==3.15.1",), PYTHONS[:3]),
    Row("django", "latest", ("django", "djangorestframework")),
    # Flask 2.3 admits any later Werkzeug, but its test client fails with 3.1; and it calls
    # pkgutil.get_loader, which is gone from Python 3.14.
    Row("flask", "lowest", ("flask[async]", "werkzeug<3"), PYTHONS),
    # Extensions that answer exceptions themselves, and one that knows the user.
    Row("flask", "latest", ("flask[async]", "flask-restx", "flask-restful", "flask-login")),
    # Python 3.13 has no module cgi, which Falcon 3 imports.
    Row("falcon", "lowest", pythons=("3.10", "3.11", "3.12")),
    Row("falcon", "latest", ("falcon",)),
    # The first FastAPI that admits Starlette 0.37; both are years older than Python 3.14.
    Row("starlette", "lowest", ("fastapi==0.110.1",), PYTHONS),
    Row("starlette", "latest", ("fastapi",)),
    # aiohttp 3.9 has no wheels for later Pythons. It admits any later yarl, but with those that
    # check a host its sub-applications fail.
    Row("aiohttp", "lowest", ("yarl<1.10",), PYTHONS[:3]),
    Row("aiohttp", "latest", ("aiohttp", "aiohttp-session", "aiohttp-security")),
    # Both rows with the latest frameworks: what the command itself needs is pinned.
    Row("cli", "lowest"),
    Row("cli", "latest"),
)


@dataclass(frozen=True)
class Series:
    """The minor releases of *package* between ``lowest`` and ``latest``.

    *minors* are releases, or ranges of releases: "2.21-2.74". With *pins*, each runs the tests of
    *subject*, or *tests* in their place, on the oldest and on the newest Python that it supports:
    what differs between Pythons is tested with ``lowest`` and ``latest``. *pythons* names these
    two where they are not those of ``PYTHONS``.
    """

    package: str
    subject: str
    minors: tuple[str, ...]
    pins: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    pythons: dict[str, tuple[str, str]] = field(default_factory=dict, hash=False)

    @property
    def all_minors(self) -> tuple[str, ...]:
        """Each minor release."""
        return tuple(minor for text in self.minors for minor in _expanded(text))

    def pythons_of(self, minor: str) -> tuple[str, str]:
        """Return the oldest and the newest Python that *minor* is tested on."""
        return self.pythons.get(minor, (PYTHONS[0], PYTHONS[-1]))

    def on(self, version: str) -> list[str]:
        """Return the minor releases that are tested on the Python *version*."""
        return [minor for minor in self.all_minors if version in self.pythons_of(minor)]


def _expanded(text: str) -> Iterable[str]:
    """Return the minor releases of "3.10-3.13", or the one of "3.0"."""
    first, _, last = text.partition("-")
    major, start = first.split(".")
    end = (last or first).rpartition(".")[2]
    return [f"{major}.{number}" for number in range(int(start), int(end) + 1)]


# The tests of the core that depend on the SDK: its client, scopes, hooks, transport and events.
# The others do the same with each release of it.
OF_THE_SDK = (
    *("sdk", "scopes", "hooks", "transport", "envelope_filter", "exception_events"),
    *("foreign_init", "preserialized", "source_context", "testing"),
)

BETWEEN = (
    # Django 5.0 is for Python 3.10 to 3.12, and 6.0 for 3.12 and later.
    Series(
        "django",
        "django",
        ("5.0-5.2", "6.0"),
        ("djangorestframework",),
        pythons={"5.0": ("3.10", "3.12"), "6.0": ("3.12", "3.13")},
    ),
    # With the Werkzeug of its time: `latest` has the newest of both.
    Series(
        "flask",
        "flask",
        ("3.0",),
        ("flask[async]", "werkzeug==3.0.*", "flask-restx", "flask-restful", "flask-login"),
    ),
    Series("falcon", "falcon", ("4.0-4.3",)),
    # Each with the newest FastAPI that admits it.
    Series("starlette", "starlette", ("0.38-0.52", "1.0-1.9"), ("fastapi",)),
    # Each with the newest Starlette that it admits.
    Series("fastapi", "starlette", ("0.111-0.164",), tests=("tests/conformance/test_fastapi.py",)),
    Series("aiohttp", "aiohttp", ("3.10-3.13",), ("aiohttp-session", "aiohttp-security")),
    # And the contract of the generic adapters, which are the core's.
    Series(
        "sentry-sdk",
        "generic",
        ("2.21-2.74",),
        tests=(
            *(f"tests/core/test_{name}.py" for name in OF_THE_SDK),
            "tests/conformance/test_wsgi.py",
            "tests/conformance/test_asgi.py",
        ),
    ),
)
