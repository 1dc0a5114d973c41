"""What events say about where they come from: route, transaction, suppressed count, groups."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from sentryinit import adapters, testing
from sentryinit._events import task_name
from sentryinit._state import STATE

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

Begin = Callable[..., adapters.Capture[Any]]
UNROUTED = adapters.RequestInfo("GET", "http", "shop.test", "/orders/17")


def transactions(box: testing.Mailbox) -> list[tuple[str, str]]:
    """Return the transactions of the events, and what they are made of."""
    return [(e["transaction"], e["transaction_info"].get("source", "")) for e in box.events]


# -- requests ----------------------------------------------------------------------------------


def test_title_of_an_unknown_route_says_so(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The path is in the request, and never in the title (A4)."""
    capture = begin(describe=lambda _: UNROUTED)
    capture.response_started(503)
    capture.close()

    (event,) = mailbox.events
    assert event["logentry"]["formatted"] == "HTTP 503 GET <unknown>"
    assert event["request"]["url"] == "http://shop.test/orders/17"
    assert event["tags"]["route"] == "<unknown>"


def test_ignored_messages_are_searched_in_the_new_title(begin: Begin) -> None:
    """A pattern names the route template, not a path."""
    with testing.capture("shop", ignore_messages=[r"^HTTP 503 GET /orders/\{order_id\}$"]) as box:
        capture = begin()
        capture.response_started(503)
        capture.close()

    assert box.events == []


def name_by_current_scope() -> None:
    sentry_sdk.get_current_scope().set_transaction_name("checkout")


def name_by_isolation_scope() -> None:
    sentry_sdk.get_isolation_scope().set_transaction_name("checkout", source="component")


def name_by_assignment() -> None:
    sentry_sdk.get_current_scope().transaction = "checkout"


@pytest.mark.parametrize(
    "name", [name_by_current_scope, name_by_isolation_scope, name_by_assignment]
)
def test_transaction_of_the_application_is_kept_without_a_route(
    begin: Begin, mailbox: testing.Mailbox, name: Callable[[], None]
) -> None:
    """Whichever way it has named it, on each kind of event."""
    for work in (
        lambda c: c.response_started(503),
        lambda c: c.exception_escaped(ValueError()),
        lambda _: sentry_sdk.capture_message("no price"),
    ):
        capture = begin(describe=lambda _: UNROUTED)
        name()
        work(capture)
        capture.close()

    source = "component" if name is name_by_isolation_scope else ""
    assert transactions(mailbox) == [("checkout", source)] * 3


def test_known_route_is_the_transaction(begin: Begin, mailbox: testing.Mailbox) -> None:
    """One notation for the fleet: a known route wins over a name of the application (D3)."""
    capture = begin()
    name_by_current_scope()
    sentry_sdk.capture_message("no price")
    capture.response_started(503)
    capture.close()

    assert transactions(mailbox) == [("/orders/{order_id}", "route")] * 2


def test_suppressed_count_is_a_tag(begin: Begin) -> None:
    """The next event of a kind has the count where people look, and in its context (F3)."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for _ in range(4):
            capture = begin()
            capture.response_started(503)
            capture.close()
            sentry_sdk.capture_message("no price")
        # As if a minute had passed.
        for bucket in STATE.reporter._limiter._buckets.values():  # type: ignore[union-attr] # it is on
            bucket.tokens = 1
        STATE.reporter._limiter._all.tokens = 3  # type: ignore[union-attr] # likewise
        box.clear()
        capture = begin()
        capture.response_started(503)
        capture.close()
        sentry_sdk.capture_message("no price")

        found = [(e["tags"]["suppressed"], e["contexts"]["sentryinit"]) for e in box.events]
    assert found == [("3", {"suppressed": 3})] * 2


def test_first_event_has_no_suppressed_tag(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Without suppressed failures there is no tag."""
    begin().exception_escaped(ValueError())

    assert "suppressed" not in mailbox.events[0]["tags"]


# -- groups in a context -------------------------------------------------------------------------


def fail_in_group() -> None:
    inner = ExceptionGroup("inner", [KeyError("b"), TypeError("c")])
    raise ExceptionGroup("outer", [ValueError("a"), inner])


