"""Send an event from here, through the whole pipeline, to a server on a real socket."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

CODE = """
import dataclasses, json, sys
import sentryinit
from sentryinit_cli.send import send_from_here
from sentryinit_cli.verdicts import Failure, Verdict

class Backend:
    def refused(self, answer):
        return Failure(Verdict.REFUSED, f"{answer.status} {answer.headers.get('retry-after')} "
                       f"{answer.body.decode()}")

%s
try:
    sent = send_from_here(Backend(), {"environment": "", "release": ""})
    print(json.dumps({"id": sent.event_id, "expected": dataclasses.asdict(sent.expected),
                      "canaries": [[each.carrier, each.secret] for each in sent.canaries]}))
except Failure as failure:
    print(json.dumps({"verdict": failure.verdict.word, "text": failure.text,
                      "remedy": failure.remedy}))
"""
INIT = 'sentryinit.init("orders", environment="staging", release="1.4.2"{})'


class Ingestion(ThreadingHTTPServer):
    """Takes envelopes and answers *status*; *events* are those that it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.headers, self.body = 200, {"Content-Type": "application/json"}, b"{}"
        self.elsewhere = 404
        self.events: list[dict[str, Any]] = []

    @property
    def dsn(self) -> str:
        return f"http://0123456789abcdef0123456789abcdef@127.0.0.1:{self.server_port}/17"


class Handler(BaseHTTPRequestHandler):
    """Takes one envelope."""

    server: Ingestion

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.events.append(json.loads(body.split(b"\n")[2]))
        is_elsewhere = self.path == "/elsewhere/"
        self.send_response(self.server.elsewhere if is_elsewhere else self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *words: object) -> None:
        """Write nothing."""


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    """Run a server that takes envelopes."""
    server = Ingestion()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def send(ingestion: Ingestion) -> Callable[..., dict[str, Any]]:
    """Send from a process of its own; return what it printed."""

    def run(init: str = INIT.format(""), **variables: str) -> dict[str, Any]:
        clean = {name: value for name, value in os.environ.items() if "SENTRY" not in name}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", CODE % init],
            env={**clean, "SENTRY_DSN": ingestion.dsn, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "Traceback" not in done.stderr
        return dict(json.loads(done.stdout))

    return run


def test_the_event_is_what_is_expected(
    send: Callable[..., dict[str, Any]], ingestion: Ingestion
) -> None:
    """The event has id, service, environment, release, status, level and route."""
    sent = send()
    (event,) = ingestion.events
    expected = sent["expected"]
    assert event["event_id"] == sent["id"]
    assert expected == {
        "service": "orders",
        "environment": "staging",
        "release": "1.4.2",
        "server_name": "orders",
        "status_code": "500",
        "level": "error",
        "title": "VerifyPanic: sent on purpose by sentryinit verify, password=[secret]",
        "route": "/sentryinit/verify",
        "nonce": "",
    }


@pytest.mark.parametrize("options", ["", ', collect=["locals", "query", "cookies", "user"]'])
def test_no_canary_leaves(
    options: str, send: Callable[..., dict[str, Any]], ingestion: Ingestion
) -> None:
    """None of the twelve planted secrets is in the event, also if all data is collected."""
    sent = send(INIT.format(options))
    (event,) = ingestion.events
    text = json.dumps(event)
    assert len(sent["canaries"]) == len({carrier for carrier, _secret in sent["canaries"]}) == 12
    assert [carrier for carrier, secret in sent["canaries"] if secret[:10] in text] == []
    # The carriers are there.
    assert event["extra"].keys() >= {"api_key", "note"}
    assert "access_token" in event["tags"]
    assert len(event["exception"]["values"]) == 2


def test_two_events_have_two_ids_and_one_issue(
    send: Callable[..., dict[str, Any]], ingestion: Ingestion
) -> None:
    """Each run has an id of its own, and the title of all is the same."""
    first, second = send(), send()
    assert first["id"] != second["id"]
    assert first["expected"]["title"] == second["expected"]["title"]
    assert ingestion.events[0]["fingerprint"] == ingestion.events[1]["fingerprint"]


def test_a_redirect_of_the_event_is_told(
    send: Callable[..., dict[str, Any]], ingestion: Ingestion
) -> None:
    """A redirect to where nothing takes the event is told as such; a good one is followed."""
    ingestion.status = 301
    ingestion.headers = {"Location": "/elsewhere/"}
    assert send()["text"].startswith("301 ")
    ingestion.elsewhere = 200
    assert "id" in send()


@pytest.mark.parametrize("status", [301, 403, 413, 429, 500])
def test_a_refusal_is_known(
    status: int, send: Callable[..., dict[str, Any]], ingestion: Ingestion
) -> None:
    """The backend's reading of the answer gets its status, headers and body."""
    ingestion.status, ingestion.body = status, b"no"
    ingestion.headers = {"Retry-After": "600"}
    said = send()
    assert said["verdict"] == "refused"
    assert said["text"] == f"{status} 600 no"


def test_nobody_listens(send: Callable[..., dict[str, Any]], ingestion: Ingestion) -> None:
    """No answer to the POST: the class of the error, without the address and its key."""
    said = send(SENTRY_DSN="http://0123456789abcdef0123456789abcdef@127.0.0.1:1/17")
    assert said["verdict"] == "backend"
    assert said["text"].startswith("the event could not be sent: ")
    assert "0123456789abcdef" not in json.dumps(said)
    assert ingestion.events == []


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (", before_send=lambda event, hint: None", "before_send"),
        (", sample_rate=0.0", "sample_rate"),
        (', ignore_messages=["on purpose"]', "ignore_*"),
        (", enabled=False", "reporting is off"),
    ],
)
def test_why_there_is_no_event(
    options: str, word: str, send: Callable[..., dict[str, Any]], ingestion: Ingestion
) -> None:
    """A pipeline that makes no event is not wired, with the setting that is the reason."""
    said = send(INIT.format(options))
    assert said["verdict"] == "not wired"
    assert word in said["text"]
    assert ingestion.events == []


def test_a_hook_that_changes_the_event(
    send: Callable[..., dict[str, Any]], ingestion: Ingestion
) -> None:
    """What a hook has changed is what is expected: it is what left."""
    hook = "import sys\ndef hook(event, hint):\n    event['level'] = 'warning'\n    return event\n"
    sent = send(hook + INIT.format(", before_send=hook"))
    assert sent["expected"]["level"] == ingestion.events[0]["level"] == "warning"


def test_a_transport_of_the_application(
    send: Callable[..., dict[str, Any]], ingestion: Ingestion
) -> None:
    """A transport whose answers cannot be known is used: the event is looked for all the same."""
    own = (
        "from sentry_sdk.transport import Transport\n"
        "class Own(Transport):\n"
        "    def capture_envelope(self, envelope): pass\n"
    )
    assert len(send(own + INIT.format(", transport=Own"))["id"]) == 32
    assert ingestion.events == []
