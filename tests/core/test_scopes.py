"""The isolation scope of a request, lazy and fallback: it inherits, and leaks nothing."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sentry_sdk
import sentry_sdk.scope

from sentryinit import adapters, testing, wsgi
from sentryinit._sdk import scopes
from sentryinit._state import STATE

ADAPTER: adapters.Adapter[str] = adapters.Adapter(
    "tests", lambda _: adapters.RequestInfo("", "", "", "")
)


@pytest.fixture(params=["lazy", "fallback"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with the lazy scope and with the fallback."""
    monkeypatch.setattr(scopes, "force_fallback", request.param == "fallback")
    return str(request.param)


@pytest.fixture
def box(kind: str) -> Iterator[testing.Mailbox]:
    """Switch reporting on, with the scope of *kind*."""
    with testing.capture("shop") as box:
        yield box


def end() -> None:
    """Close the current capture."""
    capture = adapters.current_capture()
    if capture is not None:
        capture.close()


def begin() -> None:
    """Begin a request, after the end of the one before."""
    end()
    ADAPTER.open("request")


@pytest.fixture(autouse=True)
def _over() -> Iterator[None]:
    yield
    end()


def run_in_context(function: Callable[[], Any]) -> Any:
    """Run *function* in its own context, as a server's task does."""
    return contextvars.copy_context().run(function)


def environ(path: str = "/orders/17") -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "shop.test",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
    }


def sent(box: testing.Mailbox, text: str = "sent") -> dict[str, Any]:
    """Send an event from here and return it."""
    sentry_sdk.capture_message(text)
    return box.events[-1]


def tags(event: dict[str, Any]) -> dict[str, str]:
    return {
        name: value for name, value in event["tags"].items() if name not in {"service", "route"}
    }


def test_kind_of_scope(kind: str, box: testing.Mailbox) -> None:
    """The lazy scope works on the lowest and the latest sentry-sdk; the fallback if forced."""
    begin()

    assert (STATE.scopes.get_isolation() is scopes.UNFORKED) is (kind == "lazy")


def test_self_test_leaves_no_data(box: testing.Mailbox) -> None:
    """Tags and breadcrumbs of the self-test are on no event."""
    event = sent(box)

    assert tags(event) == {}
    assert event.get("breadcrumbs", {}).get("values", []) == []


def test_start_up_tags_are_inherited(box: testing.Mailbox) -> None:
    """Tags set at start-up are on the events of every request."""
    sentry_sdk.set_tag("region", "eu")
    begin()

    assert tags(sent(box)) == {"region": "eu"}


def test_start_up_tags_are_inherited_in_a_new_thread(box: testing.Mailbox) -> None:
    """A worker thread starts with an empty context and inherits the tags too."""
    sentry_sdk.set_tag("region", "eu")
    with ThreadPoolExecutor(1) as pool:
        event = pool.submit(lambda: (begin(), sent(box))[1]).result()

    assert tags(event) == {"region": "eu"}


def test_nothing_leaks_to_the_next_request(box: testing.Mailbox) -> None:
    """A request in the same thread and context has no data of the one before."""
    begin()
    sentry_sdk.set_tag("order", "17")
    begin()

    assert tags(sent(box)) == {}


def test_nothing_leaks_from_the_current_scope(box: testing.Mailbox) -> None:
    """Data set on the current scope ends with its request as well."""
    begin()
    sentry_sdk.get_current_scope().set_tag("order", "17")
    begin()

    assert tags(sent(box)) == {}


def test_nothing_leaks_out_of_a_request(box: testing.Mailbox) -> None:
    """Data of a request is not on events from outside of requests."""

    def request() -> None:
        begin()
        sentry_sdk.set_tag("order", "17")

    run_in_context(request)

    assert tags(sent(box)) == {}