def fail_in_context() -> None:
    try:
        fail_in_group()
    except Exception:
        raise RuntimeError("d")  # noqa: B904 # an implicit context is the case


def fail_from_context() -> None:
    try:
        fail_in_context()
    except RuntimeError as error:
        raise LookupError("e") from error


def fail_with_a_group_in_a_member() -> None:
    try:
        fail_from_context()
    except LookupError as error:
        raise ExceptionGroup("all", [error, OSError("f")]) from None


@pytest.mark.parametrize(
    "fail", [fail_in_group, fail_in_context, fail_from_context, fail_with_a_group_in_a_member]
)
@pytest.mark.parametrize("how", ["argument", "current", "logged"])
def test_captured_exception_has_all_members(
    mailbox: testing.Mailbox, fail: Callable[[], None], how: str
) -> None:
    """Whatever the application captures: the members of each group behind it are on the event."""
    try:
        fail()
    except Exception as error:
        if how == "argument":
            sentry_sdk.capture_exception(error)
        elif how == "current":
            sentry_sdk.capture_exception()
        else:
            __import__("logging").getLogger("shop").exception("no")

    types = {value["type"] for value in mailbox.events[0]["exception"]["values"]}
    assert {"ValueError", "KeyError", "TypeError", "ExceptionGroup"} <= types


# -- outside of requests -------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that runs a program and returns its transactions, one a line."""
    sink = (
        "import sentryinit, sys, threading, sentry_sdk\n"
        "def hook(event, hint):\n"
        "    print(event['transaction'], event['transaction_info'].get('source'), flush=True)\n"
        "    return event\n"
        "def start():\n"
        "    return sentryinit.init('shop', dsn='https://key@shop.invalid/1', before_send=hook,\n"
        "        transport=lambda event: None)\n"
    )

    def run(body: str, *command: str) -> list[str]:
        (tmp_path / "orders").mkdir()
        (tmp_path / "orders/__init__.py").touch()
        for name in ("bill.py", "orders/__main__.py", "orders/bill.py"):
            (tmp_path / name).write_text(sink + body)
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.splitlines()

    return run


UNCAUGHT = "start()\nraise LookupError\n"
WITH = "with start():\n    raise LookupError\n"
ASYNC = f"import asyncio\nasync def main():\n  {WITH}asyncio.run(main())\n"


@pytest.mark.parametrize("body", [UNCAUGHT, WITH, ASYNC])
@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("bill.py",), "bill.py"),
        (("./bill.py",), "bill.py"),
        (("-m", "bill"), "python -m bill"),
        (("-m", "orders"), "python -m orders"),
        (("-m", "orders.bill"), "python -m orders.bill"),
    ],
)
def test_program_is_the_transaction(
    script: Any, body: str, command: tuple[str, ...], name: str
) -> None:
    """How the program was started, without its folder and its arguments."""
    assert script(body, *command, "--customer=alice", "alice") == [f"{name} task"]


def test_thread_is_the_transaction(script: Any) -> None:
    """Without its number, which says nothing."""
    body = "start()\ndef work():\n    raise LookupError\nthreading.Thread(target=work).start()\n"
    assert script(body, "bill.py", "alice") == ["Thread (work) task"]


def test_transaction_of_the_application_is_kept_outside_of_requests(script: Any) -> None:
    """Only an event without a name gets one."""
    name = "start()\nsentry_sdk.get_isolation_scope().set_transaction_name('bills')\n"
    assert script(name + UNCAUGHT, "bill.py") == ["bills None"]


def test_thread_of_a_pool_and_task(mailbox: testing.Mailbox) -> None:
    """What is captured in a job or a task has the name of the pool, or of the coroutine."""

    async def poll() -> None:
        sentry_sdk.capture_message("no price")

    with ThreadPoolExecutor(1, "bills") as pool:
        pool.submit(sentry_sdk.capture_message, "no price").result()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(sentry_sdk.capture_message, "no price").result()
    thread = threading.Thread(target=sentry_sdk.capture_message, args=["no price"], name="17")
    thread.start()
    thread.join()
    asyncio.run(poll())

    poll_name = poll.__qualname__
    expected = ["bills", "ThreadPoolExecutor", "thread", poll_name]
    assert transactions(mailbox) == [(name, "task") for name in expected]


