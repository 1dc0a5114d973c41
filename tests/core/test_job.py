# ruff: noqa: PT012 # the block is the job: what it does before it fails is what is tested
"""``sentryinit.job``: one scope, one trace, one name and at most one event a job (A14)."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from sentryinit import testing
from sentryinit._sdk import scopes
from sentryinit.wsgi import SentryInitMiddleware

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

log = logging.getLogger("shop.jobs")


class TaskPredicate(Exception):
    """What a task of Celery raises to tell its queue."""

    __module__ = "celery.exceptions"


class Retry(TaskPredicate):
    """Run it again later."""


def fail(text: str = "no printer") -> None:
    raise LookupError(text)


def failing(name: str, error: BaseException) -> None:
    """Run a job that ends with *error*."""
    with pytest.raises(type(error)) as caught, sentryinit.job(name):
        raise error
    assert caught.value is error


@pytest.fixture(params=["lazy", "fallback"])
def box(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Switch reporting on, with each way in which scopes are forked."""
    monkeypatch.setattr(scopes, "force_fallback", request.param == "fallback")
    with testing.capture("shop") as box:
        yield box


# -- the event ---------------------------------------------------------------------------------


def test_an_exception_is_one_event_and_goes_on(box: testing.Mailbox) -> None:
    """It is unhandled, has the name as its transaction, and nothing of a request."""
    failing("print-invoices", LookupError("no printer"))

    (event,) = box.events
    (value,) = event["exception"]["values"]
    assert value["mechanism"] == {"type": "job", "handled": False}
    assert (event["level"], event["transaction"]) == ("error", "print-invoices")
    assert event["transaction_info"] == {"source": "task"}
    assert event["tags"] == {"service": "shop"}
    assert "request" not in event
    assert "response" not in event["contexts"]


def test_a_good_job_is_no_event(box: testing.Mailbox) -> None:
    """Nothing is sent, and the result of a function is its own."""
    assert sentryinit.job("sum")(sum)([1, 2]) == 3
    assert box.envelopes == []


@pytest.mark.parametrize("where", ["current", "isolation"])
def test_a_transaction_of_the_application_wins(box: testing.Mailbox, where: str) -> None:
    """A name that is set inside, on any scope, is kept."""
    with pytest.raises(LookupError), sentryinit.job("print"):
        getattr(sentry_sdk, f"get_{where}_scope")().set_transaction_name("print-for-a-tenant")
        fail()

    assert box.events[0]["transaction"] == "print-for-a-tenant"


def test_all_events_of_a_job_have_its_name_and_trace(box: testing.Mailbox) -> None:
    """Messages, log records and the exception are one trace; the next job is another one."""
    for _ in range(2):
        with pytest.raises(LookupError), sentryinit.job("print"):
            sentry_sdk.capture_message("half of it")
            log.error("no paper")
            fail()

    assert [event["transaction"] for event in box.events] == ["print"] * 6
    traces = [event["contexts"]["trace"]["trace_id"] for event in box.events]
    assert [len(set(traces[:3])), len(set(traces[3:])), len(set(traces))] == [1, 1, 2]


def test_log_records_below_error_are_breadcrumbs(box: testing.Mailbox) -> None:
    """As those of a request: of this job only."""
    for n in range(2):
        with pytest.raises(LookupError), sentryinit.job("print"):
            log.warning("page %s", n)
            fail()

    texts = [[c["message"] for c in e["breadcrumbs"]["values"]] for e in box.events]
    assert texts == [["page 0"], ["page 1"]]


def test_a_group_is_one_event(box: testing.Mailbox) -> None:
    """The members are on it."""
    failing("batch", ExceptionGroup("two", [LookupError("a"), ValueError("b")]))

    (event,) = box.events
    assert len(event["exception"]["values"]) == 3


def test_the_event_is_masked(box: testing.Mailbox) -> None:
    """As any other, also in the name of the job."""
    failing("sync token=ghp_16C7e42F292c6912E7710c838347Ae178B4a", LookupError("password=hunter22"))

    assert b"ghp_16C7" not in box.envelopes[0]
    assert b"hunter22" not in box.envelopes[0]


