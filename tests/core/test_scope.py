"""The isolation scope of a request, lazy and fallback: inherits, keeps, and leaks nothing."""

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
from sentryinit._sdk import scopes as _scope
from sentryinit._state import STATE

ADAPTER: adapters.Adapter[str] = adapters.Adapter(
    "tests", lambda _: adapters.RequestInfo("", "", "", "")
)


@pytest.fixture(params=["lazy", "fallback"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to begin a request have the same promises."""
    monkeypatch.setattr(_scope, "force_fallback", request.param == "fallback")
    return str(request.param)


@pytest.fixture
def box(kind: str) -> Iterator[testing.Mailbox]:
    """Reporting is on, with start-up tags, on the way of *kind*."""
    with testing.capture("shop") as box:
        yield box


def end() -> None:
    """Have the request that was begun last be over."""
    capture = adapters.current_capture()
    if capture is not None:
        capture.close()


def begin() -> None:
    """Begin a request, after the one before it."""
    end()
    ADAPTER.open("request")


@pytest.fixture(autouse=True)
def _over() -> Iterator[None]:
    yield
    end()


def alone(function: Callable[[], Any]) -> Any:
    """Run *function* in a context of its own, as a server's task does."""
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
    """Have an event sent from here; return it."""
    sentry_sdk.capture_message(text)
    return box.events[-1]


def tags(event: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in event["tags"].items() if name != "service"}


def test_the_way_is_the_one_asked_for(kind: str, box: testing.Mailbox) -> None:
    """The lazy scope works on the lowest and the latest sentry-sdk; the fallback if forced."""
    begin()

    assert (STATE.scopes.get_isolation() is _scope.UNFORKED) is (kind == "lazy")


def test_the_self_test_leaves_nothing(box: testing.Mailbox) -> None:
    """What the self-test set and recorded is on no event."""
    event = sent(box)

    assert tags(event) == {}
    assert event.get("breadcrumbs", {}).get("values", []) == []


def test_start_up_tags_are_inherited(box: testing.Mailbox) -> None:
    """What was set at start-up is on the events of every request."""
    sentry_sdk.set_tag("region", "eu")
    begin()

    assert tags(sent(box)) == {"region": "eu"}


def test_start_up_tags_are_inherited_in_a_new_thread(box: testing.Mailbox) -> None:
    """A worker thread starts with an empty context and inherits all the same."""
    sentry_sdk.set_tag("region", "eu")
    with ThreadPoolExecutor(1) as pool:
        event = pool.submit(lambda: (begin(), sent(box))[1]).result()

    assert tags(event) == {"region": "eu"}


def test_nothing_leaks_to_the_next_request(box: testing.Mailbox) -> None:
    """A request on the same thread and context begins clean."""
    begin()
    sentry_sdk.set_tag("order", "17")
    begin()

    assert tags(sent(box)) == {}


def test_nothing_leaks_from_the_current_scope(box: testing.Mailbox) -> None:
    """What was set on the current scope ends with its request as well."""
    begin()
    sentry_sdk.get_current_scope().set_tag("order", "17")
    begin()

    assert tags(sent(box)) == {}


def test_nothing_leaks_back_to_the_start(box: testing.Mailbox) -> None:
    """What a request sets is not on events from outside of requests."""

    def request() -> None:
        begin()
        sentry_sdk.set_tag("order", "17")

    alone(request)

    assert tags(sent(box)) == {}


def test_what_was_inherited_is_a_copy(box: testing.Mailbox) -> None:
    """Overwriting a start-up tag in a request leaves it as it was."""
    sentry_sdk.set_tag("region", "eu")
    alone(lambda: (begin(), sentry_sdk.set_tag("region", "us")))

    assert tags(sent(box)) == {"region": "eu"}


def test_a_tag_set_at_start_up_after_init_is_inherited(box: testing.Mailbox) -> None:
    """The scope that stood at start-up is looked at when a request touches its own."""
    begin()
    alone(lambda: None)
    _scope._base.set_tag("late", "yes")
    begin()

    assert tags(sent(box)) == {"late": "yes"}


def test_nothing_leaks_across_tasks(box: testing.Mailbox) -> None:
    """Two requests at once, interleaved, have an event each with their own tag only."""

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


def test_a_child_task_sets_for_its_request(box: testing.Mailbox) -> None:
    """What a task or a thread of the request sets is on the request's event."""

    async def main() -> dict[str, Any]:
        begin()

        async def child() -> None:
            sentry_sdk.set_tag("task", "yes")

        await asyncio.create_task(child())
        await asyncio.to_thread(sentry_sdk.set_tag, "thread", "yes")
        return tags(sent(box))

    assert asyncio.run(main()) == {"task": "yes", "thread": "yes"}


def test_a_request_from_the_context_of_another(box: testing.Mailbox) -> None:
    """A request whose context is a copy of the last one's, as on a kept-alive connection."""

    def first() -> contextvars.Context:
        begin()
        sentry_sdk.set_tag("order", "17")
        sentry_sdk.set_user({"id": "ann"})
        return contextvars.copy_context()

    def second() -> dict[str, Any]:
        begin()
        return sent(box)

    event = alone(first).run(second)

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
            # On the event of a request its route stands there.
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
def test_whatever_touches_first(
    box: testing.Mailbox, touch: Any, read: Callable[[dict[str, Any]], Any], value: object
) -> None:
    """Each of the SDK's ways to add to an event works as the first touch of a request."""
    begin()
    touch()

    assert read(sent(box)) == value


def test_new_scope(box: testing.Mailbox) -> None:
    """A scope within a request has the request's tags, and its own end with it."""
    begin()
    sentry_sdk.set_tag("outer", "yes")
    with sentry_sdk.new_scope() as scope:
        scope.set_tag("inner", "yes")
        inside = tags(sent(box))

    assert (inside, tags(sent(box))) == ({"outer": "yes", "inner": "yes"}, {"outer": "yes"})


def test_isolation_scope(box: testing.Mailbox) -> None:
    """A fork within a request inherits from it, and gives nothing back."""
    begin()
    sentry_sdk.set_tag("outer", "yes")
    with sentry_sdk.isolation_scope():
        sentry_sdk.set_tag("inner", "yes")
        inside = tags(sent(box))

    assert (inside, tags(sent(box))) == ({"outer": "yes", "inner": "yes"}, {"outer": "yes"})


def test_an_isolation_scope_in_an_untouched_request(box: testing.Mailbox) -> None:
    """A fork of what nobody touched inherits from the start-up."""
    sentry_sdk.set_tag("region", "eu")
    begin()
    with sentry_sdk.isolation_scope():
        sentry_sdk.set_tag("inner", "yes")
        inside = tags(sent(box))

    assert (inside, tags(sent(box))) == ({"region": "eu", "inner": "yes"}, {"region": "eu"})


def test_the_last_event_id(box: testing.Mailbox) -> None:
    """The SDK's way to ask for the last event works in a request."""
    begin()

    assert sentry_sdk.capture_message("a") == sentry_sdk.last_event_id()


def test_threads_that_touch_at_the_same_time(box: testing.Mailbox) -> None:
    """No tag is lost when many threads of a request are the first to touch its scope."""
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
from sentryinit._sdk import scopes as _scope

_scope.force_fallback = {fallback}
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
def test_capture_again_in_a_thread_that_has_served(child: Any, fallback: bool) -> None:  # both ways
    """A worker thread keeps the scope of its last request: a later start is not built on it."""
    done = child(AGAIN.format(fallback=fallback), prelude="")

    assert done.out == "{'a': 'b', 'service': 'later'}\n", done.err[-300:]


# -- only the lazy one ---------------------------------------------------------------------------


def test_a_request_that_touches_nothing_forks_nothing(mailbox: testing.Mailbox) -> None:
    """A request that goes well has no scope of its own."""
    begin()
    sentry_sdk.get_client()

    assert STATE.scopes.get_isolation() is _scope.UNFORKED
    assert adapters.current_capture().scope is None  # type: ignore[union-attr] # begun above


def test_a_touched_scope_is_an_ordinary_one(mailbox: testing.Mailbox) -> None:
    """From the first touch on nothing of ours is in the way."""
    begin()
    sentry_sdk.set_tag("a", "b")

    assert type(sentry_sdk.get_isolation_scope()) is _scope.RequestScope


def test_a_scope_in_hand_is_of_its_request(box: testing.Mailbox) -> None:
    """Whoever has it, wherever and whenever, writes on that request's and nobody else's."""
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


def test_what_the_sdk_reads_by_itself(mailbox: testing.Mailbox) -> None:
    """Its variable has the scope of all untouched requests, which writes on that of its request."""
    begin()
    scope: Any = STATE.scopes.get_isolation()
    scope.set_tag("a", "b")
    sentry_sdk.set_tag("c", "d")
    scope.set_tag("e", "f")
    scope.fingerprint = ["g"]

    assert tags(sent(mailbox)) == {"a": "b", "c": "d", "e": "f"}
    assert scope._tags == {"a": "b", "c": "d", "e": "f"}
    assert copy.copy(scope)._fingerprint == ["g"]


def test_what_a_child_touches_first(mailbox: testing.Mailbox) -> None:
    """A task, or a thread with a copy of the context, writes on the scope of its request."""
    begin()
    alone(lambda: sentry_sdk.set_tag("a", "b"))

    assert tags(sent(mailbox)) == {"a": "b"}


def test_two_threads_touch_first(mailbox: testing.Mailbox) -> None:
    """A request has one scope, whichever of its threads comes to it first."""
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
def test_a_copy_is_one_of_its_own(mailbox: testing.Mailbox, touched: bool) -> None:  # both ways
    """A fork has what its request has so far, and writes on itself alone."""
    sentry_sdk.set_tag("region", "eu")
    begin()
    if touched:
        sentry_sdk.set_tag("a", "b")
    made = copy.copy(STATE.scopes.get_isolation())
    made.set_tag("c", "d")

    assert made._tags == {"region": "eu", "c": "d", **({"a": "b"} if touched else {})}
    assert "c" not in tags(sent(mailbox))


def test_a_client_of_its_own(mailbox: testing.Mailbox) -> None:
    """A client that is set on the scope of a request is the one that is asked for."""
    client = sentry_sdk.Client()

    def request() -> list[object]:
        begin()
        scope: Any = STATE.scopes.get_isolation()
        alone(lambda: scope.set_client(client))
        return [scope.client, sentry_sdk.get_client()]

    assert alone(request) == [client, client]


def test_two_bodies_at_once(box: testing.Mailbox) -> None:
    """The event of a body that fails has what its own request set, whichever was begun last."""

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


def test_an_environ_that_is_served_twice(mailbox: testing.Mailbox) -> None:
    """A retry outside of the boundary is a request of its own."""
    statuses = ["200 OK", "503 Service Unavailable"]

    def app(environ: Any, start_response: Any) -> Any:
        start_response(statuses.pop(0), [])
        return [b""]

    boundary, again = wsgi.SentryInitMiddleware(app), environ()
    for _ in range(2):
        boundary(again, lambda *_: None)

    assert [event["tags"]["status_code"] for event in mailbox.events] == ["503"]


def test_a_summary_is_nobodys() -> None:
    """What the storm guard held back is not told with the user who was served last."""
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


def test_no_request_is_a_request_too(mailbox: testing.Mailbox) -> None:
    """An adapter may have nothing to describe it by."""
    adapter: adapters.Adapter[None] = adapters.Adapter("job", lambda _: ADAPTER.describe(""))
    adapter.open(None).exception_escaped(LookupError())

    assert len(mailbox.events) == 1


# -- when the private names change ---------------------------------------------------------------


def renamed(patch: pytest.MonkeyPatch) -> None:
    known = {"_isolation_scope": sentry_sdk.scope._isolation_scope}
    patch.setattr(_scope, "sdk", types.SimpleNamespace(**known))


def unread(patch: pytest.MonkeyPatch) -> None:
    another: contextvars.ContextVar[Any] = contextvars.ContextVar("another", default=None)
    known = {"_current_scope": sentry_sdk.scope._current_scope, "_isolation_scope": another}
    patch.setattr(_scope, "sdk", types.SimpleNamespace(**known))


def never_forked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_scope, "_fork", lambda: None)


def an_ordinary_scope(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_scope, "UNFORKED", sentry_sdk.Scope())


@pytest.mark.parametrize("change", [renamed, unread, never_forked, an_ordinary_scope])
def test_a_self_test_that_fails(
    monkeypatch: pytest.MonkeyPatch, mailbox: testing.Mailbox, change: Any
) -> None:
    """Where the lazy scope cannot work, requests begin on the supported way, and nothing hangs."""
    base = sentry_sdk.get_isolation_scope()
    with monkeypatch.context() as patch:
        change(patch)
        _scope.install()

    assert STATE.scopes.set_isolation is _scope._fork_now
    assert sentry_sdk.get_isolation_scope() is base


def test_a_self_test_that_leaks_fails(
    monkeypatch: pytest.MonkeyPatch, mailbox: testing.Mailbox
) -> None:
    """A lazy scope that wrote into the start-up scope would be worse than none."""
    monkeypatch.setattr(_scope, "_fork", lambda: _scope._base)

    _scope.install()

    assert STATE.scopes.set_isolation is _scope._fork_now
    sentry_sdk.get_isolation_scope().clear()