def test_task_that_nobody_awaits(mailbox: testing.Mailbox) -> None:
    """What the event loop logs about a task has the name of the task, not of the current one."""

    async def poll() -> None:
        raise LookupError

    async def main() -> None:
        task = asyncio.ensure_future(poll())
        await asyncio.sleep(0)
        del task
        gc.collect()

    asyncio.run(main())

    ((name, _source),) = transactions(mailbox)
    assert name.rpartition(".")[2] == "poll"


def test_lost_work_by_a_logger_of_the_application(mailbox: testing.Mailbox) -> None:
    """An exception handler of the loop logs it as it likes: the name is that of the work (D3)."""

    def tell(_loop: object, context: dict[str, Any]) -> None:
        logging.getLogger("home").error("broken", exc_info=context["exception"])

    def tick() -> None:
        raise LookupError

    async def poll() -> None:
        raise LookupError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(tell)
        task, job = asyncio.ensure_future(poll()), loop.run_in_executor(None, tick)
        await asyncio.wait([task, job])
        del task
        gc.collect()
        del job
        gc.collect()
        loop.call_soon(tick)
        await asyncio.sleep(0)

    asyncio.run(main())

    names = [name.rpartition(".")[2] for name, _source in transactions(mailbox)]
    assert names == ["poll", "tick", "tick"]
    handled = [e["exception"]["values"][0]["mechanism"]["handled"] for e in mailbox.events]
    assert handled == [False] * 3


def test_future_that_nobody_awaits(mailbox: testing.Mailbox) -> None:
    """Without a traceback no task is known: the event has the name of the program."""

    async def main() -> None:
        asyncio.get_running_loop().create_future().set_exception(LookupError())
        gc.collect()

    asyncio.run(main())

    assert transactions(mailbox) == [(task_name.program_name(), "task")]


def test_start_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interactive Python, ``-c``, an embedded one: a name in any case."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    for argv, name in (([], "python"), ([""], "python"), (["-c"], "python"), (["a/b/"], "b")):
        monkeypatch.setattr(sys, "argv", argv)
        assert task_name.program_name() == name


def test_summary_and_handle_have_the_program(begin: Begin) -> None:
    """So has the summary of the rate limit, also if a thread of a request sends it."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for _ in range(2):
            begin().exception_escaped(ValueError())
        sentryinit.init()()

    assert transactions(box)[-1] == (task_name.program_name(), "task")


def test_own_runtime_context_is_kept(mailbox: testing.Mailbox) -> None:
    """A context of that name that the application has set is left alone."""
    sentry_sdk.get_isolation_scope().set_context("runtime", {"name": "shopvm"})
    sentry_sdk.capture_message("no price")

    assert mailbox.events[0]["contexts"]["runtime"] == {"name": "shopvm"}


def test_bound_coroutine_that_fails_has_its_own_name(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """D3: Not that of our function around it; and nobody has handled it."""
    begin()

    async def deliver() -> None:
        raise LookupError

    async def main() -> None:
        task = asyncio.create_task(sentryinit.bind(deliver)())
        await asyncio.sleep(0.01)
        del task
        gc.collect()

    asyncio.run(main())

    (event,) = mailbox.events
    name = "test_bound_coroutine_that_fails_has_its_own_name.<locals>.deliver"
    assert event["transaction"] in {name, "deliver"}
    assert event["exception"]["values"][-1]["mechanism"]["handled"] is False


@pytest.mark.parametrize(("code", "events"), [(3, 1), (0, 0)])
def test_bound_job_that_exits(
    begin: Begin, mailbox: testing.Mailbox, code: int, events: int
) -> None:
    """A11, A13: In an executor nobody sees it."""
    capture = begin()
    job = sentryinit.bind(lambda: sys.exit(code))
    capture.response_started(200)
    capture.close()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(job)

    assert len(mailbox.events) == events
