"""The situations: what client, server and test do to one request, in order.

Each is a function from a ``Scene`` to the events that came of it. None of them waits for time to
pass: the handler says where it is, and is let go, over the gate.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from harness.bounds import DEADLINE, poll
from harness.chat import Chat
from harness.service import Bench, Service, new_id
from harness.sink import Event
from harness.table import SPARED, Cell
from harness.wire import Wire, request

PIECE = b"a piece of an export\n"
BODY = bytes(50_000)
PROMISED = 4 * len(BODY)
# What a server gets to look at its sockets, where it is expected to say nothing.
A_MOMENT = 0.2
# Seconds that a server gives its handlers when it ends, and that gunicorn gives a worker.
GRACE, TIMEOUT = 1, 2
# What the package's flush may take, and how much longer an exit may then take on a busy machine.
FLUSH_TIMEOUT = 2.0
MARGIN = 8.0


class Scene:
    """One request, identified by *id*, to *service*; *cell* is what is expected of it."""

    def __init__(self, bench: Bench, service: Service, situation: str, cell: Cell) -> None:
        self.bench, self.service, self.gate, self.cell = bench, service, bench.gate, cell
        self.id = new_id(situation)
        self._wires: list[Wire] = []

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *raised: object) -> None:
        for wire in self._wires:
            wire.leave()

    def asks(self, method: str, path: str, body: bytes = b"", length: int | None = None) -> Wire:
        """Send the request; return the connection, which the scene closes at its end."""
        wire = self.service.wire()
        self._wires.append(wire)
        wire.send(request(method, path, self.id, body=body, length=length))
        return wire

    def chats(self) -> Chat:
        """Return an open WebSocket that has been seen to work."""
        chat = Chat(self.service.wire(), "/orders/17/chat", self.id)
        self._wires.append(chat.wire)
        chat.says("hello")
        assert chat.hears() == "hello"
        return chat

    def reaches(self, point: str) -> str:
        """Return what the handler says at *point*, once it gets there."""
        return self.gate.wait_for(self.id, point)

    def goes_on(self) -> None:
        """Let the handler go on: until something stops it, where that is expected."""
        self.gate.let_go(self.id, DEADLINE if self.cell.sees else A_MOMENT)

    def over(self) -> list[Event]:
        """Return all events, once the request has left the application."""
        self.reaches("over")
        return self.service.settle()

    def gets(self, path: str, status: int, body: bytes | None = None) -> list[Event]:
        """Send a request to the end, and return all events."""
        answer = self.service.call(path, self.id)
        assert answer.status == status
        assert body is None or answer.body == body
        assert answer.complete is not False
        return self.over()

    def fails(self, path: str) -> list[Event]:
        """Send a request whose handler raises, and return all events.

        Without a framework no 500 may come: gunicorn takes any reset for its client's, and uWSGI
        hangs up.
        """
        wire = self.asks("GET", path)
        assert wire.ends() or wire.head() == 500
        return self.over()


Leave = Callable[[Wire], None]
Run = Callable[[Scene], list[Event]]
SITUATIONS: dict[str, Situation] = {}


@dataclass(frozen=True)
class Situation:
    """*fresh*: the settings of the server that it takes for itself alone; None if it shares one.

    *ready*: whether that server is expected to start.
    """

    run: Run
    fresh: dict[str, str] | None = None
    ready: bool = True

    def service(self, bench: Bench, framework: str, server: str) -> AbstractContextManager[Service]:
        """Return the server to play it on."""
        if self.fresh is None:
            return nullcontext(bench.service(framework, server))
        return bench.fresh(framework, server, ready=self.ready, **self.fresh)


def situation(
    name: str, fresh: dict[str, str] | None = None, *, ready: bool = True
) -> Callable[[Run], None]:
    """Register a situation; its docstring, if it has one, says what is peculiar to it."""

    def register(run: Run) -> None:
        SITUATIONS[name] = Situation(run, fresh, ready)

    return register


def both(name: str) -> Callable[[Callable[[Scene, Leave], list[Event]]], None]:
    """Register a situation in two kinds: the client goes by RST, and by FIN."""

    def register(run: Callable[[Scene, Leave], list[Event]]) -> None:
        SITUATIONS[f"{name}_rst"] = Situation(lambda scene: run(scene, Wire.reset))
        SITUATIONS[f"{name}_fin"] = Situation(lambda scene: run(scene, Wire.leave))

    return register


# -- the application's own -------------------------------------------------------------------------


@situation("healthy")
def _(scene: Scene) -> list[Event]:
    return scene.gets("/orders/17", 200)


@situation("returned")
def _(scene: Scene) -> list[Event]:
    return scene.gets("/orders/17/unavailable", 503, b"try later")


@situation("raised")
def _(scene: Scene) -> list[Event]:
    return scene.fails("/orders/17/price")


@situation("swallowed")
def _(scene: Scene) -> list[Event]:
    return scene.gets("/orders/17/reserve", 500, b"order 17")


@situation("upstream_reset")
def _(scene: Scene) -> list[Event]:
    return scene.fails("/orders/17/stock")


@situation("stream_raised")
def _(scene: Scene) -> list[Event]:
    """The client got the status and a piece; the body then breaks off."""
    wire = scene.asks("GET", "/orders/17/receipt")
    assert wire.head() == 200
    assert wire.piece(len(PIECE)) == PIECE
    if scene.service.server.breaks_off:
        assert not wire.rest().complete
    return scene.over()


# -- the client goes away --------------------------------------------------------------------------


@both("gone_while_working")
def _(scene: Scene, leave: Leave) -> list[Event]:
    wire = scene.asks("GET", "/orders/17/invoice")
    scene.reaches("working")
    leave(wire)
    scene.goes_on()
    return scene.over()


def _upload(scene: Scene, path: str, leave: Leave) -> list[Event]:
    wire = scene.asks("POST", path, BODY, PROMISED)
    if not scene.cell.called:
        leave(wire)
        events = scene.service.settle()
        assert not scene.gate.said(scene.id, "reading")
        return events
    scene.reaches("reading")
    leave(wire)
    return scene.over()


@both("gone_mid_upload")
def _(scene: Scene, leave: Leave) -> list[Event]:
    return _upload(scene, "/orders/17/photo", leave)


@situation("gone_mid_upload_wrapped")
def _(scene: Scene) -> list[Event]:
    return _upload(scene, "/orders/17/scan", Wire.reset)


@both("gone_mid_stream")
def _(scene: Scene, leave: Leave) -> list[Event]:
    wire = scene.asks("GET", "/orders/17/export")
    assert wire.head() == 200
    # To its last byte: close() with something unread would send RST in any case.
    assert wire.piece(len(PIECE)) == PIECE
    scene.reaches("streaming")
    leave(wire)
    scene.goes_on()
    return scene.over()


# -- WebSocket -------------------------------------------------------------------------------------


@situation("websocket_raised")
def _(scene: Scene) -> list[Event]:
    chat = scene.chats()
    chat.says("price")
    chat.ends()
    return scene.over()


@situation("websocket_closed")
def _(scene: Scene) -> list[Event]:
    chat = scene.chats()
    chat.closes()
    chat.ends()
    return scene.over()


@both("websocket_gone")
def _(scene: Scene, leave: Leave) -> list[Event]:
    """The connection ends without a closing frame."""
    leave(scene.chats().wire)
    return scene.over()


# -- the server ends -------------------------------------------------------------------------------


def _terminate(scene: Scene) -> None:
    """Send SIGTERM, and check how the server goes."""
    service = scene.service
    before = len(service.output)
    start = time.monotonic()
    service.popen.terminate()
    assert service.wait() == service.server.exit
    assert time.monotonic() - start < FLUSH_TIMEOUT + MARGIN
    added = service.output[before:].splitlines()
    foreign = [line for line in added if line and not service.server.lines.match(line)]
    assert not foreign, f"not the server's own lines: {foreign}"


def _outlasts(scene: Scene, wire: Wire, seconds: float) -> None:
    """Check that the handler is let alone for *seconds*, and its answer arrives."""
    assert wire.is_silent(seconds)
    scene.goes_on()
    assert wire.answer().status == 200
    wire.leave()


def _is_answered(wire: Wire) -> None:
    """Read gunicorn's own 500, and hang up: it waits up to 2 s for its client to do so."""
    assert wire.answer().status == 500
    wire.leave()


