from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sentryinit_cli.doctor import network

KEY = "5e9b0ac1f4de47d08c63b2a7915fd30e"
NAMES = "ca_certs cert_file http_proxy https_proxy key_file proxy_headers".split()


class Backend(http.server.BaseHTTPRequestHandler):
    """Answers as it is told, and records what it is asked."""

    server: Any

    def do_GET(self) -> None:
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        status, headers = self.server.answer
        self.send_response_only(status)
        for name, value in ({"Date": formatdate(usegmt=True)} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 # the base class looks for the name

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(
    status: int = 405, headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Any]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server:
        quiet: Any = server
        quiet.seen, quiet.answer = [], (status, headers or {})
        quiet.handle_error = lambda *_: None
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield quiet
        finally:
            server.shutdown()
            thread.join()


def verdicts(dsn: str, **values: Any) -> dict[str, Any]:
    known = dict.fromkeys(NAMES) | values
    found = {each.id: each for each in network.check(dsn, known, dict.fromkeys(NAMES, "argument"))}
    assert KEY not in str(found)
    return found


def dsn_of(server: Any, scheme: str = "http", host: str = "127.0.0.1") -> str:
    return f"{scheme}://{KEY}@{host}:{server.server_port}/7"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_ingestion_path_is_asked_without_a_key_and_without_an_event() -> None:
    """GlitchTip refuses all keys of a project for 30 s after one wrong key."""
    with serving() as server:
        found = verdicts(dsn_of(server))
    assert found.keys() == {"host", "tcp", "ingestion", "clock"}
    [(method, path, headers)] = server.seen
    assert (method, path) == ("GET", "/api/7/envelope/")
    assert not {name for name in headers if "auth" in name.lower()}


@pytest.mark.parametrize(
    "status,headers,verdict",
    [
        (200, {"Content-Type": "text/html"}, "ingestion-page"),
        (404, {"Content-Type": "text/html"}, "ingestion-page"),
        (404, {"Content-Type": "application/json"}, "ingestion-page"),
        (301, {"Location": "https://other.example/"}, "ingestion-redirect"),
        (302, {"Location": "/login"}, "ingestion-redirect"),
        (401, {}, "ingestion-refused"),
        (403, {}, "ingestion-refused"),
        (429, {"Retry-After": "60"}, "ingestion-limited"),
        (502, {}, "ingestion-down"),
        (418, {}, "ingestion-odd"),
    ],
)
def test_what_is_no_backend_is_named(status: int, headers: dict[str, str], verdict: str) -> None:
    """A wrong host or path, a login, a redirect: an event would be lost there."""
    with serving(status, headers) as server:
        assert verdict in verdicts(dsn_of(server))


@pytest.mark.parametrize(
    "target,shown",
    [
        ("https://usr:hunter2@other.example/", "https://other.example"),
        ("https://[bad/x", "nowhere"),
        ("", "nowhere"),
    ],
)
def test_target_of_a_redirect_is_shown_without_its_user(target: str, shown: str) -> None:
    """Also one that cannot be read is named."""
    with serving(301, {"Location": target}) as server:
        text = verdicts(dsn_of(server))["ingestion-redirect"].text
    assert shown in text
    assert "hunter2" not in text


def test_clock_that_cannot_be_read_is_no_crash() -> None:
    """A Date beyond the calendar says nothing."""
    with serving(405, {"Date": "Fri, 31 Dec 9999 23:59:59 -2359"}) as server:
        assert "clock-skew" not in verdicts(dsn_of(server))


@pytest.mark.parametrize("seconds,way", [(-3600, "ahead of"), (3600, "behind")])
def test_clock_that_is_wrong_is_named(seconds: int, way: str) -> None:
    """By the Date of the answer."""
    import time

    date = formatdate(time.time() + seconds, usegmt=True)
    with serving(405, {"Date": date}) as server:
        assert way in verdicts(dsn_of(server))["clock-skew"].text


def test_host_that_does_not_resolve_is_named() -> None:
    """A name under .invalid does not (RFC 2606)."""
    assert verdicts(f"https://{KEY}@sentryinit.invalid/1").keys() == {"host-unknown"}


def test_port_that_nobody_listens_at_is_named() -> None:
    """The port is closed again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert verdicts(f"http://{KEY}@127.0.0.1:{port}/1").keys() == {"host", "tcp-refused"}


def test_backend_that_gives_no_answer_is_named() -> None:
    """It accepts the connection, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        thread = threading.Thread(target=accept)
        thread.start()
        dsn = f"http://{KEY}@127.0.0.1:{listener.getsockname()[1]}/1"
        assert "ingestion-silent" in verdicts(dsn)
        thread.join()


def test_proxy_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that sentry-sdk takes; its password is not shown."""
    with serving() as proxy:
        address = f"http://user:pa55word@127.0.0.1:{proxy.server_port}"
        monkeypatch.setenv("HTTP_PROXY", address)
        found = verdicts(f"http://{KEY}@sentryinit.invalid/7")
        assert "HTTP_PROXY" in found["proxy"].text
        assert found.keys() == {"proxy", "ingestion", "clock"}
        assert "pa55word" not in str(found)
        assert verdicts(f"http://{KEY}@sentryinit.invalid/7", http_proxy="").keys() == {
            "host-unknown"
        }
        monkeypatch.setenv("NO_PROXY", "sentryinit.invalid")
        assert verdicts(f"http://{KEY}@sentryinit.invalid/7").keys() == {"host-unknown"}
        found = verdicts(f"http://{KEY}@sentryinit.invalid/7", http_proxy=address)
        assert "argument" in found["proxy"].text
    assert "proxy-unreachable" in verdicts(f"http://{KEY}@h.invalid/7", http_proxy=address)


Certificate = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificates")

    def make(name: str, *times: str) -> tuple[str, str]:
        file, key = folder / f"{name}.pem", folder / f"{name}.key"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=t"]
        command += [
            "-keyout",
            str(key),
            "-out",
            str(file),
            *times,
            "-addext",
            f"subjectAltName={name.partition('-')[0]}:{name.rpartition('-')[2]}",
        ]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"openssl: {done.stderr.decode()[-200:]}")
        return str(file), str(key)

    return make


@pytest.mark.parametrize(
    "name,times,trusted,verdict",
    [
        ("IP-1-127.0.0.1", ["-days", "90"], True, "tls"),
        ("IP-2-127.0.0.1", ["-days", "3"], True, "tls-expires"),
        ("DNS-3-other.example", ["-days", "90"], True, "tls-name"),
        ("IP-4-127.0.0.1", ["-days", "90"], False, "tls-untrusted"),
    ],
)
def test_certificate_is_judged(
    certificate: Certificate, name: str, times: list[str], trusted: bool, verdict: str
) -> None:
    """Its name, its authority and its time."""
    file, key = certificate(name, *times)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    with serving(tls=context) as server:
        found = verdicts(dsn_of(server, "https"), ca_certs=file if trusted else None)
    assert verdict in found
    assert ("ingestion" in found) == (verdict in {"tls", "tls-expires"})


@pytest.mark.parametrize(
    "code,verdict", [(9, "tls-early"), (10, "tls-expired"), (18, "tls-untrusted")]
)
def test_certificate_of_another_time_is_named(code: int, verdict: str) -> None:
    """By the number that OpenSSL gives: a clock that is wrong looks the same."""
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code, error.verify_message = code, "self-signed certificate"
    way = network.Way(urlsplit(f"https://{KEY}@errors.example/1"), {}, {})
    assert network._untrusted(way, error).id == verdict


def test_http_behind_https_is_named() -> None:
    """The usual mistake: the scheme of the DSN."""
    with serving() as server:
        assert "tls-failed" in verdicts(dsn_of(server, "https"))


def test_file_of_authorities_that_is_not_there_is_named(tmp_path: Path) -> None:
    """sentry-sdk would send nothing."""
    found = verdicts(f"https://{KEY}@127.0.0.1/1", ca_certs=str(tmp_path / "gone.pem"))
    assert found.keys() == {"ca-certs-missing"}
