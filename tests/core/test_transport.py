"""H3: what the transport over HTTP does with answers, certificates, and the end of a process."""

from __future__ import annotations

import http.client
import os
import socketserver
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sentry_sdk
import trustme
from backend import Backend
from outages import run
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError, SSLError

import sentryinit
from sentryinit._delivery import SAME_END
from sentryinit._sdk import losses
from sentryinit._sdk.transport import Transport, _ended_without_answer
from sentryinit._state import STATE

ALL = None  # all categories


@pytest.fixture
def transport(clean: None) -> Transport:
    """Return the transport of a process that reports to a name that does not resolve."""
    sentryinit.init("shop", dsn="https://key@sentryinit.invalid/1", max_retry_after=100)
    made = sentry_sdk.get_client().transport
    assert isinstance(made, Transport)
    return made


def waits(transport: Transport, status: int, **headers: str) -> dict[Any, int]:
    """Return for how many seconds *transport* sends nothing after an answer, by category."""
    transport._disabled_until.clear()
    names = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    answer: Any = SimpleNamespace(
        status=status, headers=SimpleNamespace(get=lambda name: names.get(name.lower()))
    )
    transport._update_rate_limits(answer)
    now = datetime.now(timezone.utc)
    until = transport._disabled_until.items()
    return {category: round((when - now).total_seconds()) for category, when in until}


def test_silence_after_a_bare_429_doubles_until_a_success(transport: Transport) -> None:
    """A 429 that names no time costs 5 s, each further one twice as much, up to 60 s."""
    silences = [waits(transport, 429)[ALL] for _ in range(6)]

    assert silences == [5, 10, 20, 40, 60, 60]
    assert waits(transport, 503) == {}
    assert waits(transport, 429) == {ALL: 60}
    assert waits(transport, 200) == {}
    assert waits(transport, 429) == {ALL: 5}


def test_retry_after_is_honoured_up_to_the_setting(transport: Transport) -> None:
    """Seconds and dates count; what is no time, or is over, counts as none."""
    later = datetime.now(timezone.utc) + timedelta(seconds=30)
    assert waits(transport, 429, Retry_After="7") == {ALL: 7}
    assert waits(transport, 429, Retry_After=format_datetime(later, usegmt=True))[ALL] in {29, 30}
    assert waits(transport, 429, Retry_After="9" * 30) == {ALL: 100}
    for value, silence in (("soon", 5), ("0", 10), ("-3", 20), ("", 40)):
        assert waits(transport, 429, Retry_After=value) == {ALL: silence}


def test_limits_of_sentry_are_honoured_up_to_the_setting(transport: Transport) -> None:
    """X-Sentry-Rate-Limits counts with any status; a malformed one does not."""
    limits = "7:error;transaction:key, 900::organization, x:error, 3"
    expected = {"error": 7, "transaction": 7, ALL: 3}

    assert waits(transport, 200, X_Sentry_Rate_Limits=limits) == expected
    assert waits(transport, 200, X_Sentry_Rate_Limits="900:error") == {"error": 100}
    assert waits(transport, 429, X_Sentry_Rate_Limits="soon", Retry_After="8") == {ALL: 8}
    assert waits(transport, 429, X_Sentry_Rate_Limits=f"{'9' * 30}::key") == {ALL: 100}