def test_a_fault_of_ours_has_the_name_too(
    box: testing.Mailbox, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    """The event that is left if building fails has the name of the job."""
    monkeypatch.setattr("sentryinit._reporter.exception_event", lambda *_: 1 / 0)
    failing("print", LookupError())

    assert box.events[0]["transaction"] == "print"
    assert len(said()) == 1


# -- scopes ------------------------------------------------------------------------------------


def set_all(value: str) -> None:
    sentry_sdk.set_tag("tenant", value)
    sentry_sdk.get_current_scope().set_tag("part", value)
    sentry_sdk.set_user({"id": value})
    sentry_sdk.set_context("order", {"id": value})
    sentry_sdk.add_breadcrumb(message=value)


def about(event: dict[str, Any]) -> list[Any]:
    """Return what `set_all` has set on *event*."""
    tags, crumbs = event["tags"], event["breadcrumbs"]["values"]
    user, order = event.get("user", {}), event["contexts"].get("order", {})
    found = [tags.get("tenant"), tags.get("part"), user.get("id"), order.get("id")]
    return [*found, *(crumb["message"] for crumb in crumbs)]


def test_what_a_job_sets_does_not_leak(box: testing.Mailbox) -> None:
    """What follows, inside another job or outside, has none of it."""
    failing_with = functools.partial(pytest.raises, LookupError)
    with failing_with(), sentryinit.job("a"):
        set_all("a")
        fail()
    with failing_with(), sentryinit.job("b"):
        fail("b")
    sentry_sdk.capture_message("after")

    assert list(map(about, box.events)) == [["a"] * 5, [None] * 4, [None] * 4]


def test_a_job_has_what_was_set_at_the_start(box: testing.Mailbox) -> None:
    """As a request has (D6): also in a thread, and not what code before the job set there."""
    sentry_sdk.set_tag("region", "eu")

    def work() -> None:
        sentry_sdk.set_tag("left", "over")
        failing("print", LookupError())
        sentry_sdk.capture_message("after")

    run_in_thread(work)
    event, after = box.events
    assert event["tags"] == {"service": "shop", "region": "eu"}
    # The scopes of the thread are as they were.
    assert after["tags"]["left"] == "over"


def run_in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_nested_jobs_are_apart(box: testing.Mailbox) -> None:
    """The inner one has nothing of the outer one, which goes on as before."""
    with pytest.raises(LookupError), sentryinit.job("outer"):
        set_all("outer")
        with sentryinit.job("inner"):
            set_all("inner")
            sentry_sdk.capture_message("inside")
        fail()

    assert [e["transaction"] for e in box.events] == ["inner", "outer"]
    assert list(map(about, box.events)) == [["inner"] * 5, ["outer"] * 5]


def test_scopes_of_others_are_restored(box: testing.Mailbox) -> None:
    """A block with a scope of its own, as of a queue's integration, goes on as before."""
    with sentry_sdk.isolation_scope() as scope:
        scope.set_tag("queue", "mail")
        with sentryinit.job("quiet"):
            pass
        with sentryinit.job("loud"):
            set_all("loud")
        assert sentry_sdk.get_isolation_scope() is scope
        sentry_sdk.capture_message("after")
    sentry_sdk.capture_message("outside")

    assert [e["tags"].get("queue") for e in box.events] == ["mail", None]
    assert list(map(about, box.events)) == [[None] * 4] * 2


def test_jobs_in_threads_are_apart(box: testing.Mailbox) -> None:
    """Also if they share one object, and run at the same time."""
    shared, barrier = sentryinit.job("print"), threading.Barrier(4)

    def work(name: str) -> None:
        with pytest.raises(LookupError), shared:
            set_all(name)
            barrier.wait(10)
            fail(name)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(about, box.events)) == [[str(n)] * 5 for n in range(4)]
    assert len({e["contexts"]["trace"]["trace_id"] for e in box.events}) == 4


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside of a job"])
def test_jobs_in_tasks_are_apart(box: testing.Mailbox, *, inside: bool) -> None:
    """Side by side in one thread, with a shared object or a decorator."""
    shared = sentryinit.job("print")

    @sentryinit.job("print")
    async def decorated(name: str) -> None:
        await step(name)

    async def in_block(name: str) -> None:
        with shared:
            await step(name)

    async def step(name: str) -> None:
        set_all(name)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        fail(name)

    async def main() -> None:
        jobs = [decorated("a"), in_block("b"), in_block("c"), decorated("d")]
        await asyncio.gather(*jobs, return_exceptions=True)

    if inside:
        with sentryinit.job("scheduler"):
            set_all("scheduler")
            asyncio.run(main())
    else:
        asyncio.run(main())
    assert sorted(map(about, box.events)) == [[name] * 5 for name in "abcd"]


