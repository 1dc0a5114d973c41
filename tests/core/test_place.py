"""Fingerprints by place: one issue for each place in the code (D4)."""

from __future__ import annotations

import contextlib
import hashlib
import linecache
import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from sentryinit import adapters, testing
from sentryinit._redaction.redactor import Redactor

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

Begin = Callable[..., adapters.Capture[Any]]

SERVICE = """
class Orders:
    def price(self, number):
        raise ValueError(f"order {number} has no price")

    def stock(self, number):
        if number % 2:
            raise ValueError(f"order {number}")
        raise ValueError(f"order {number}")


class Invoices:
    def price(self, number):
        raise ValueError(f"order {number} has no price")


def listed(number):
    return [number / 0 for number in (number, number)]


def decorated(number):
    def wrapper(
        *numbers,
    ):
        raise ValueError(f"order {numbers} has no price")

    return wrapper(number)


def chained(number, cause):
    try:
        raise cause(f"order {number}")
    except Exception:
        raise ValueError(f"order {number} has no price")


def plain(number):
    raise make(number)


def retried(number):
    error = None
    for _ in range(number):
        try:
            if error is not None:
                raise error
            raise ConnectionError(f"attempt {number}")
        except ConnectionError as last:
            error = ConnectionError(f"again {number}")
            error.__cause__ = last
    raise error
"""


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return a function that loads :data:`SERVICE` from a file, and returns its names."""
    folders = iter(range(100))

    def load(before: str = "", source: str = SERVICE, *, written: bool = True, **names: Any) -> Any:
        file = tmp_path / f"app{next(folders)}" / "service.py"
        file.parent.mkdir()
        text = before + source
        if written:
            file.write_text(text)
        made = {"__name__": "shop.service", **names}
        exec(compile(text, str(file), "exec"), made)  # noqa: S102 # a frame of such a file
        return made

    yield load
    linecache.clearcache()


def fingerprints(*works: Callable[[], Any], **options: Any) -> list[tuple[str, ...] | None]:
    """Return the fingerprints of the events of *works*, which fail."""
    with testing.capture("shop", **{"grouping": "place", **options}) as box:
        for work in works:
            with pytest.raises(Exception), sentryinit.init():  # noqa: B017, PT011 # any
                work()
        found = [event.get("fingerprint") for event in box.events]
    assert len(found) == len(works)
    return [None if each is None else tuple(each) for each in found]


def kinds(*works: Callable[[], Any]) -> int:
    return len(set(fingerprints(*works)))


def test_text_does_not_count(application: Any) -> None:
    """38 errors of one line are one issue, whatever their texts say."""
    orders = application()["Orders"]()
    assert kinds(*(lambda n=n: orders.price(n) for n in range(38))) == 1


@pytest.mark.parametrize("written", [True, False])
def test_lines_above_and_the_folder_do_not_count(application: Any, written: bool) -> None:
    """A place is the same in another folder, and under other lines; also without its source."""
    first = application(written=written)
    moved = application("import os\n\n\ndef more():\n    return 1\n\n\n", written=written)
    for name in ("listed", "decorated"):
        assert kinds(*(partial(names[name], 1) for names in (first, moved))) == 1
    assert kinds(lambda: first["Orders"]().stock(1), lambda: moved["Orders"]().stock(1)) == 1


def test_hash_in_the_name_of_a_module_does_not_count(application: Any) -> None:
    """Loaders name a module by the hash of its path, as Airflow does with each of its DAGs."""
    names = [f"unusual_prefix_{digit * 40}_orders" for digit in "0a"]
    first, moved = (application(__name__=name) for name in names)
    assert kinds(lambda: first["listed"](1), lambda: moved["listed"](1)) == 1
    others = [f"unusual_prefix_{'0' * 40}_orders_2024", "orders_2024"]
    assert kinds(*(partial(application(__name__=name)["listed"], 1) for name in others)) == 2


def test_two_lines_of_a_function_are_two_issues(application: Any) -> None:
    """Also if their texts are equal."""
    for written in (True, False):
        orders = application(written=written)["Orders"]()
        assert kinds(partial(orders.stock, 1), partial(orders.stock, 2)) == 2


def test_equal_methods_of_two_classes_are_two_issues(application: Any) -> None:
    """The class around a method counts, on every Python."""
    names = application()
    assert kinds(lambda: names["Orders"]().price(1), lambda: names["Invoices"]().price(1)) == 2


def test_class_and_causes_count(application: Any) -> None:
    """Another class of a cause is another issue, also if the cause is implicit."""
    chained = application()["chained"]
    works = [lambda c=c: chained(1, c) for c in (KeyError, OSError, KeyError)]
    assert kinds(*works) == 2


def test_place_of_a_cause_counts(application: Any) -> None:
    """So does another place where a cause was raised."""
    source = """
    def load(line):
        if line == 1:
            raise KeyError
        raise KeyError

    def fail(line):
        try:
            load(line)
        except KeyError as error:
            raise ValueError from error
    """
    fail = application(source=textwrap.dedent(source))["fail"]
    assert kinds(*(lambda n=n: fail(n) for n in (1, 2, 1))) == 2


@pytest.mark.parametrize("counts", [(3, 7), (150, 3000)])
def test_number_of_retries_does_not_count(application: Any, counts: tuple[int, int]) -> None:
    """A retry loop is one issue, however often it has tried; thousands of links take no time."""
    retried = application()["retried"]
    assert kinds(*(lambda n=n: retried(n) for n in counts)) == 1


def test_order_and_number_of_members_do_not_count() -> None:
    """A group is one issue for the same kinds of members, in any number and order."""

    def fail(*members: type[Exception]) -> None:
        raise ExceptionGroup("several", [member() for member in members])

    same = [(KeyError, OSError), (OSError, KeyError), (KeyError, OSError, OSError)]
    assert kinds(*(lambda m=m: fail(*m) for m in same)) == 1
    assert kinds(lambda: fail(KeyError), lambda: fail(OSError)) == 2


def test_class_made_at_run_time_is_one_kind(application: Any) -> None:
    """The name of such a class may have the number of an order; that of any other counts."""
    plain = application(make=lambda number: type(f"Order{number}Error", (Exception,), {})())
    assert kinds(*(lambda n=n: plain["plain"](n) for n in range(3))) == 1
    codes = {1: "Http404", 2: "Http500"}
    for name in codes.values():
        setattr(sys.modules[__name__], name, type(name, (Exception,), {"__module__": __name__}))
    defined = application(make=lambda number: getattr(sys.modules[__name__], codes[number])())
    assert kinds(*(lambda n=n: defined["plain"](n) for n in codes)) == 2


def test_syntax_error_is_at_the_place_that_compiles(application: Any) -> None:
    """What is wrong is in a text that the application compiles; the place is that of the call."""
    source = """
    def compiled(number):
        compile(f"order {number} =", f"<rule {number}>", "exec")

    def other(number):
        compile(f"order {number} =", f"<rule {number}>", "exec")
    """
    names = application(source=textwrap.dedent(source))
    works = [lambda n=n: names["compiled"](n) for n in range(3)]
    assert kinds(*works, lambda: names["other"](1)) == 2


def test_without_a_frame_of_the_application_the_route_counts(begin: Begin) -> None:
    """As for the rate limit: two routes that fail in a library are two issues."""
    found = []
    with testing.capture("shop", grouping="place") as box:
        for route in ("/a/{b}", "/c/{d}", "/a/{b}"):
            info = adapters.RequestInfo("GET", "http", "shop.test", "/x", route=route)
            capture = begin(describe=lambda _, info=info: info)
            capture.exception_escaped(ValueError())
            capture.close()
        found = [tuple(event["fingerprint"]) for event in box.events]
    assert found[0] == found[2] != found[1]


def test_debug_route_is_one_issue(begin: Begin) -> None:
    """The debug route has no frame of the application: its route is its place."""
    with testing.capture("shop", grouping="place") as box:
        for _ in range(2):
            capture = begin()
            capture.exception_escaped(adapters.DebugPanic())
            capture.close()
        first, second = (event["fingerprint"] for event in box.events)
    assert first == second


def test_python_does_not_count(tmp_path: Path) -> None:
    """Every Python that is there gives the fingerprints of this one."""
    script = tmp_path / "run.py"
    (tmp_path / "service.py").write_text(SERVICE)
    script.write_text(
        "import sys, service\n"
        "from sentryinit._events.place import exception_fingerprint\n"
        "from sentryinit._config.settings import resolve\n"
        "settings = resolve({'service': 'shop', 'grouping': 'place'}, {})\n"
        "orders = service.Orders()\n"
        "for work in (orders.price, orders.stock, service.listed, service.decorated):\n"
        "    try:\n"
        "        work(1)\n"
        "    except Exception as error:\n"
        "        stack = error.__traceback__.tb_next\n"
        "        print(exception_fingerprint(settings, error, stack, None))\n"
    )
    found = {}
    for python in sorted(
        {sys.executable, *map(str, Path(sys.base_prefix).parent.glob("3.*/bin/python"))}
    ):
        done = subprocess.run(
            [python, script],
            env={"PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            found[python] = done.stdout
    assert set(found.values()) == {found[sys.executable]}
    assert len(set(found[sys.executable].splitlines())) == 4


@pytest.mark.parametrize(
    ("dsn", "is_place"),
    [
        ("https://key@sentry.io/1", False),
        ("https://key@o1.ingest.us.sentry.io/1", False),
        ("https://key@O1.Ingest.Sentry.IO/1", False),
        ("https://key@notsentry.io/1", True),
        ("https://key@sentry.io.shop.example/1", True),
        ("https://key@glitchtip.shop.example/1", True),
    ],
)
def test_default_is_by_the_host_of_the_backend(application: Any, dsn: str, is_place: bool) -> None:
    """Sentry groups by the stack itself; the others do not."""
    price = application()["Orders"]().price
    (found,) = fingerprints(lambda: price(1), dsn=dsn, grouping=None)
    assert (found is not None) is is_place
    assert fingerprints(lambda: price(1), dsn=dsn, grouping="backend") == [None]
    assert fingerprints(lambda: price(1), dsn=dsn, grouping="place") != [None]


@pytest.mark.parametrize("grouping", ["place", "backend"])
def test_status_events_have_theirs_in_any_case(begin: Begin, grouping: str) -> None:
    """A message of ours has a route in its title, and no stack (D4)."""
    with testing.capture("shop", grouping=grouping) as box:
        capture = begin()
        capture.response_started(503)
        capture.close()
    assert box.events[0]["fingerprint"][0] == "sentryinit"


def test_what_the_application_reports(begin: Begin, application: Any) -> None:
    """Its messages and log records are grouped by their text, without numbers and ids."""
    log = logging.getLogger("shop.prices")
    ids = ("17", "deadbeef-feed-4bad-beef-0123456789ab", "a1b2c3")
    with testing.capture("shop", grouping="place") as box:
        for each in ids:
            sentry_sdk.capture_message(f"order {each} has no price")
            log.error("order %s has no price", each)
            logging.getLogger("shop.stock").error("order %s has no price", each)
            log.error(f"order {each} has no stock")  # noqa: G004 # it is the case
        found = [tuple(event["fingerprint"]) for event in box.events]
    assert [len(set(found[n::4])) for n in range(4)] == [1, 1, 1, 1]
    assert len(set(found)) == 4


def test_record_with_an_exception_is_at_its_place(application: Any) -> None:
    """A log record with an exception, and a captured one, are the issue of that place."""
    price = application()["Orders"]().price
    with testing.capture("shop", grouping="place") as box:
        log = logging.getLogger("shop")
        for report in (
            lambda: log.error("no price", exc_info=sys.exc_info()),
            sentry_sdk.capture_exception,
        ):
            with contextlib.suppress(ValueError):
                try:
                    price(1)
                finally:
                    report()
        found = [tuple(event["fingerprint"]) for event in box.events]
    assert len(set(found)) == 1
    assert len(found) == 2


@pytest.mark.parametrize("scope", ["get_isolation_scope", "get_current_scope", "get_global_scope"])
def test_fingerprint_of_a_scope_wins(begin: Begin, scope: str) -> None:
    """What the application has set is kept, for every kind of event."""
    with testing.capture("shop", grouping="place") as box:
        for work in (
            lambda c: c.response_started(503),
            lambda c: c.exception_escaped(ValueError()),
            lambda _: sentry_sdk.capture_message("no price"),
            lambda _: logging.getLogger("shop").error("no price"),
        ):
            capture = begin()
            getattr(sentry_sdk, scope)().fingerprint = ["price list"]
            work(capture)
            capture.close()
        getattr(sentry_sdk, scope)().fingerprint = None
        assert [event["fingerprint"] for event in box.events] == [["price list"]] * 4


def test_fingerprint_of_an_event_wins() -> None:
    """Also one that is in the event itself, or that a hook sets."""

    def hook(event: Any, _hint: Any) -> Any:
        return {**event, "fingerprint": [*event["fingerprint"], "hooked"]}

    with testing.capture("shop", grouping="place", before_send=hook) as box:
        sentry_sdk.capture_event({"message": "a", "fingerprint": ["{{ default }}", "price list"]})
    assert box.events[0]["fingerprint"] == ["{{ default }}", "price list", "hooked"]


def test_event_made_by_hand_is_left_alone() -> None:
    """An event with an exception that no code has raised is grouped by the backend."""
    with testing.capture("shop", grouping="place") as box:
        sentry_sdk.capture_event({"exception": {"values": [{"type": "E", "value": "17"}]}})
        sentry_sdk.capture_event({"level": "error"})
    assert [event.get("fingerprint") for event in box.events] == [None, None]


def test_fingerprint_is_not_masked() -> None:
    """No hash looks like a card number or another secret."""
    redactor = Redactor()
    for number in range(3000):
        given = ["sentryinit", "shop", hashlib.sha256(b"%d" % number).hexdigest()[:32]]
        assert redactor.event({"fingerprint": given})["fingerprint"] == given
    digits = ["sentryinit", "shop", "4111111111111111" * 2]
    assert redactor.event({"fingerprint": digits})["fingerprint"] == digits


def test_exceptions_that_were_never_raised_are_told_by_their_texts() -> None:
    """They have no place; two numbers in one text are no two issues."""
    with testing.capture("shop", grouping="place", storm_guard=True, storm_burst=1) as box:
        for text in ("disk 1 is full", "disk 2 is full", "no price"):
            sentry_sdk.capture_exception(RuntimeError(text))
    assert [event["exception"]["values"][0]["value"] for event in box.events] == [
        "disk 1 is full",
        "no price",
    ]
    first, second = (event["fingerprint"] for event in box.events)
    assert first != second


def test_texts_that_differ_in_what_is_masked_are_one_issue() -> None:
    """Their titles are equal, too."""
    with testing.capture("shop", grouping="place") as box:
        for name in ("ann", "bob"):
            sentry_sdk.capture_message(f"mail to {name}@shop.example bounced")
    titles, issues = (
        {str(event[key]) for event in box.events} for key in ("logentry", "fingerprint")
    )
    assert (len(titles), len(issues)) == (1, 1)
