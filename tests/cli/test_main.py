"""The installed command: exit codes, kinds of output, and no secret in any of them.

The backend is a small GlitchTip on a real socket; each service has a debug route on another one.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11"
DEBUG_TOKEN = "debug-token-4711-of-the-service"
SECRETS = KEY, TOKEN, DEBUG_TOKEN
COMMAND = str(Path(sys.executable).with_name("sentryinit"))


class Handler(BaseHTTPRequestHandler):
    """Passes requests on to its server."""

    protocol_version = "HTTP/1.1"
    server: Any

    def answer(self, status: int, body: object = "", kind: str = "json", **headers: str) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", {"json": "application/json", "html": "text/html"}[kind])
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.server.get(self, self.path.partition("?")[0])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.post(self, body)

    def log_message(self, *words: object) -> None:
        """Write nothing."""


class Server(ThreadingHTTPServer):
    """A server in a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, *details: object) -> None:
        """Write nothing: a client that was interrupted closes its connection."""


class GlitchTip(Server):
    """Stores events; *stores* and *refuses* are its traps."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, dict[str, Any]] = {}
        self.stores, self.refuses, self.scope, self.posts = True, 0, True, 0
        self.projects = [str(number) for number in range(1, 61)]

    def dsn(self, project: object = 17) -> str:
        return f"http://{KEY}@127.0.0.1:{self.server_port}/{project}"

    def get(self, to: Handler, path: str) -> None:
        if path == "/api/0/":
            return to.answer(200, {"version": "0", "user": None, "auth": None})
        if path == "/api/settings/":
            return to.answer(200, {"version": "5", "enableUserRegistration": True})
        if path == "/api/canonical/0/":
            return to.answer(404, "no", "html")
        if to.headers.get("Authorization") != f"Bearer {TOKEN}":
            return to.answer(401, {"detail": "Unauthorized"})
        if not self.scope:
            return to.answer(403, {"detail": "Permission denied"})
        return self.look_up(to, path)

    def look_up(self, to: Handler, path: str) -> None:
        if path == "/api/0/projects/":
            return to.answer(200, [self.project(number) for number in self.projects])
        if path.endswith("/keys/"):
            return to.answer(200, [{"public": KEY, "dsn": {"public": self.dsn()}, "label": "a"}])
        event = self.events.get(path.rstrip("/").rpartition("/")[2])
        if event is None or not self.stores:
            return to.answer(404, {"detail": "Not Found"})
        return to.answer(200, event)

    def project(self, number: str) -> dict[str, Any]:
        organization = {"id": "1", "slug": "acme", "isAcceptingEvents": True}
        return {
            "id": number,
            "slug": f"p{number}",
            "name": f"p{number}",
            "firstEvent": "2026-01-01T00:00:00Z",
            "eventThrottleRate": 0,
            "organization": {**organization, "eventThrottleRate": 0},
        }

    def post(self, to: Handler, body: bytes) -> None:
        self.posts += 1
        if self.refuses:
            return to.answer(self.refuses, {"detail": "Denied"}, Retry_After="600")
        return to.answer(200, {"id": self.store(json.loads(body.split(b"\n")[2]))})

    def store(self, event: dict[str, Any]) -> str:
        last = event["exception"]["values"][-1]
        named = {name: event[name] for name in ("environment", "release", "server_name")}
        made = {
            "id": event["event_id"],
            "eventID": event["event_id"],
            "groupID": "41",
            "projectID": 17,
            "title": f"{last['type']}: {last['value']}",
            "type": "error",
            "culprit": event.get("transaction", ""),
            "entries": [],
            "contexts": {},
            "tags": [{"key": k, "value": v} for k, v in {**event["tags"], **named}.items()],
            "message": event.get("leak", ""),
        }
        self.events[event["event_id"]] = made
        return str(event["event_id"])


class Service(Server):
    """A service with a debug route, whose event is in *backend* at once."""

    def __init__(self, backend: GlitchTip, name: str = "orders", status: int = 500) -> None:
        super().__init__()
        self.backend, self.name, self.status = backend, name, status
        self.environment, self.leaks, self.hits = "production", False, 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/debug/sentry-panic"

    def get(self, to: Handler, path: str) -> None:
        self.hits += 1
        if to.headers.get("X-Sentryinit-Debug-Token") != DEBUG_TOKEN:
            return to.answer(404)
        if self.status != 500:
            return to.answer(self.status)
        text = "raised on purpose by the debug route of sentryinit"
        event = {
            "event_id": uuid.uuid4().hex,
            "environment": self.environment,
            "release": "1.4.2",
            "server_name": self.name,
            "transaction": path,
            "level": "error",
            "exception": {"values": [{"type": "DebugPanic", "value": text}]},
            "tags": {
                "service": self.name,
                "status_code": "500",
                "route": path,
                "nonce": to.headers["X-Sentryinit-Nonce"],
            },
            "leak": to.headers["Cookie"] if self.leaks else "",
        }
        return to.answer(500, X_Sentry_Event_Id=self.backend.store(event))


@pytest.fixture
def glitchtip() -> Iterator[GlitchTip]:
    """Run a GlitchTip."""
    with GlitchTip() as server:
        yield server


@pytest.fixture
def service(glitchtip: GlitchTip) -> Iterator[Service]:
    """Run a service that reports to it."""
    with Service(glitchtip) as server:
        yield server


class Done:
    """What a command printed: *out*, *err*; and its exit code."""

    def __init__(self, done: subprocess.CompletedProcess[str], *files: Path) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        written = "".join(file.read_text() for file in files if file.exists())
        everything = f"{self.out}{self.err}{written}"
        assert [each for each in SECRETS if each in everything] == []
        assert "Traceback" not in everything


@pytest.fixture
def sentryinit(glitchtip: GlitchTip, tmp_path: Path) -> Callable[..., Done]:
    """Run the command with a DSN and tokens; a value of None removes a variable."""

    def run(*arguments: object, files: tuple[Path, ...] = (), **variables: str | None) -> Done:
        clean = {name: value for name, value in os.environ.items() if "SENTRY" not in name}
        given = {
            "SENTRY_DSN": glitchtip.dsn(),
            "SENTRYINIT_AUTH_TOKEN": TOKEN,
            "SENTRYINIT_DEBUG_TOKEN": DEBUG_TOKEN,
            "NO_PROXY": "*",
            **variables,
        }
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            env={**clean, **{k: v for k, v in given.items() if v is not None}},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return Done(done, *files)

    return run


HERE = "verify", "--service", "orders", "--release", "1.4.2"
Run = Callable[..., Done]


def test_found(sentryinit: Run, glitchtip: GlitchTip) -> None:
    """An event from here is found: exit code 0, one line, with the page for a person."""
    done = sentryinit(*HERE)
    (event_id,) = glitchtip.events
    page = f"http://127.0.0.1:{glitchtip.server_port}/acme/issues/41/events/{event_id}"
    assert done.code == 0
    assert re.fullmatch(rf"orders: found in glitchtip after \d+ ms: {page}\n", done.out)
    assert done.err == ""


def test_found_by_url(sentryinit: Run, service: Service) -> None:
    """The event of a running service is found, and is what is expected."""
    expected = "--environment", "production", "--release", "1.4.2", "--service", "orders"
    assert sentryinit("verify", "--url", service.url, *expected).code == 0
    assert service.hits == 1


def test_altered(sentryinit: Run, service: Service) -> None:
    """Each difference is named, and so is the place of a planted secret."""
    service.leaks = True
    done = sentryinit("verify", "--url", service.url, "--environment", "staging")
    assert done.code == 73
    assert "environment: expected 'staging', found 'production'" in done.out
    assert "secret: the one planted in the Cookie header was stored unmasked" in done.out


@pytest.mark.parametrize("status", [200, 302, 401, 404, 502])
def test_not_wired(status: int, sentryinit: Run, service: Service, glitchtip: GlitchTip) -> None:
    """A service that makes no event is not wired; the line after the verdict has the remedy."""
    service.status = status
    done = sentryinit("verify", "--url", service.url)
    assert (done.code, glitchtip.posts) == (70, 0)
    assert f"answered {status}" in done.out
    assert "what to do: " in done.out


def test_refused(sentryinit: Run, glitchtip: GlitchTip) -> None:
    """A refusal of the POST is the outcome at once."""
    glitchtip.refuses = 429
    done = sentryinit(*HERE)
    assert done.code == 71
    assert "429" in done.out
    assert "600" in done.out


def test_not_stored(sentryinit: Run, glitchtip: GlitchTip) -> None:
    """An event that is accepted and never comes has an exit code of its own."""
    glitchtip.stores = False
    done = sentryinit(*HERE, "--timeout", "0.5")
    assert done.code == 72
    assert "not stored after 0.5 s" in done.out
    assert f"event: {next(iter(glitchtip.events))}" in done.out


def test_nothing_is_sent_with_a_wrong_token(
    sentryinit: Run, glitchtip: GlitchTip, service: Service
) -> None:
    """Token, scope and project are found out before anything is sent."""
    url = "--url", service.url
    wrong = TOKEN.replace("11", "22")
    for more in ((), url):
        token = sentryinit("verify", *more, SENTRYINIT_AUTH_TOKEN=wrong)
        assert token.code == 74
        assert wrong not in token.out + token.err
        assert sentryinit("verify", *more, SENTRY_DSN=glitchtip.dsn(99)).code == 76
        glitchtip.scope = False
        assert sentryinit("verify", *more).code == 75
        glitchtip.scope = True
    assert (glitchtip.posts, service.hits) == (0, 0)


def test_no_backend(sentryinit: Run, service: Service) -> None:
    """Nobody listens at the address of the DSN."""
    assert sentryinit("verify", SENTRY_DSN=f"http://{KEY}@127.0.0.1:1/17").code == 77


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        ((), {"SENTRY_DSN": None}),
        ((), {"SENTRYINIT_AUTH_TOKEN": None}),
        (("--url", "https://orders.example/x"), {"SENTRYINIT_DEBUG_TOKEN": None}),
        (("--dsn", f"{KEY}@nonsense"), {}),
    ],
)
def test_no_dsn_or_token(
    arguments: tuple[str, ...], variables: dict[str, Any], sentryinit: Run, glitchtip: GlitchTip
) -> None:
    """Without DSN or token nothing is sent, and the setting is named."""
    done = sentryinit("verify", *arguments, **variables)
    assert (done.code, glitchtip.posts) == (65, 0)
    assert re.search("dsn|TOKEN", done.out, re.IGNORECASE)


USAGE = {
    ("verify", "--token", TOKEN): "a token is never an argument",
    ("verify", f"--token={TOKEN}"): "a token is never an argument",
    ("verify", "--debug-token", DEBUG_TOKEN): "SENTRYINIT_DEBUG_TOKEN",
    ("verify", TOKEN): "a token is never an argument",
    ("verify", f"--{TOKEN}"): "a token is never an argument",
    ("verify", "--backend", TOKEN): "[not shown]",
    ("verify", "--timeout", "nan"): "--timeout",
    ("verify", "--timeout", "-1"): "--timeout",
    ("verify", "--jobs", "0"): "--jobs",
    ("verify", "--nonce", "n"): "--url",
    ("verify", "--fleet", "none.toml"): "the file of the fleet cannot be read",
    ("verify", "--fleet", "none.toml", "--service", "x"): "--service",
    ("verify", "--junit", "none/x.xml"): "--junit",
    ("verify", "--junit", "."): "--junit",
    ("verify", "--junit", "x" * 300): "--junit",
    ("verify", "--url", f"https://u:{TOKEN}@orders.example/"): "a user name or a password",
    ("verify", "--url", f"https://orders.example/?token={TOKEN}"): "a token in it",
    (TOKEN,): "[not shown]",
    ("verfy",): "verfy",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_wrong_usage(arguments: tuple[str, ...], sentryinit: Run, glitchtip: GlitchTip) -> None:
    """Wrong usage is 64; a token among the arguments is not repeated."""
    done = sentryinit(*arguments)
    assert (done.code, glitchtip.posts) == (64, 0)
    assert USAGE[arguments] in " ".join((done.err + done.out).split())


def test_json(sentryinit: Run, glitchtip: GlitchTip, tmp_path: Path) -> None:
    """With ``--json`` stdout is one object, whatever comes out; JUnit is valid."""
    junit = tmp_path / "verify.xml"
    given = *HERE, "--json", "--junit", junit
    good = sentryinit(*given, files=(junit,))
    document = json.loads(good.out)
    assert (document["ok"], document["verdict"], document["sent"]) == (True, "found", True)
    assert document["event_id"] in glitchtip.events
    assert len(ET.parse(junit).findall(".//testcase")) == 1  # noqa: S314 # written by the command
    glitchtip.refuses = 403
    bad = sentryinit(*given, files=(junit,))
    assert json.loads(bad.out)["exit_code"] == bad.code == 71
    assert len(ET.parse(junit).findall(".//failure")) == 1  # noqa: S314 # likewise
    wrong = json.loads(sentryinit("verify", "--fleet", "none.toml", "--json").out)
    assert (wrong["ok"], wrong["exit_code"]) == (False, 64)


def test_ctrl_c(glitchtip: GlitchTip, tmp_path: Path) -> None:
    """Ctrl-C while the command waits: 130, one line, no traceback."""
    glitchtip.stores = False
    clean = {name: value for name, value in os.environ.items() if "SENTRY" not in name}
    process = subprocess.Popen(
        [COMMAND, *HERE],
        env={**clean, "SENTRY_DSN": glitchtip.dsn(), "SENTRY_AUTH_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    end = time.monotonic() + 30
    while not glitchtip.posts and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, "", "interrupted")


def test_a_crash(sentryinit: Run, tmp_path: Path) -> None:
    """A bug is 99 and one line, without the text of the exception."""
    code = "from sentryinit_cli import single\n"
    code += f"single.verify_one = lambda *a, **k: {{}}['{TOKEN}']\n"
    (tmp_path / "sitecustomize.py").write_text(code)
    done = sentryinit("verify", PYTHONPATH=str(tmp_path))
    assert done.code == 99
    assert re.match(r"internal error: unexpected KeyError \(sitecustomize\.py:2\); ", done.err)


def test_help_has_examples_and_exit_codes(sentryinit: Run) -> None:
    """``--help`` shows examples and every exit code."""
    for arguments in ((), ("verify",), ("doctor",)):
        done = sentryinit(*arguments, "--help")
        assert done.code == 0
        assert "Examples:" in done.out
    text = sentryinit("verify", "--help").out
    assert all(f" {code} " in text for code in (0, 64, 65, *range(70, 78), 99))


# -- a fleet ---------------------------------------------------------------------------------------


def fleet_file(folder: Path, services: list[Service]) -> Path:
    entries = [
        f'[[service]]\nname = "{each.name}"\nurl = "{each.url}"\n'
        f'dsn = "{each.backend.dsn(number)}"\nrelease = "1.4.2"\nenvironment = "production"\n'
        for number, each in enumerate(services, 1)
    ]
    file = folder / "services.toml"
    file.write_text("\n".join(entries))
    return file


def test_a_fleet(sentryinit: Run, glitchtip: GlitchTip, tmp_path: Path) -> None:
    """One line a service and a sum; the exit code is the number that are not in order."""
    names = "orders", "billing", "stock"
    services = [Service(glitchtip, name) for name in names]
    services[1].status, services[2].environment = 404, "staging"
    junit = tmp_path / "verify.xml"
    with services[0], services[1], services[2]:
        file = fleet_file(tmp_path, services)
        done = sentryinit("verify", "--fleet", file, "--junit", junit, files=(junit,))
        as_json = sentryinit("verify", "--fleet", file, "--json")
    lines = done.out.splitlines()
    assert done.code == as_json.code == 2
    assert sorted(line.partition(":")[0] for line in lines[:3]) == sorted(names)
    assert lines[3].startswith("1 of 3 services in order, 2 not, in ")
    document = json.loads(as_json.out)
    assert [each["verdict"] for each in document["services"]] == ["found", "not wired", "altered"]
    suite = ET.parse(junit).getroot()[0]  # noqa: S314 # written by the command
    assert [case.get("name") for case in suite] == list(names)
    assert suite.get("failures") == "2"


def test_a_wrong_file_sends_nothing(
    sentryinit: Run, service: Service, glitchtip: GlitchTip, tmp_path: Path
) -> None:
    """All mistakes of the file are on stderr, and no service is asked."""
    file = fleet_file(tmp_path, [service])
    file.write_text(file.read_text() + f'enviroment = "x"\ntoken = "{TOKEN}"\n')
    done = sentryinit("verify", "--fleet", file)
    assert (done.code, service.hits, glitchtip.posts) == (64, 0, 0)
    assert "did you mean environment?" in done.err
    assert "a token is never written in the file" in done.err


def test_fifty_services(sentryinit: Run, glitchtip: GlitchTip, tmp_path: Path) -> None:
    """50 services are verified in under 10 seconds."""
    services = [Service(glitchtip, f"service-{number}") for number in range(50)]
    for each in services:
        each.__enter__()
    try:
        start = time.monotonic()
        done = sentryinit("verify", "--fleet", fleet_file(tmp_path, services))
        seconds = time.monotonic() - start
    finally:
        for each in services:
            each.__exit__()
    assert done.code == 0, done.out
    assert seconds < 10