def test_inherited_tags_are_a_copy(box: testing.Mailbox) -> None:
    """Overwriting a start-up tag in a request does not change it outside."""
    sentry_sdk.set_tag("region", "eu")
    run_in_context(lambda: (begin(), sentry_sdk.set_tag("region", "us")))

    assert tags(sent(box)) == {"region": "eu"}


def test_a_tag_set_at_start_up_after_init_is_inherited(box: testing.Mailbox) -> None:
    """The start-up scope is read when a request first uses its own scope."""
    begin()
    run_in_context(lambda: None)
    scopes._base.set_tag("late", "yes")
    begin()

    assert tags(sent(box)) == {"late": "yes"}


def test_nothing_leaks_across_tasks(box: testing.Mailbox) -> None:
    """Two concurrent requests each have only their own tag."""

    async def request(number: int, gate: asyncio.Event) -> dict[str, Any]:
        begin()
        sentry_sdk.set_tag(f"tag{number}", "yes")
        if number == 2:
            gate.set()
        await gate.wait()
        return tags(sent(box))

    async def main() -> list[dict[str, Any]]:
        gate = asyncio.Event()
        return await asyncio.gather(*(asyncio.create_task(request(n, gate)) for n in (1, 2)))

    assert asyncio.run(main()) == [{"tag1": "yes"}, {"tag2": "yes"}]


def test_child_task_and_thread_write_to_the_request_s_scope(box: testing.Mailbox) -> None:
    """Tags set in a task or a thread of the request are on its event."""

    async def main() -> dict[str, Any]:
        begin()

        async def child() -> None:
            sentry_sdk.set_tag("task", "yes")

        await asyncio.create_task(child())
        await asyncio.to_thread(sentry_sdk.set_tag, "thread", "yes")
        return tags(sent(box))

    assert asyncio.run(main()) == {"task": "yes", "thread": "yes"}


def test_request_in_a_copied_context_is_clean(box: testing.Mailbox) -> None:
    """A request in a copy of the last context has none of its data, as with keep-alive."""

    def first() -> contextvars.Context:
        begin()
        sentry_sdk.set_tag("order", "17")
        sentry_sdk.set_user({"id": "ann"})
        return contextvars.copy_context()

    def second() -> dict[str, Any]:
        begin()
        return sent(box)

    event = run_in_context(first).run(second)

    assert (tags(event), event.get("user")) == ({}, None)


@pytest.mark.parametrize(
    ("touch", "read", "value"),
    [
        pytest.param(
            lambda: sentry_sdk.set_tag("a", "b"), lambda e: e["tags"]["a"], "b", id="set_tag"
        ),
        pytest.param(
            lambda: sentry_sdk.set_user({"id": "ann"}), lambda e: e["user"]["id"], "ann", id="user"
        ),
        pytest.param(
            lambda: sentry_sdk.set_context("a", {"b": 1}),
            lambda e: e["contexts"]["a"],
            {"b": 1},
            id="context",
        ),
        pytest.param(
            lambda: sentry_sdk.set_extra("a", 1), lambda e: e["extra"]["a"], 1, id="set_extra"
        ),
        pytest.param(
            lambda: sentry_sdk.set_level("fatal"), lambda e: e["level"], "fatal", id="set_level"
        ),
        pytest.param(
            lambda: sentry_sdk.add_breadcrumb(message="a"),
            lambda e: e["breadcrumbs"]["values"][0]["message"],
            "a",
            id="add_breadcrumb",
        ),
        pytest.param(
            lambda: sentry_sdk.get_isolation_scope().set_transaction_name("a"),
            # The event of a request has the route as transaction.
            lambda _: sentry_sdk.get_isolation_scope()._transaction,
            "a",
            id="transaction",
        ),
        pytest.param(
            lambda: sentry_sdk.get_isolation_scope().add_event_processor(
                lambda event, hint: {**event, "dist": "7"}
            ),
            lambda e: e["dist"],
            "7",
            id="processor",
        ),
        pytest.param(
            lambda: setattr(sentry_sdk.get_isolation_scope(), "fingerprint", ["a"]),
            lambda e: e["fingerprint"],
            ["a"],
            id="fingerprint",
        ),
    ],
)
def test_each_sdk_function_works_first(
    box: testing.Mailbox, touch: Any, read: Callable[[dict[str, Any]], Any], value: object
) -> None:
    """Each function of the SDK that adds data works as the first one in a request."""
    begin()
    touch()

    assert read(sent(box)) == value


