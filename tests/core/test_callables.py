"""Callables of the settings: loaded by name, checked at the start, and guarded."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import sentry_sdk

import sentryinit
from conftest import DSN
from sentryinit import adapters, testing
from sentryinit._config.callables import ARGUMENTS
from sentryinit._sdk.callables import CALLABLES
from sentryinit._sdk.testing import PutTransport, disconnect
from sentryinit._state import STATE

Begin = Callable[..., adapters.Capture[Any]]
HOOKS = """
import sys

def scrub(event, hint):
    event["tags"]["scrubbed"] = "yes"
    return event

class Hooks:
    @staticmethod
    def scrub(event, hint):
        return scrub(event, hint)

def fails(*args):
    import json
    json.loads(sys.argv[0] and "hunter2")

def of_one(event):
    return event

async def later(event, hint):
    return event

missing = None
"""
OTHERS = ("BEFORE_BREADCRUMB", "ERROR_SAMPLER", "CUSTOM_REPR")
every = pytest.mark.parametrize("name", sorted(CALLABLES))


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the tests a package ``shop``, as an application has it."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "hooks.py").write_text(HOOKS)
    (package / "leaving.py").write_text("raise SystemExit(3)\n")
    (package / "broken.py").write_text("raise LookupError('hunter2')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [each for each in sys.modules if each.split(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.fixture
def off() -> Iterator[None]:
    restore = STATE.reset()
    yield
    disconnect()
    restore()


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def test_every_callable_is_checked() -> None:
    """Every option that is a callable is loaded and checked."""
    from sentryinit._config.option_types import CALLABLE
    from sentryinit._config.options import TABLE

    assert (
        set(CALLABLES)
        == set(ARGUMENTS)
        == {name for name, option in TABLE.items() if option.type is CALLABLE}
    )


# -- by name ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["shop.hooks:scrub", "shop.hooks.scrub", "shop.hooks:Hooks.scrub", '"shop.hooks:scrub"']
)
def test_a_hook_from_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch, begin: Begin, said: Any
) -> None:
    """A hook is loaded by its name, in both notations."""
    monkeypatch.setenv("SENTRYINIT_BEFORE_SEND", name)
    with testing.capture("shop") as box:
        begin().exception_escaped(raised(ValueError("hunter2")))

    assert box.events[0]["tags"]["scrubbed"] == "yes"
    assert len(said()) == name.startswith('"')


@pytest.mark.usefixtures("off")
def test_a_hook_from_the_configuration_of_a_framework(begin: Begin) -> None:
    """In a framework's configuration a hook may be a name, as in the environment."""
    sent: list[bytes] = []
    config = {
        "BEFORE_SEND": "shop.hooks.scrub",
        "dsn": DSN,
        "transport": PutTransport(sent.append),
    }
    adapters.ensure_initialized("test", "shop", config)
    sentry_sdk.capture_message("a")

    assert b'"scrubbed":"yes"' in sent[0]