def test_a_task_that_a_job_starts_belongs_to_it(box: testing.Mailbox) -> None:
    """What it captures has the tags and the name of the job."""

    async def report() -> None:
        sentry_sdk.capture_message("in a task")

    async def main() -> None:
        with sentryinit.job("import"):
            set_all("import")
            await asyncio.create_task(report())

    asyncio.run(main())
    assert (about(box.events[0]), box.events[0]["transaction"]) == (["import"] * 5, "import")


def test_a_job_ends_in_another_context(box: testing.Mailbox) -> None:
    """As that of a fixture: what runs there later has nothing of it."""
    job, context = sentryinit.job("fixture"), contextvars.copy_context()
    context.run(job.__enter__)
    context.run(set_all, "fixture")
    job.__exit__(None, None, None)
    sentry_sdk.capture_message("after")

    assert about(box.events[0]) == [None] * 4


# -- once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["logged", "captured", "both", "logged as text"])
def test_an_exception_that_is_logged_as_well_is_one_event(box: testing.Mailbox, how: str) -> None:
    """``logger.exception``, and then ``raise``: one event, with the name of the job."""
    with pytest.raises(LookupError), sentryinit.job("print"):
        try:
            fail("the printer is gone")
        except LookupError as error:
            if how in {"logged", "both"}:
                log.exception("printing failed")
            if how in {"captured", "both"}:
                sentry_sdk.capture_exception(error)
            if how == "logged as text":
                log.error("printing failed: %s", error)  # noqa: TRY400 # without the traceback
            raise

    (event,) = box.events
    assert event["transaction"] == "print"
    if how.startswith("logged"):
        assert event["exception"]["values"][0]["mechanism"] == {"type": "job", "handled": False}


def test_what_a_job_handles_is_a_record_of_its_own(box: testing.Mailbox) -> None:
    """It is sent at the end of the job, with its name."""
    with sentryinit.job("print"):
        try:
            fail()
        except LookupError:
            log.exception("printing failed")

    (event,) = box.events
    assert (event["logger"], event["transaction"]) == ("shop.jobs", "print")


def around(function: Callable[[], None]) -> Callable[[], None]:
    """Do what queues do around a job: their integration captures, their worker logs."""

    def call() -> None:
        try:
            function()
        except LookupError as error:
            sentry_sdk.capture_exception(error)
            logging.getLogger("queue.worker").exception("job failed")
            raise

    return call


@pytest.mark.filterwarnings("ignore:Exception in thread")
@pytest.mark.parametrize("outer", ["queue", "job", "thread", "init"])
def test_it_is_one_event_whatever_is_around(box: testing.Mailbox, outer: str) -> None:
    """The code around may report what reaches it; it is reported already."""
    work: Callable[[], None] = sentryinit.job("print")(fail)
    if outer == "thread":
        run_in_thread(work)
    elif outer == "queue":
        with pytest.raises(LookupError):
            around(work)()
    else:
        with (
            pytest.raises(LookupError),
            sentryinit.init() if outer == "init" else sentryinit.job("outer"),
        ):
            work()

    (event,) = box.events
    assert event["transaction"] == "print"
    assert sentryinit.stats()["failures"] == 1


def test_a_suppressed_failure_counts_once() -> None:
    """Also if the queue captures and logs it; a job counts as a failure (F3)."""
    with testing.capture("shop", storm_guard=True, storm_burst=2, storm_per_minute=1) as box:
        for _ in range(10):
            with pytest.raises(LookupError):
                around(sentryinit.job("print")(fail))()

        assert len(box.events) == 2
        assert {k: sentryinit.stats()[k] for k in ("failures", "suppressed")} == {
            "failures": 10,
            "suppressed": 8,
        }


def test_inside_a_request_it_is_one_event(box: testing.Mailbox, wsgi: Any) -> None:
    """The job tells; the request fails with it, and its page has the id of that event."""
    ids = []

    def app(environ: Any, start_response: Any) -> Any:
        try:
            sentryinit.job("print")(fail)()
        except LookupError:
            ids.append(sentryinit.event_id())
            raise

    answer = wsgi(SentryInitMiddleware(app))
    (event,) = box.events
    assert isinstance(answer.error, LookupError)
    assert (event["transaction"], ids) == ("print", [event["event_id"]])