def test_new_scope(box: testing.Mailbox) -> None:
    """A new scope inside a request has the tags of the request, and its own tags end with it."""
    begin()
    sentry_sdk.set_tag("outer", "yes")
    with sentry_sdk.new_scope() as scope:
        scope.set_tag("inner", "yes")
        inside = tags(sent(box))

    assert (inside, tags(sent(box))) == ({"outer": "yes", "inner": "yes"}, {"outer": "yes"})


def test_isolation_scope(box: testing.Mailbox) -> None:
    """A fork inside a request inherits its tags, and its own tags end with it."""
    begin()
    sentry_sdk.set_tag("outer", "yes")
    with sentry_sdk.isolation_scope():
        sentry_sdk.set_tag("inner", "yes")
        inside = tags(sent(box))

    assert (inside, tags(sent(box))) == ({"outer": "yes", "inner": "yes"}, {"outer": "yes"})


def test_isolation_scope_in_an_unforked_request(box: testing.Mailbox) -> None:
    """A fork of an unforked scope inherits the start-up tags."""
    sentry_sdk.set_tag("region", "eu")
    begin()
    with sentry_sdk.isolation_scope():
        sentry_sdk.set_tag("inner", "yes")
        inside = tags(sent(box))

    assert (inside, tags(sent(box))) == ({"region": "eu", "inner": "yes"}, {"region": "eu"})


def test_last_event_id(box: testing.Mailbox) -> None:
    """``sentry_sdk.last_event_id()`` works in a request."""
    begin()

    assert sentry_sdk.capture_message("a") == sentry_sdk.last_event_id()