@pytest.mark.usefixtures("off")
def test_a_hook_is_not_loaded_where_reporting_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a DSN no module of the application is imported."""
    monkeypatch.setenv("SENTRYINIT_BEFORE_SEND", "shop.hooks:scrub")
    sentryinit.init("shop")

    assert "shop.hooks" not in sys.modules


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("shop.nothing:scrub", "cannot be loaded: ModuleNotFoundError"),
        ("shop.hooks:nothing", "cannot be loaded: AttributeError"),
        ("shop.hooks.nothing", "cannot be loaded: AttributeError"),
        ("shop.broken:scrub", "cannot be loaded: LookupError (shop/broken.py:1)"),
        ("shop.leaving:scrub", "cannot be loaded: SystemExit (shop/leaving.py:1)"),
        ("not a name", "cannot be loaded: ValueError"),
        ("scrub", "cannot be loaded: ModuleNotFoundError"),
        (
            "shop.hooks",
            "must be a callable of (event, hint), not a value of type module: it cannot be called",
        ),
        (
            "shop.hooks:missing",
            "must be a callable of (event, hint), not a value of type NoneType: it cannot be "
            "called",
        ),
        (
            "shop.hooks:of_one",
            "must be a callable of (event, hint), not of_one: too many positional arguments",
        ),
        (
            "shop.hooks:later",
            "must be a callable of (event, hint), not later: nothing awaits a coroutine function",
        ),
    ],
)
def test_a_hook_that_cannot_be_loaded_fails_closed(
    name: str, problem: str, monkeypatch: pytest.MonkeyPatch, begin: Begin, said: Any
) -> None:
    """The service starts, a warning says why, and events leave without text of the application."""
    monkeypatch.setenv("SENTRYINIT_BEFORE_SEND", name)
    with testing.capture("shop") as box:
        begin().exception_escaped(raised(ValueError("hunter2")))

    (event,) = box.events
    warning, at_event = said()
    effect = "until it is mended, no text of the application leaves"
    assert warning == f"SENTRYINIT_BEFORE_SEND: before_send {problem}; {effect}"
    assert at_event.startswith("before_send failed: LookupError")
    assert event["tags"]["before_send_error"] == "true"
    assert b"hunter2" not in b"".join(box.envelopes)


@pytest.mark.parametrize("name", ["shop.nothing:x", "shop.hooks:fails"])
def test_the_other_callables_fail_closed(
    name: str, monkeypatch: pytest.MonkeyPatch, begin: Begin, said: Any
) -> None:
    """Without its hook there is no breadcrumb; without the sampler, or custom_repr, every event."""
    for option in OTHERS:
        monkeypatch.setenv(f"SENTRYINIT_{option}", name)
    with testing.capture("shop", collect=["locals"]) as box:
        sentry_sdk.add_breadcrumb(message="hunter2"[:])
        for _ in range(3):
            begin().exception_escaped(fail_with_locals("hunter2", 5))

    assert len(box.events) == 3
    assert box.events[0]["breadcrumbs"]["values"] == []
    variables = box.events[0]["exception"]["values"][0]["stacktrace"]["frames"][-1]["vars"]
    assert variables.items() >= {"word": "<builtins.str>", "number": "<builtins.int>"}.items()
    starts = [line.partition(" ")[0] for line in said()]
    loading = [f"SENTRYINIT_{option}:" for option in OTHERS]
    # One that cannot be loaded says so at the start, and the others where they raise.
    assert sorted(starts) == sorted(loading if "nothing" in name else map(str.lower, OTHERS))


def fail_with_locals(word: str, number: int) -> BaseException:
    try:
        raise ValueError
    except ValueError as error:
        return error


def test_what_a_hook_raises_is_told_with_file_and_line(begin: Begin, said: Any) -> None:
    """The line has class and place, in the code of the application, and no text of the error."""
    import shop.hooks  # type: ignore[import-not-found] # the fixture wrote it

    with testing.capture("shop", before_send=shop.hooks.fails):
        begin().exception_escaped(raised(ValueError()))

    line = shop.hooks.fails.__code__.co_firstlineno + 2
    assert said() == [f"before_send failed: JSONDecodeError (shop/hooks.py:{line})"]


# -- from code -------------------------------------------------------------------------------------


class Scrubber:
    """Two hooks: an object and a method."""

    def __call__(self, event: Any, hint: Any) -> Any:
        return event

    def scrub(self, event: Any, hint: Any) -> Any:
        return event


class Later:
    """No hook: nobody awaits it."""

    async def __call__(self, event: Any, hint: Any) -> Any:
        return event


def of_three(names: Any, event: Any, hint: Any) -> Any:
    return event


def of_none() -> None:
    pass


def by_name(*, event: Any, hint: Any) -> None:
    pass


async def later(event: Any, hint: Any = None) -> Any:
    return event


@pytest.mark.parametrize(
    "hook",
    [
        Scrubber(),
        Scrubber().scrub,
        functools.partial(of_three, ["iban"]),
        lambda *args: args[0],
        lambda event, hint, more=1: event,
        mock.Mock(side_effect=lambda event, hint: event),
        {}.get,
        max,
    ],
)
def test_a_hook_that_takes_two_arguments(hook: Any, said: Any) -> None:
    """What can be called with two arguments is taken; also what is written in C."""
    with testing.capture("shop", before_send=hook):
        pass

    assert said() == []


@pytest.mark.parametrize(
    "hook",
    [
        of_none,
        of_three,
        by_name,
        later,
        Later(),
        functools.partial(later),
        len,
        lambda event: event,
    ],
)
@pytest.mark.parametrize("dsn", [DSN, ""])
@pytest.mark.parametrize("name", ["before_send", "before_breadcrumb", "error_sampler"])
@pytest.mark.usefixtures("off")
def test_a_hook_that_cannot_be_called_is_refused(name: str, hook: Any, dsn: str) -> None:
    """It is refused at the start, also where reporting is off; the next call counts."""
    first = ARGUMENTS[name][0]
    with pytest.raises(
        TypeError, match=rf"^argument: {name} must be a callable of \({first}, hint"
    ):
        sentryinit.init("shop", dsn=dsn, **{name: hook})

    assert STATE.settings is None


@every
@pytest.mark.usefixtures("off")
def test_a_name_in_code_is_refused(name: str) -> None:
    """In code a callable is given as such."""
    with pytest.raises(TypeError, match=f"argument: {name} must be a callable, not 'shop.hooks:x'"):
        sentryinit.init("shop", **{name: "shop.hooks:x"})


@pytest.mark.usefixtures("off")
def test_a_custom_repr_takes_one_argument() -> None:
    """custom_repr is called with a value alone."""
    with pytest.raises(
        TypeError, match=r"custom_repr must be a callable of \(value\), not of_three"
    ):
        sentryinit.init("shop", dsn=DSN, custom_repr=of_three)  # type: ignore[arg-type] # the mistake


@pytest.mark.parametrize("rate", ["0.5", None, [1]])
def test_a_sampler_that_returns_no_number(rate: object, begin: Begin, said: Any) -> None:
    """If the sampler returns something else, the event is sent."""
    with testing.capture("shop", error_sampler=lambda event, hint: rate) as box:
        begin().exception_escaped(raised(ValueError()))

    assert len(box.events) == 1
    said()