def test_a_request_inside_a_job_is_apart(box: testing.Mailbox, wsgi: Any) -> None:
    """As that of a test client: it has its own scope, and the job goes on after it."""

    def app(environ: Any, start_response: Any) -> Any:
        set_all("request")
        raise ValueError

    with pytest.raises(LookupError), sentryinit.job("crawl"):
        set_all("job")
        wsgi(SentryInitMiddleware(app))
        fail()

    assert list(map(about, box.events)) == [["request"] * 5, ["job"] * 5]
    assert [e["transaction"] for e in box.events] == ["<unknown>", "crawl"]


def test_one_instance_is_one_event_a_job(box: testing.Mailbox) -> None:
    """A library that raises one object again and again has failed as often (C4)."""
    error = LookupError("always the same")
    for _ in range(3):
        failing("print", error)

    assert len(box.events) == 3


@pytest.mark.parametrize("logger", ["celery.app.trace", "huey", "dramatiq.worker.WorkerThread"])
def test_what_a_worker_logs_is_unhandled(box: testing.Mailbox, logger: str) -> None:
    """Without a job, the record of the worker is the event: nobody has handled the exception."""
    try:
        fail()
    except LookupError:
        logging.getLogger(logger).exception("a task has failed")

    (value,) = box.events[0]["exception"]["values"]
    assert value["mechanism"]["handled"] is False


def test_a_copy_that_a_worker_logs_is_the_same_error(box: testing.Mailbox) -> None:
    """Celery logs a copy that can be pickled, with the traceback of the original."""
    with pytest.raises(LookupError):
        try:
            sentryinit.job("print")(fail)()
        except LookupError as error:
            copied = LookupError("a copy").with_traceback(error.__traceback__)
            info = (LookupError, copied, copied.__traceback__)
            logging.getLogger("celery.app.trace").exception("raised unexpected", exc_info=info)
            raise

    (event,) = box.events
    assert event["transaction"] == "print"


# -- what is no failure ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), SystemExit(), SystemExit(0), GeneratorExit()],
    ids=repr,
)
def test_aborts_are_no_events(box: testing.Mailbox, error: BaseException) -> None:
    """They go on, and are counted (A11, A13, B1)."""
    failing("print", error)
    assert box.events == []
    assert sentryinit.stats()["aborted"] == 1