@pytest.mark.parametrize(
    ("error", "repeats"),
    [
        (ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")), True),
        (ProtocolError("Connection aborted.", BrokenPipeError(32, "pipe")), True),
        (MaxRetryError(None, "/", SSLError(ssl.SSLEOFError(8, "EOF"))), True),  # type: ignore[arg-type] # no pool
        (ProtocolError("Connection aborted.", TimeoutError("timed out")), False),
        (ProtocolError("Connection broken: IncompleteRead", ConnectionResetError()), False),
        (MaxRetryError(None, "/", SSLError(ssl.SSLCertVerificationError(1, "bad"))), False),  # type: ignore[arg-type] # no pool
        (ReadTimeoutError(None, "/", "timed out"), False),  # type: ignore[arg-type] # no pool
        (ValueError(), False),
    ],
)
def test_only_a_request_without_an_answer_is_repeated(error: Exception, repeats: bool) -> None:
    """Not after a timeout, a refused connection or certificate, or in the middle of an answer."""
    assert _ended_without_answer(error) is repeats


def test_request_of_another_process_is_not_repeated(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A greenlet that survives a fork repeats nothing in the child."""
    calls: list[int] = []

    def request(*_: object, **__: object) -> None:
        calls.append(1)
        monkeypatch.setattr(os, "getpid", lambda: 1)
        raise ProtocolError("Connection aborted.", ConnectionResetError())

    monkeypatch.setattr(transport._pool, "request", request)
    monkeypatch.setattr(transport, "_prepare_tls", lambda: None)
    with pytest.raises(ProtocolError):
        transport._request("POST", sentry_sdk.consts.EndpointType.ENVELOPE, b"", {})
    monkeypatch.undo()

    assert calls == [1]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return an authority that nobody trusts."""
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    """Return the variables of a process that trusts the authority."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return {"SSL_CERT_FILE": str(tmp_path / "authority.pem")}


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Backend]:
    """Start a backend with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    backend = Backend()
    # Each connection is wrapped by the thread that serves it.
    backend.socket = context.wrap_socket(
        backend.socket, server_side=True, do_handshake_on_connect=False
    )
    with backend:
        yield backend


LOADS = """
import ssl, threading
load, loads = ssl.SSLContext.load_verify_locations, []
def counted(self, *arguments, **options):
    loads.append(threading.current_thread() is threading.main_thread())
    return load(self, *arguments, **options)
ssl.SSLContext.load_verify_locations = counted
"""


def test_certificates_are_loaded_once(secure: Backend) -> None:
    """A backend that nobody trusts costs one load of the certificates, and two lines in all."""
    dsn = secure.dsn.replace("http://key@127.0.0.1", "https://key@localhost")
    code = "serve('/raise', 9)\nflush()\nstep()\nassert loads == [False], loads\n"
    outcome = run(dsn, LOADS + code, SENTRYINIT_STORM_GUARD="0")

    assert outcome.steps[0]["lost_network"] == 9
    assert outcome.lines == [
        "1 event lost: the backend cannot be reached",
        "the last flush is over; 9 failures are lost since the start: "
        "9 because the backend could not be reached",
    ]


def test_own_certificates_are_trusted(secure: Backend, trusting: dict[str, str]) -> None:
    """The file of SSL_CERT_FILE counts, for each connection."""
    dsn = secure.dsn.replace("http://key@127.0.0.1", "https://key@localhost")
    variables = {**trusting, "SENTRYINIT_STORM_GUARD": "0"}
    code = (
        "serve('/raise', 2)\nflush()\n"
        "sentry_sdk.get_client().transport._pool.clear()\n"
        "serve('/raise')\nflush()\nstep()\nassert loads == [False], loads\n"
    )
    outcome = run(dsn, LOADS + code, **variables)

    assert (outcome.steps[0]["lost"], len(secure.accepted), outcome.lines) == (0, 3, [])
    assert len({arrival.port for arrival in secure.arrived}) == 2


def test_a_redirect_is_followed(secure: Backend, trusting: dict[str, str]) -> None:
    """A DSN with http works where the backend redirects to https; not in a circle."""
    with Backend(308) as plain:
        plain.headers["Location"] = f"https://localhost:{secure.server_port}/api/1/envelope/"
        outcome = run(plain.dsn, "serve('/raise')\nflush()\nstep()\n", **trusting)
        assert (outcome.steps[0]["lost"], len(secure.accepted)) == (0, 1)

        plain.arrived.clear()
        plain.headers["Location"] = f"http://127.0.0.1:{plain.server_port}/api/1/envelope/"
        outcome = run(plain.dsn, "serve('/raise')\nflush()\nstep()\n")

    assert (outcome.steps[0]["lost_network"], len(plain.arrived)) == (1, 4)


NO_THREAD = """
import threading
def refuse(self): raise RuntimeError("can't create new thread at interpreter shutdown")
threading.Thread.start = refuse
"""


def test_the_flushing_thread_sends_where_no_other_can_start() -> None:
    """At the end of Python no thread starts any more: the events are sent all the same."""
    with Backend() as backend:
        outcome = run(backend.dsn, NO_THREAD + "serve('/raise', 3)\nlast()\nstep()\n")

    assert (outcome.steps[0]["lost"], len(backend.accepted), outcome.lines) == (0, 3, [])


def test_the_flushing_thread_is_bounded() -> None:
    """A hanging backend holds the flushing thread for flush_timeout, not for the SDK's 30 s."""
    over = threading.Event()
    code = (
        "import time\nstart = time.monotonic()\nserve('/raise', 3)\nlast()\nlast()\n"
        "assert 0.9 < time.monotonic() - start < 6\nstep()\n"
    )
    with Backend(ready=lambda backend, text: over.is_set()) as backend:
        try:
            outcome = run(backend.dsn, NO_THREAD + code, SENTRYINIT_FLUSH_TIMEOUT="1")
        finally:
            over.set()

    assert outcome.steps[0]["lost"] == 3
    assert len(outcome.lines) == 2


@pytest.mark.usefixtures("clean")
def test_last_flushes_share_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All have one time, from the first that finds something; a minute later begins a new one."""
    now, given = 1000.0, []
    sentryinit.init("shop", dsn="https://key@sentryinit.invalid/1", flush_timeout=2)
    reporter: Any = STATE.reporter
    monkeypatch.setattr(
        "sentryinit._delivery.time", SimpleNamespace(monotonic=lambda: now), raising=True
    )

    def flush(timeout: float) -> None:
        nonlocal now
        given.append(timeout)
        now += took

    monkeypatch.setattr(reporter._client, "flush", flush)
    # After how long, a last flush?, what it takes, what waits then.
    for pause, last, took, waits in (  # noqa: B007 # flush() reads it
        *((0, True, 0.5, 0), (1, True, 0.5, 1), (1, True, 1.5, 1), (1, True, 0, 1)),
        *((1, False, 2, 1), (1, True, 0, 1), (SAME_END, True, 2, 1), (1, False, 0.5, 0)),
        (1, True, 0, 0),
    ):
        now += pause
        monkeypatch.setattr(reporter._client, "waiting", lambda waits=waits: waits)
        reporter.flush(last=last)

    assert given == [2.0, 2.0, 1.5, 0.0, 2.0, 0.0, 2.0, 2.0, 2.0]


def test_losses_are_told_at_recovery_and_at_the_end(said: Any) -> None:
    """The sum has its causes; what is delivered after all is not lost."""
    now = 0.0
    counted = losses.Losses(lambda: now)
    back: list[tuple[int, object]] = []
    counted.give_back = lambda count, key: back.append((count, key))
    events = [counted.add(losses.Carried(1, {"kind": n})) for n in range(6)]
    for event in events[:3]:
        counted.settle(event, "network")
    assert said() == ["1 event lost: the backend cannot be reached"]
    assert back == [(0, "kind"), (1, "kind"), (2, "kind")]
    counted.settle(events[3])
    assert said() == [
        "events arrive again; 3 failures are lost since the start: "
        "3 because the backend could not be reached"
    ]
    # The others wait, with the counts 4 and 5.
    counted.end(10)
    assert counted.stats()["lost_at_exit"] == 10 + 5 + 6
    assert said() == [
        "the last flush is over; 24 failures are lost since the start: 3 because the backend could "
        "not be reached, 21 because they still waited at the end"
    ]
    counted.settle(events[4])
    counted.settle(events[5], "status_500")
    assert counted.stats() == {
        "lost": 3 + 10 + 6,
        "lost_queue_full": 0,
        "lost_network": 3,
        "lost_refused": 1,
        "lost_rate_limited": 0,
        "lost_at_exit": 15,
    }
    assert len(back) == 3
    assert said() == []


@pytest.mark.usefixtures("clean")
def test_what_another_process_has_queued_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no hook of a fork ran, the first event starts anew, and what was queued stays."""
    sentryinit.init("shop", dsn="https://key@sentryinit.invalid/1", storm_guard=False)
    reporter: Any = STATE.reporter
    transport: Any = sentry_sdk.get_client().transport
    sent: list[object] = []
    monkeypatch.setattr(transport, "_send_envelope", sent.append)
    monkeypatch.setattr(transport._worker, "_ensure_thread", lambda: None)
    sentry_sdk.capture_message("parent")
    (queued,) = transport._worker._queue.queue
    before, pid = transport._worker, os.getpid()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: pid + 1)
        queued()
        assert sent == []
        sentry_sdk.capture_message("child")
        assert transport._worker is not before
        assert reporter.stats()["failures"] == 1
        reporter.flush()
        assert len(sent) == 1
        reporter.after_fork()
    reporter.after_fork()


@pytest.mark.parametrize(
    ("answer", "lost"),
    [
        # The text breaks off: the length, a chunk, the encoding.
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", 0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}", 0),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 0),
        (b"HTTP/1.1 500 No\r\nContent-Length: 50\r\n\r\n{}", 1),
        # By GET, without the event.
        (
            b"HTTP/1.1 303 See Other\r\nLocation: /other\r\nContent-Length: 0\r\n"
            b"Connection: close\r\n\r\n",
            1,
        ),
    ],
    ids=["length", "chunk", "encoding", "refused", "see-other"],
)
@pytest.mark.usefixtures("clean")
def test_the_status_of_an_answer_counts(answer: bytes, lost: int, said: Any) -> None:
    """An event is received if the status says so, whatever becomes of the text after it."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

    class Answering(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = self.rfile.readline()
            headers = http.client.parse_headers(self.rfile)
            self.rfile.read(int(headers.get("Content-Length", 0)))
            self.wfile.write(answer if request.startswith(b"POST") else ok)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        sentryinit.init("shop", dsn=f"http://key@127.0.0.1:{server.server_address[1]}/1")
        sentry_sdk.capture_message("a")
        sentryinit.flush()
        server.shutdown()
        thread.join()

    assert (sentryinit.stats()["delivered"], sentryinit.stats()["lost"]) == (1, lost)
    assert sentryinit.stats()["lost_refused"] == lost
    assert len(said()) == lost
