from __future__ import annotations

import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from standin import Reply, StandIn

from sentryinit_cli.http import LARGEST_BODY, Http, Unreachable, proxy_of
from sentryinit_cli.verdicts import Failure, Verdict

SECRET = "5afe" * 10
HEADERS = {"Authorization": f"Bearer {SECRET}"}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def served(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """Serve one connection with *talk*; yield host and port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.recv(65536)
                try:
                    talk(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def unreachable(url: str, timeout: float = 5, headers: dict[str, str] | None = None) -> str:
    """Return why *url* gives no answer; there is no secret in the text or in the traceback."""
    client = Http(timeout=timeout)
    with pytest.raises(Unreachable) as caught:
        client.get(url, headers or HEADERS)
    client.close()
    said = "".join(traceback.format_exception(caught.value))
    assert SECRET not in said
    assert caught.value.__context__ is None
    return str(caught.value)


def drip(connection: socket.socket) -> None:
    connection.sendall(ANSWER + b"Content-Length: 1000\r\n\r\n")
    for _ in range(40):
        time.sleep(0.1)
        connection.sendall(b"x")


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(ANSWER)
    for _ in range(40):
        time.sleep(0.1)
        connection.sendall(b"X-More: 1\r\n")


def endless(connection: socket.socket) -> None:
    connection.sendall(ANSWER + b"\r\n")
    while True:
        connection.sendall(b"x" * 65536)


@pytest.mark.parametrize(
    "talk, word",
    [
        (lambda connection: time.sleep(1.5), "time-out"),
        (drip, "time-out"),
        (drip_headers, "time-out"),
        (endless, f"larger than {LARGEST_BODY >> 20} MiB"),
        (lambda connection: None, "closed"),
        (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"), "closed"),
        (lambda connection: connection.sendall(ANSWER + b"Content-Length: 9\r\n\r\n{"), "closed"),
    ],
)
def test_a_server_that_does_not_answer(talk: Callable[[socket.socket], object], word: str) -> None:
    """The text says what was seen; size and time of a body are bounded."""
    with served(talk) as place:
        assert word in unreachable(f"http://{place}/a?token={SECRET}", timeout=1)


def test_a_port_that_does_not_speak_tls() -> None:
    """https:// to a server of plain HTTP is said as such."""
    with served(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")) as place:
        assert "does not speak TLS" in unreachable(f"https://{place}/")


def test_a_refused_connection_and_an_unknown_name() -> None:
    """Both are told apart; user, password and query of an address are not said."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        said = unreachable(f"http://user:{SECRET}@{place}/?q={SECRET}")
        assert said.startswith(f"{place}: connection refused")
    assert "name not found" in unreachable("http://no-such-host.invalid/")


@pytest.mark.parametrize(
    "url", ["", "ftp://host/", "host/path", "http://", "http://a..b/", "http://h:x/"]
)
def test_an_address_that_is_none(url: str) -> None:
    """A malformed address is no crash."""
    assert unreachable(url)


@pytest.mark.parametrize("value", [f"{SECRET}\n", f"{SECRET}\u2019"])
def test_a_header_that_cannot_be_sent(value: str) -> None:
    """The error of the HTTP library has the value in it; ours has not."""
    with StandIn() as stand:
        assert "not allowed" in unreachable(stand.url, headers={"Authorization": value})


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment is used, and named without its password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", f"http://user:{SECRET}@{place}")
        monkeypatch.setenv("http_proxy", f"http://user:{SECRET}@{place}")
        monkeypatch.setenv("no_proxy", "")
        assert f"the proxy {place}: connection refused" in unreachable("http://host.invalid/")


def test_which_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY, HTTP_PROXY and NO_PROXY mean what they mean to sentry-sdk."""
    for name in "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY":
        monkeypatch.delenv(name, raising=False)
    assert not proxy_of("https://host/")
    monkeypatch.setenv("http_proxy", "http://plain:1")
    assert proxy_of("https://host/") == "http://plain:1"
    monkeypatch.setenv("https_proxy", "http://tls:1")
    assert proxy_of("https://host/") == "http://tls:1"
    assert proxy_of("http://host/") == "http://plain:1"
    monkeypatch.setenv("no_proxy", "example.com, 10.0.0.1:8000")
    assert not proxy_of("https://errors.example.com/")
    assert not proxy_of("http://10.0.0.1:8000/")
    assert proxy_of("https://host/")


def test_redirects_are_not_followed() -> None:
    """A redirect is an answer: a POST that follows one would be lost."""
    with StandIn() as stand:
        client = Http()
        stand.answer_get = lambda request: Reply(302, "", "text/html", {"Location": stand.url})
        answer = client.get(f"{stand.url}/x")
        assert (answer.status, answer.headers["location"]) == (302, stand.url)
        assert len(stand.requests) == 1
        assert client.post(f"{stand.url}/api/1/envelope", b"", {}).status == 301
        client.close()


def test_json_needs_its_content_type() -> None:
    """A page is no JSON, whatever is in it."""
    with StandIn() as stand:
        client = Http()
        for kind, expected in ("text/html", None), ("application/json; charset=utf-8", {"a": 1}):
            stand.answer_get = lambda request, kind=kind: Reply(200, {"a": 1}, kind)  # type: ignore[misc] # a default
            assert client.get(stand.url + "/").json() == expected
        client.close()


def test_a_file_of_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    """A wrong --ca-certs is wrong usage, and says why."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path in empty, tmp_path, tmp_path / "missing.pem":
        with pytest.raises(Failure, match="--ca-certs") as caught:
            Http(ca_certs=str(path))
        assert caught.value.verdict is Verdict.USAGE


def test_a_certificate_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """The context that is used checks certificate and host name."""
    client = Http()
    pool = client._direct.connection_from_url("https://host.invalid/")
    assert pool.cert_reqs in {"CERT_REQUIRED", ssl.CERT_REQUIRED}  # type: ignore[attr-defined] # of the HTTPS pool
    client.close()
