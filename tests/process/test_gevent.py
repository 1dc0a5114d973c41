"""gevent: workers that it patches after they were forked, greenlets, and ends of programs."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.programs import INIT, PATCH, THREE, Programs, ends, texts
from harness.service import Bench, new_id
from harness.wire import request

pytest.importorskip("gevent", reason="`nox -s aborts` installs it")


# Django is installed, and only one of these uses it.
FRAMEWORKS = ["django", "falcon", "flask", "wsgi"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("path,status", [("unavailable", 503), ("price", 500)])
def test_first_failures_at_once_do_not_block_a_preloaded_worker(
    bench: Bench, framework: str, path: str, status: int
) -> None:
    """H2: Locks that were made before gevent's patches would block all greenlets for ever.

    E5: gevent looks at every object, and fails at those of a Django without settings: no worker of
    an application that does not use Django would start, if the start imported Django.
    """
    pytest.importorskip("django", reason="it is installed with the frameworks")
    ids = [new_id(f"greenlet-{path}") for _ in range(8)]
    with (
        bench.fresh(
            framework, "gunicorn-gevent", GUNICORN_CMD_ARGS="--preload --workers 2"
        ) as service,
        contextlib.ExitStack() as stack,
    ):
        wires = [stack.enter_context(service.wire()) for _ in ids]
        for wire, request_id in zip(wires, ids, strict=True):
            wire.send(request("GET", f"/orders/17/{path}", request_id))
        assert [wire.answer().status for wire in wires] == [status] * len(ids)
        events = service.mailbox.wait_for_some(len(ids))
        assert sorted(event.request_id for event in events) == sorted(ids)


class _Tunnel(socketserver.StreamRequestHandler):
    """Passes on what comes over TLS to the backend, and its answers."""

    server: Any

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.backend)) as backend:
            answers = threading.Thread(target=self._pass_on, args=(backend, self.request))
            answers.start()
            self._pass_on(self.request, backend)
            with contextlib.suppress(OSError):
                backend.shutdown(socket.SHUT_RDWR)
            answers.join()

    @staticmethod
    def _pass_on(source: Any, target: Any) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)


class _TlsServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, backend: int, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.backend = backend
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)

    def get_request(self) -> Any:
        connection, address = super().get_request()
        return self._context.wrap_socket(connection, server_side=True), address


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate for localhost, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    name = ["-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", f"{path}.key", "-out", str(path)]
    subprocess.run([*command.split(), *name, *files], check=True, capture_output=True)
    with path.open("a") as both:
        both.write(Path(f"{path}.key").read_text())
    return path


@pytest.fixture
def tls_port(bench: Bench, certificate: Path) -> Iterator[int]:
    """Return a port where the backend is reached over TLS."""
    with _TlsServer(bench.sink.port, certificate) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_first_failures_of_a_preloaded_worker_arrive_over_https(
    bench: Bench, framework: str, tls_port: int, certificate: Path
) -> None:
    """H2: urllib3 was imported before gevent's patches: with its SSLContext nothing is sent."""
    ids = [new_id("secure") for _ in range(4)]
    # A mailbox has a number from the sink; the DSN leads to it by the tunnel.
    box = bench.sink.mailbox()
    with bench.fresh(
        framework,
        "gunicorn-gevent",
        GUNICORN_CMD_ARGS="--preload --workers 2",
        SENTRY_DSN=f"https://key@localhost:{tls_port}/{box.project}",
        SENTRYINIT_CA_CERTS=str(certificate),
    ) as service:
        for request_id in ids:
            assert service.call("/orders/17/unavailable", request_id).status == 503
        events = box.wait_for_some(len(ids))
        assert sorted(event.request_id for event in events) == sorted(ids)


GREENLETS = """
import gevent
def log():
    try:
        fail()
    except LookupError as error:
        sentry_sdk.capture_exception(error)
        raise
def leave():
    raise gevent.GreenletExit
for target in (fail, log, leave):
    gevent.spawn(target).join()
try:
    gevent.spawn(fail).get()
except LookupError:
    pass
"""