@situation("sigterm_with_queue", fresh={})
def _(scene: Scene) -> list[Event]:
    """Three failures; the backend is slower than they are, and the server has to go."""
    scene.service.mailbox.delay = 0.2
    for _ in range(3):
        assert scene.service.call("/orders/17/unavailable", scene.id).status == 503
    _terminate(scene)
    return scene.service.mailbox.drain()


@situation("sigterm_with_dead_backend", fresh={})
def _(scene: Scene) -> list[Event]:
    """The backend takes the event and never answers: the exit is late, but as agreed."""
    box = scene.service.mailbox
    box.answers.clear()
    assert scene.service.call("/orders/17/unavailable", scene.id).status == 503
    box.wait_for(scene.id)
    _terminate(scene)
    box.answers.set()
    box.drain()
    return []


@situation("sigterm_while_working", fresh={"grace": str(GRACE)})
def _(scene: Scene) -> list[Event]:
    """The handler works longer than the server's grace."""
    wire = scene.asks("GET", "/orders/17/invoice")
    scene.reaches("working")
    scene.service.popen.terminate()
    if scene.cell == SPARED:
        _outlasts(scene, wire, 2 * GRACE)
    scene.service.wait()
    return scene.service.mailbox.drain()


@situation("sigquit_while_working", fresh={})
def _(scene: Scene) -> list[Event]:
    """The server is to go at once."""
    wire = scene.asks("GET", "/orders/17/invoice")
    scene.reaches("working")
    scene.service.popen.send_signal(signal.SIGQUIT)
    scene.reaches("over")
    _is_answered(wire)
    scene.service.wait()
    return scene.service.mailbox.drain()


