"""The client of the demo: it sends requests over sockets, and disconnects early."""

from __future__ import annotations

import http.client
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

SECRET = f"planted{secrets.token_hex(12)}"
"""Sent with each request as cookie, credentials and query value. No event may contain it."""

DEBUG_TOKEN = secrets.token_hex(16)


@dataclass(frozen=True)
class Planted:
    """A harmless value that is sent to each service, and that no event may contain."""

    place: str
    name: str
    value: str

    def found_in(self, text: str) -> str | None:
        """Return the part of `text` around the value, in any encoding, or around its name."""
        for form in (self.value, quote(self.value), quote_plus(self.value), self.name):
            at = text.lower().find(form.lower())
            if at >= 0:
                return text[max(0, at - 40) : at + len(form) + 20]
        return None


# Nothing about these looks like a secret: masking keeps them, so they must not be collected.
PLANTED = (
    Planted("query", "customer", "Alice Smith"),
    Planted("query", "diagnosis", "hay fever"),
    Planted("cookie", "insurer", "Northern Mutual"),
    Planted("header", "clinic", "St. Mary Hospital"),
    Planted("form", "allergy", "bee venom"),
)


def fields(place: str) -> dict[str, str]:
    """Return the names and values that are sent in this place."""
    return {planted.name: planted.value for planted in PLANTED if planted.place == place}


QUERY = urlencode({"api_key": SECRET} | fields("query"))
FORM = urlencode(fields("form"))

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds, so that `close` sends RST."""

PATIENCE = 10.0
"""Seconds to wait for a response, or for a line in the log of a service."""


@dataclass
class Visit:
    """The requests of one scenario to one service, and what was wrong with the responses."""

    scenario: str
    port: int
    log: Path
    requests: list[str] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)

    def headers(self) -> dict[str, str]:
        """Return the headers of the next request: an id to find its event, and planted values."""
        self.requests.append(f"{self.scenario}-{len(self.requests) + 1}")
        cookies = {"session": SECRET} | fields("cookie")
        return {
            "Host": "shop.example",
            "X-Request-Id": self.requests[-1],
            "Cookie": "; ".join(f"{name}={quote(value)}" for name, value in cookies.items()),
            "Authorization": f"Bearer {SECRET}",
            "Referer": f"http://shop.example/?{QUERY}",
            **{f"X-{name.title()}": value for name, value in fields("header").items()},
        }

    def ask(
        self, path: str, answer: int | None, token: str | None = None, form: str | None = None
    ) -> None:
        """Send a request, and note a response that is not *answer*.

        If *answer* is None, any response is right, and no response too. With a *form* the request
        is a POST.
        """
        headers = self.headers()
        if token:
            headers["X-Sentryinit-Debug-Token"] = token
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST" if form else "GET", f"{path}?{QUERY}", form, headers)
            got = connection.getresponse()
            got.read()
        except (OSError, http.client.HTTPException) as error:
            if answer:
                self.oddities.append(f"{path}: expected status {answer} got {error!r}")
            return
        finally:
            connection.close()
        if answer and got.status != answer:
            self.oddities.append(f"{path}: expected status {answer} got {got.status}")
        if token:
            self.event_ids.append(got.headers.get("X-Sentry-Event-Id", ""))

    @contextmanager
    def leave_during(self, method: str, path: str, work: str) -> Iterator[socket.socket]:
        """Send a request, run the block when `work` has begun, then reset the connection."""
        lines = {"Content-Length": "200000"} if method == "POST" else {}
        head = "".join(f"{name}: {value}\r\n" for name, value in (self.headers() | lines).items())
        with closing(socket.create_connection(("127.0.0.1", self.port), PATIENCE)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            request = f"{method} {path}?{QUERY} HTTP/1.1\r\n{head}\r\n"
            client.sendall(request.encode() + (b"x" * 50_000 if lines else b""))
            self.wait_for(f"{work}: began")
            yield client
        self.wait_for(f"{work}: ended")

    def wait_for(self, line: str) -> None:
        """Wait until the service has printed `line`; note it if it never does."""
        end = time.monotonic() + PATIENCE
        while line not in self.log.read_text(encoding="utf-8", errors="replace"):
            if time.monotonic() > end:
                self.oddities.append(f"the service never printed {line!r}")
                return
            time.sleep(0.05)


Traffic = Callable[[Visit], None]


def get(path: str, orders: range, answer: int | None) -> Traffic:
    """Return a function that sends a request for each order; `{}` in the path is the order."""

    def send(visit: Visit) -> None:
        for order in orders:
            visit.ask(path.format(order), answer)

    return send


def post(path: str, form: str, answer: int) -> Traffic:
    """Return a function that sends a form."""
    return lambda visit: visit.ask(path, answer, form=form)


def debug_route(token: str | None, answer: int) -> Traffic:
    """Return a function that calls the debug route; with a token the response has the event id."""
    return lambda visit: visit.ask("/debug/sentry-panic", answer, token)


def leave_upload(visit: Visit) -> None:
    """Reset the connection after a quarter of the body, while the handler reads it."""
    with visit.leave_during("POST", "/orders/41/photo", "photo 41"):
        time.sleep(0.2)


def leave_work(visit: Visit) -> None:
    """Reset the connection while the handler works, before the response."""
    with visit.leave_during("GET", "/orders/42/invoice", "invoice 42"):
        pass


def leave_stream(visit: Visit) -> None:
    """Reset the connection after a part of a long body has arrived."""
    with visit.leave_during("GET", "/orders/43/export", "export 43") as client:
        received = b""
        while received.count(b"a line of the export") < 100:
            received += client.recv(65536)


@contextmanager
def resetting_peer() -> Iterator[str]:
    """Run a TCP server that reads a line and resets the connection; yield its `host:port`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_reset_all, args=[server], daemon=True).start()
        host, port = server.getsockname()
        yield f"{host}:{port}"


def _reset_all(server: socket.socket) -> None:
    while True:
        try:
            peer, _ = server.accept()
        except OSError:  # the server socket is closed: the demo has ended
            return
        with suppress(OSError), peer:  # a client may disconnect first
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            peer.recv(1024)
