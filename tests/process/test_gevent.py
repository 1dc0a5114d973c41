"""gevent, which patches a worker after it was forked from a process with the application."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