def test_concurrent_first_writes_lose_no_tag(box: testing.Mailbox) -> None:
    """No tag is lost if many threads of a request write first at the same time."""
    for _ in range(50):
        begin()
        context = contextvars.copy_context()
        barrier = threading.Barrier(4)

        def touch(number: int, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            sentry_sdk.set_tag(f"t{number}", "yes")

        threads = [
            threading.Thread(target=context.copy().run, args=(touch, number)) for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert tags(sent(box)) == {f"t{number}": "yes" for number in range(4)}


AGAIN = """
from concurrent.futures import ThreadPoolExecutor
import sentry_sdk
from sentryinit import adapters, testing
from sentryinit._sdk import scopes

scopes.force_fallback = {fallback}
adapter = adapters.Adapter("tests", lambda _: adapters.RequestInfo("", "", "", ""))

def later():
    with testing.capture("later") as box:
        adapter.open("request")
        sentry_sdk.set_tag("a", "b")
        sentry_sdk.capture_message("sent")
        return box.events[0]["tags"]

with ThreadPoolExecutor(1) as pool:
    with testing.capture("earlier"):
        pool.submit(lambda: adapter.open("request").close()).result()
    print(pool.submit(later).result())
"""


@pytest.mark.parametrize("fallback", [False, True])
def test_later_start_ignores_the_scope_that_a_worker_thread_kept(
    child: Any, fallback: bool
) -> None:  # both ways
    """A worker thread keeps the scope of its last request; a later start does not fork it."""
    done = child(AGAIN.format(fallback=fallback), prelude="")

    assert done.out == "{'a': 'b', 'service': 'later', 'route': '<unknown>'}\n", done.err[-300:]


# -- the lazy scope only ---------------------------------------------------------------------------


def test_request_that_writes_nothing_has_no_fork(mailbox: testing.Mailbox) -> None:
    """A good request does not fork the scope."""
    begin()
    sentry_sdk.get_client()

    assert STATE.scopes.get_isolation() is scopes.UNFORKED
    assert adapters.current_capture().scope is None  # type: ignore[union-attr] # begun above


def test_first_write_forks_the_scope(mailbox: testing.Mailbox) -> None:
    """After the first write the request has its own fork."""
    begin()
    sentry_sdk.set_tag("a", "b")

    assert type(sentry_sdk.get_isolation_scope()) is scopes.RequestScope


def test_kept_scope_writes_to_its_own_request(box: testing.Mailbox) -> None:
    """A reference to a request's scope writes to that request, in any thread and at any time."""
    begin()
    first = sentry_sdk.get_isolation_scope()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: first.set_tag("from", "a thread")).result()
    event = sent(box)
    begin()
    first.set_tag("late", "for the first")
    with sentry_sdk.scope.use_isolation_scope(first):
        within = sent(box)

    assert tags(event) == {"from": "a thread"}
    assert tags(within) == {"from": "a thread", "late": "for the first"}
    assert tags(sent(box)) == {}


def test_shared_unforked_scope_writes_to_the_current_request(mailbox: testing.Mailbox) -> None:
    """The scope that all unforked requests share writes to the scope of the current request."""
    begin()
    scope: Any = STATE.scopes.get_isolation()
    scope.set_tag("a", "b")
    sentry_sdk.set_tag("c", "d")
    scope.set_tag("e", "f")
    scope.fingerprint = ["g"]

    assert tags(sent(mailbox)) == {"a": "b", "c": "d", "e": "f"}
    assert scope._tags == {"a": "b", "c": "d", "e": "f"}
    assert copy.copy(scope)._fingerprint == ["g"]


def test_first_write_in_a_copied_context_is_the_request_s(mailbox: testing.Mailbox) -> None:
    """A task, or a thread with a copied context, writes to the scope of its request."""
    begin()
    run_in_context(lambda: sentry_sdk.set_tag("a", "b"))

    assert tags(sent(mailbox)) == {"a": "b"}


def test_threads_of_a_request_share_one_scope(mailbox: testing.Mailbox) -> None:
    """A request has one scope, whichever thread writes first."""
    begin()
    barrier = threading.Barrier(8)

    def touch(number: int) -> None:
        barrier.wait()
        sentry_sdk.set_tag(f"t{number}", "here")

    with ThreadPoolExecutor(8) as pool:
        contexts = [contextvars.copy_context() for _ in range(8)]
        list(pool.map(lambda n: contexts[n].run(touch, n), range(8)))

    assert len(tags(sent(mailbox))) == 8


@pytest.mark.parametrize("touched", [False, True])
def test_copy_of_the_scope_is_independent(
    mailbox: testing.Mailbox, touched: bool
) -> None:  # both ways
    """A copy has the request's data so far, and writes to itself only."""
    sentry_sdk.set_tag("region", "eu")
    begin()
    if touched:
        sentry_sdk.set_tag("a", "b")
    made = copy.copy(STATE.scopes.get_isolation())
    made.set_tag("c", "d")

    assert made._tags == {"region": "eu", "c": "d", **({"a": "b"} if touched else {})}
    assert "c" not in tags(sent(mailbox))


def test_client_set_on_the_scope_is_used(mailbox: testing.Mailbox) -> None:
    """A client that is set on a request's scope is the active client."""
    client = sentry_sdk.Client()

    def request() -> list[object]:
        begin()
        scope: Any = STATE.scopes.get_isolation()
        run_in_context(lambda: scope.set_client(client))
        return [scope.client, sentry_sdk.get_client()]

    assert run_in_context(request) == [client, client]


def test_failing_body_has_the_scope_of_its_request(box: testing.Mailbox) -> None:
    """The event of a failing body has its own request's user, whichever request began last."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        name = environ["PATH_INFO"][1:]
        sentry_sdk.set_user({"id": name})

        def body() -> Iterator[bytes]:
            yield b"some"
            raise LookupError(name)

        return body()

    boundary = wsgi.SentryInitMiddleware(app)
    bodies = {name: iter(boundary(environ(f"/{name}"), lambda *_: None)) for name in ("ann", "bob")}
    for body in (*bodies.values(), bodies["bob"], bodies["ann"]):
        with contextlib.suppress(LookupError):
            next(body)
    with ThreadPoolExecutor(1) as pool:
        late = iter(boundary(environ("/eve"), lambda *_: None))
        next(late)
        assert isinstance(pool.submit(next, late).exception(), LookupError)

    assert [event["user"]["id"] for event in box.events] == ["bob", "ann", "eve"]


def test_environ_served_twice_is_two_requests(mailbox: testing.Mailbox) -> None:
    """A retry outside of the boundary with the same environ is a new request."""
    statuses = ["200 OK", "503 Service Unavailable"]

    def app(environ: Any, start_response: Any) -> Any:
        start_response(statuses.pop(0), [])
        return [b""]

    boundary, again = wsgi.SentryInitMiddleware(app), environ()
    for _ in range(2):
        boundary(again, lambda *_: None)

    assert [event["tags"]["status_code"] for event in mailbox.events] == ["503"]


def test_summary_has_no_user() -> None:
    """The summary event does not have the user of the last request."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for _ in range(3):
            begin()
            capture: Any = adapters.current_capture()
            capture.exception_escaped(LookupError())
        begin()
        sentry_sdk.set_user({"id": "innocent"})
        sentry_sdk.flush()
        STATE.reporter.send_summary()  # type: ignore[union-attr] # it is on

    assert [event.get("user") for event in box.events] == [None, None]


def test_request_can_be_none(mailbox: testing.Mailbox) -> None:
    """An adapter can open a capture without a request object."""
    adapter: adapters.Adapter[None] = adapters.Adapter("job", lambda _: ADAPTER.describe(""))
    adapter.open(None).exception_escaped(LookupError())

    assert len(mailbox.events) == 1


# -- if sentry-sdk changes its private names -------------------------------------------------------


def renamed(patch: pytest.MonkeyPatch) -> None:
    known = {"_isolation_scope": sentry_sdk.scope._isolation_scope}
    patch.setattr(scopes, "sdk", types.SimpleNamespace(**known))


def unused(patch: pytest.MonkeyPatch) -> None:
    another: contextvars.ContextVar[Any] = contextvars.ContextVar("another", default=None)
    known = {"_current_scope": sentry_sdk.scope._current_scope, "_isolation_scope": another}
    patch.setattr(scopes, "sdk", types.SimpleNamespace(**known))


def never_forked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scopes, "_fork", lambda: None)


def an_ordinary_scope(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scopes, "UNFORKED", sentry_sdk.Scope())


@pytest.mark.parametrize("change", [renamed, unused, never_forked, an_ordinary_scope])
def test_failing_self_test_selects_the_fallback(
    monkeypatch: pytest.MonkeyPatch, mailbox: testing.Mailbox, change: Any
) -> None:
    """If the lazy scope does not work, the fallback is used."""
    base = sentry_sdk.get_isolation_scope()
    with monkeypatch.context() as patch:
        change(patch)
        scopes.install()

    assert STATE.scopes.set_isolation is scopes._fork_now
    assert sentry_sdk.get_isolation_scope() is base


def test_self_test_detects_a_leak(
    monkeypatch: pytest.MonkeyPatch, mailbox: testing.Mailbox
) -> None:
    """The self-test fails if the lazy scope writes to the start-up scope."""
    monkeypatch.setattr(scopes, "_fork", lambda: scopes._base)

    scopes.install()

    assert STATE.scopes.set_isolation is scopes._fork_now
    sentry_sdk.get_isolation_scope().clear()