@pytest.mark.parametrize(
    "init,more",
    [
        (f"{PATCH}\n{INIT}", ""),
        (f"import gevent\n{INIT}", ""),
        (INIT, ""),
        (INIT, PATCH + "\n"),
        (INIT, "if os.fork():\n    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"),
    ],
    ids=["patched before", "imported before", "imported after", "patched after", "forked before"],
)
def test_exception_that_leaves_a_greenlet_is_one_event(
    programs: Programs, init: str, more: str
) -> None:
    """A13: also if it was captured before, or if somebody asks for the result."""
    assert ends(programs.start(more + GREENLETS, init=init), 0) == ["LookupError"] * 3


@pytest.mark.parametrize("raises", [True, False])
def test_greenlet_of_a_request_is_one_event_of_the_request(
    programs: Programs, *, raises: bool
) -> None:
    """A13: If the request fails with the exception, the event is about the request."""
    code = (
        "import gevent\nfrom sentryinit.wsgi import SentryInitMiddleware\n"
        "from wsgiref.util import setup_testing_defaults as defaults\n"
        "def app(environ, start_response):\n"
        f"    gevent.spawn(fail).{'get' if raises else 'join'}()\n"
        "    start_response('200 OK', [])\n    return []\n"
        "environ = {}\ndefaults(environ)\n"
        "try:\n    list(SentryInitMiddleware(app)(environ, lambda *_: print))\n"
        "except LookupError:\n    pass\n"
    )
    process = programs.start(code, init=f"{PATCH}\n{INIT}")
    assert process.wait() == 0
    events = process.mailbox.drain()
    assert texts(events) == ["LookupError"]
    assert [e.mechanism["type"] for e in events] == ["wsgi" if raises else "gevent"]


@pytest.mark.parametrize("init", [f"{PATCH}\n{INIT}", f"import gevent\n{INIT}"])
def test_sigterm_of_a_gevent_program_is_flushed(programs: Programs, init: str) -> None:
    """Signal handlers run in the event loop of gevent, where nothing can wait."""
    process = programs.start(
        "import gevent; queue(); ready(); gevent.sleep(20)", init=init, ready=True
    )
    process.popen.terminate()
    assert ends(process, -signal.SIGTERM) == THREE


# The signal comes while the greenlet runs that sends, as it mostly does in a program that waits.
INTERRUPTED = """
pool = sentry_sdk.get_client().transport._pool
send = pool.request
def request(*args, **kwargs):
    pool.request = send
    signal.raise_signal(signal.SIGINT)
    return send(*args, **kwargs)
pool.request = request
"""
GREENLET_SERVER = """
from gevent.pywsgi import WSGIServer
def app(environ, start_response):
    raise LookupError
server = WSGIServer(("127.0.0.1", 0), app)
server.start(); queue(); server.serve_forever()
"""


@pytest.mark.parametrize(
    "code,status",
    [
        ("queue(); time.sleep(20)", -signal.SIGINT),
        (GREENLET_SERVER, -signal.SIGINT),
        ("signal.signal(signal.SIGINT, lambda *_: sys.exit(3)); queue(); time.sleep(20)", 3),
        # A program that goes on: the next greenlet sends.
        (
            "try:\n    queue(); time.sleep(20)\nexcept KeyboardInterrupt:\n    time.sleep(1)\n"
            "    handle.flush(); os.kill(os.getpid(), signal.SIGKILL)",
            -signal.SIGKILL,
        ),
    ],
    ids=["program", "pywsgi", "handler", "caught"],
)
def test_interrupt_of_the_greenlet_that_sends_ends_the_program(
    programs: Programs, code: str, status: int
) -> None:
    """It is raised in the main greenlet, once; what was being sent is sent again."""
    process = programs.start(INTERRUPTED + code, init=f"{PATCH}\n{INIT}")
    assert ends(process, status) == THREE