@situation("worker_timeout", fresh={"timeout": str(TIMEOUT), "PROCESS_BLOCKS": "1"})
def _(scene: Scene) -> list[Event]:
    """The handler hangs, and the loop with it if there is one, for longer than a worker may.

    The worker is killed, and another one starts; or else it has threads, and is let alone.
    """
    service = scene.service
    wire = scene.asks("GET", "/orders/17/invoice")
    scene.reaches("working")
    if scene.cell == SPARED:
        _outlasts(scene, wire, 2 * TIMEOUT)
        return service.settle()
    if scene.cell.hides:
        assert wire.ends()
    else:
        scene.reaches("over")
        _is_answered(wire)
    # Served by the next worker; the one before has ended by then, and sent what it sends.
    assert service.call("/orders/17", new_id("healthy")).status == 200
    poll(lambda: len(re.findall("Booting worker", service.output)) == 2, "no second worker")
    service.popen.terminate()
    service.wait()
    return service.mailbox.drain()


@situation("start_failed", fresh={"PROCESS_FAIL_AT_START": "1"}, ready=False)
def _(scene: Scene) -> list[Event]:
    """The application's lifespan raises: the server gives up."""
    assert scene.service.wait() == scene.service.server.failed
    return scene.service.mailbox.drain()


@situation("import_failed", fresh={"PROCESS_FAIL_AT_IMPORT": "1"}, ready=False)
def _(scene: Scene) -> list[Event]:
    """The application's module raises, after its reporting is on: the server gives up."""
    scene.service.wait()
    return scene.service.mailbox.drain()