@pytest.mark.parametrize("code", [3, "no printer"])
def test_an_exit_with_an_error_is_fatal(box: testing.Mailbox, code: object) -> None:
    """``sys.exit(n)`` is one event of the level ``fatal`` (A11)."""
    failing("print", SystemExit(code))
    assert [event["level"] for event in box.events] == ["fatal"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no task tells whether it was cancelled")
@pytest.mark.parametrize("who", ["the job", "another task"])
def test_who_was_cancelled_decides(box: testing.Mailbox, who: str) -> None:
    """A job that was cancelled itself is none; one that lost another task has failed (B1)."""

    async def main() -> None:
        other = asyncio.create_task(asyncio.sleep(60))
        mine = asyncio.create_task(sentryinit.job("print")(wait_for)(other))
        await asyncio.sleep(0)
        (mine if who == "the job" else other).cancel()
        await asyncio.gather(mine, other, return_exceptions=True)

    async def wait_for(other: asyncio.Task[None]) -> None:
        await other

    asyncio.run(main())
    assert len(box.events) == (who == "another task")


@pytest.mark.parametrize(
    "error", [Retry(), ConnectionError("gone"), ValueError("out of stock: 17")], ids=repr
)
def test_ignore_lists_apply(error: Exception) -> None:
    """What a task raises for its queue is on the list by default."""
    rules: dict[str, Any] = {"ignore_errors": ["ConnectionError"], "ignore_messages": ["stock"]}
    with testing.capture("shop", **rules) as box:
        failing("print", error)
        assert box.events == []
        assert sentryinit.stats()["ignored"] == 1


# -- as a decorator, and as an object ----------------------------------------------------------


def test_a_function_keeps_its_name(box: testing.Mailbox) -> None:
    """Queues find functions by name; a coroutine function stays one."""

    @sentryinit.job("a")
    def plain(x: int) -> int:
        """Its text."""
        return x

    @sentryinit.job("b")
    async def coroutine(x: int) -> int:
        return x

    assert (plain.__name__, plain.__doc__, plain.__module__) == ("plain", "Its text.", __name__)
    assert inspect.iscoroutinefunction(coroutine)
    assert not inspect.iscoroutinefunction(plain)
    assert (plain(1), asyncio.run(coroutine(2))) == (1, 2)


def test_a_recursive_function_is_one_event(box: testing.Mailbox) -> None:
    """Each call is a job; the innermost one tells."""

    @sentryinit.job("walk")
    def walk(depth: int) -> None:
        if not depth:
            fail()
        walk(depth - 1)

    with pytest.raises(LookupError):
        walk(3)
    assert len(box.events) == 1


def test_a_method_can_be_decorated(box: testing.Mailbox) -> None:
    """It gets its object."""

    class Printer:
        name = "laser"

        @sentryinit.job("print")
        def print(self, page: int) -> str:
            return f"{self.name} {page}"

    assert Printer().print(2) == "laser 2"


def generate() -> Any:
    yield 1


async def generate_async() -> Any:
    yield 1


@pytest.mark.parametrize("function", [generate, generate_async])
def test_a_generator_is_refused(function: Any) -> None:
    """The job would end before the first value; the error says what to do."""
    with pytest.raises(TypeError, match=r"use `with job\('export'\):`"):
        sentryinit.job("export")(function)


@pytest.mark.parametrize(
    ("given", "got"), [(fail, "a function"), ("", "an empty"), (None, "a None")]
)
def test_a_job_needs_a_name(given: Any, got: str) -> None:
    """``@sentryinit.job`` without a name is an error at once, and says what is expected."""
    with pytest.raises(TypeError, match=f'a name, as in .*"nightly-report".*got {got}'):
        sentryinit.job(given)


def test_an_object_that_is_entered_in_itself(box: testing.Mailbox) -> None:
    """The inner entry ends first."""
    job = sentryinit.job("print")
    with job:
        set_all("outer")
        with job:
            set_all("inner")
        sentry_sdk.capture_message("outer")

    assert about(box.events[0]) == ["outer"] * 5


# -- off ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clean")
def test_off_it_does_nothing() -> None:
    """The exception goes on; a block may begin where reporting is off, and end where it is on."""
    failing("print", LookupError())
    job = sentryinit.job("print")
    job.__enter__()
    with testing.capture("shop") as box:
        job.__exit__(LookupError, LookupError(), None)
        assert box.events == []


def test_off_it_imports_nothing() -> None:
    """Neither sentry-sdk nor anything of ours."""
    code = """
import sys, sentryinit
sentryinit.init()
before = set(sys.modules)
with sentryinit.job("print"):
    pass
assert set(sys.modules) == before, set(sys.modules) - before
assert "sentry_sdk" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_function_is_decorated_before_init(clean: None) -> None:
    """Modules are imported, and their functions decorated, before reporting is switched on."""
    work: Callable[[], None] = sentryinit.job("print")(fail)
    with testing.capture("shop") as box:
        with pytest.raises(LookupError):
            work()
        assert len(box.events) == 1


def test_a_good_job_builds_nothing(box: testing.Mailbox) -> None:
    """No event, no description, and a scope only in the fallback (F1)."""
    with testing.count_work() as work, sentryinit.job("print"):
        pass
    assert (work.events_built, work.events_masked) == (0, 0)
    assert work.requests_described == 0


class Called:
    """An object whose call makes a coroutine."""

    async def __call__(self) -> None:
        await asyncio.sleep(0)
        raise LookupError


def test_what_returns_a_coroutine_is_a_job_until_it_ends(mailbox: testing.Mailbox) -> None:
    """Not only ``async`` functions: objects, partial functions and plain functions."""

    def plain() -> Any:
        return Called()()

    for function in (Called(), functools.partial(Called()), plain):
        with pytest.raises(LookupError):
            asyncio.run(sentryinit.job("nightly")(function)())

    assert [event["transaction"] for event in mailbox.events] == ["nightly"] * 3


@pytest.mark.parametrize("given", [Called, classmethod(Called), None, 5])
def test_only_functions_are_decorated(given: Any) -> None:
    """A class would be a function then; what has no call would fail later."""
    with pytest.raises(TypeError, match=r"job\(\) decorates a function"):
        sentryinit.job("nightly")(given)
