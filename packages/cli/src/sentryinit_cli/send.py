"""Send an event from this process, through all that an event of the service goes through.

A request that is served by no server fails inside the boundary of :mod:`sentryinit.wsgi`. So the
event has passed the scopes, the masking, the hooks of the application, the filter and the transport
of ``sentry_sdk``.
"""

from __future__ import annotations

import contextlib
import io
import queue
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NoReturn

import sentry_sdk

import sentryinit
from sentryinit import adapters, wsgi
from sentryinit_cli.backends import Backend
from sentryinit_cli.canaries import Canary, invent, invent_card
from sentryinit_cli.compare import Expected
from sentryinit_cli.http import Answer
from sentryinit_cli.verdicts import Failure, Verdict
from sentryinit_cli.verify import Sent

ROUTE = "/sentryinit/verify"
# Seconds for the transport to get an answer: those of sentry-sdk's own limit, and some.
ANSWER_TIMEOUT = 35.0


class VerifyPanic(Exception):  # it is no error
    """Raised on purpose by ``sentryinit verify``."""


def send_from_here(backend: Backend, overrides: Mapping[str, str] | None = None) -> Sent:
    """Send an event by the client of this process; raise ``Failure`` if it is not accepted.

    ``init`` has run. *overrides*: what is expected whatever was sent, such as the environment.
    """
    if not is_on():
        raise not_on()
    sentryinit.flush()
    before, at = sentryinit.stats(), datetime.now(timezone.utc)
    with _observed() as seen:
        canaries = _fail()
        if seen.event is None:
            raise _not_made(before)
        answer = seen.wait(before)
    if answer is not None and not 200 <= answer.status < 300:
        raise backend.refused(answer)
    return Sent(seen.event["event_id"], at, expected(seen.event, overrides or {}), canaries)


def is_on() -> bool:
    """Return True if this process reports."""
    return sentryinit.is_on()


def not_on() -> Failure:
    """Return what says that reporting is off, and why."""
    text = f"reporting is off: {sentryinit.status()['reason']}"
    return Failure(Verdict.NOT_WIRED, text, "`sentryinit doctor` names the setting")


# -- the request that fails ------------------------------------------------------------------------

_ADAPTER: adapters.Adapter[Any] = adapters.Adapter(
    "verify", lambda environ: wsgi.describe(environ, ROUTE), server=wsgi.server
)


def _fail() -> tuple[Canary, ...]:
    """Serve one request that fails, with canaries in it; return them."""
    canaries = {
        name: invent_card(name) if "card" in name else invent(name)
        for name in (
            "query, Cookie header, Authorization header, message, exception that is the cause, "
            "extra data, context, tag, user, breadcrumb, local variable, card number in extra data"
        ).split(", ")
    }
    secret = {name: canary.secret for name, canary in canaries.items()}

    def app(_environ: object, _start_response: object) -> NoReturn:
        _plant(secret)
        _raise(secret)

    boundary = wsgi.SentryInitMiddleware(app, adapter=_ADAPTER)
    with contextlib.suppress(VerifyPanic):
        boundary(_environ(secret), lambda *_response: lambda _data: None)
    return tuple(canaries.values())


def _plant(secret: Mapping[str, str]) -> None:
    scope = sentry_sdk.get_isolation_scope()
    scope.set_tag("access_token", secret["tag"])
    scope.set_extra("api_key", secret["extra data"])
    scope.set_extra("note", f"paid by card {secret['card number in extra data']}")
    scope.set_context("database", {"password": secret["context"]})
    scope.set_user({"id": "sentryinit-verify", "email": f"{secret['user']}@example.com"})
    sentry_sdk.add_breadcrumb(message=f"Authorization: Bearer {secret['breadcrumb']}")


def _raise_cause(password: str) -> NoReturn:
    raise ConnectionError(f"cannot open postgresql://shop:{password}@db.example/shop")


def _raise(secret: Mapping[str, str]) -> NoReturn:
    password = secret["local variable"]
    try:
        _raise_cause(secret["exception that is the cause"])
    except ConnectionError as error:
        text = f"sent on purpose by sentryinit verify, password={secret['message']}"
        raise VerifyPanic(text) from (error if password else None)


def _environ(secret: Mapping[str, str]) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": ROUTE,
        "QUERY_STRING": f"password={secret['query']}",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_COOKIE": f"session={secret['Cookie header']}",
        "HTTP_AUTHORIZATION": f"Bearer {secret['Authorization header']}",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
    }


# -- what leaves, and what is answered -------------------------------------------------------------


@dataclass
class _Seen:
    """The event that left, and the answer to its POST. *has_answers*: whether one can be known."""

    event: Any = None
    has_answers: bool = False
    answers: queue.SimpleQueue[Answer | Exception] = field(default_factory=queue.SimpleQueue)

    def wait(self, before: Mapping[str, int]) -> Answer | None:
        """Return the answer, or None if it cannot be known; raise ``Failure`` without one."""
        if not self.has_answers:
            sentryinit.flush()
            return None
        end = time.monotonic() + ANSWER_TIMEOUT
        while time.monotonic() < end and sentryinit.stats()["lost"] == before["lost"]:
            with contextlib.suppress(queue.Empty):
                return self._checked(self.answers.get(timeout=0.2))
        with contextlib.suppress(queue.Empty):
            return self._checked(self.answers.get(timeout=0.2))
        raise _no_answer("the event was lost on its way")

    def _checked(self, answer: Answer | Exception) -> Answer:
        if isinstance(answer, Exception):
            # Not its text, which may have the address with the key, or the password of a proxy.
            raise _no_answer(f"the event could not be sent: {type(answer).__name__}")
        return answer


def _no_answer(text: str) -> Failure:
    remedy = "look at proxy, TLS and firewall between this machine and the backend"
    return Failure(Verdict.BACKEND, text, f"{remedy}; `sentryinit doctor` tries each")


@contextlib.contextmanager
def _observed() -> Any:
    """Watch the transport of the client: yields what is seen."""
    transport: Any = sentry_sdk.get_client().transport
    seen, capture = _Seen(), transport.capture_envelope
    ask: Any = getattr(transport, "_request", None)
    seen.has_answers = ask is not None

    def capture_envelope(envelope: Any) -> Any:
        seen.event = seen.event or envelope.get_event()
        return capture(envelope)

    def request(*arguments: Any, **named: Any) -> Any:
        try:
            response = ask(*arguments, **named)
        except Exception as error:
            seen.answers.put(error)
            raise
        seen.answers.put(_answer_of(response))
        return response

    transport.capture_envelope = capture_envelope
    if ask is not None:
        transport._request = request  # noqa: SLF001 # the only place where sentry-sdk has the answer
    try:
        yield seen
    finally:
        transport.capture_envelope = capture
        if ask is not None:
            del transport._request  # noqa: SLF001 # likewise


def _answer_of(response: Any) -> Answer:
    body = getattr(response, "data", None)  # urllib3's; httpcore has content
    headers: Iterable[tuple[Any, Any]] = (
        response.headers.items() if hasattr(response.headers, "items") else response.headers
    )
    lowered = {_text(name).lower(): _text(value) for name, value in headers}
    # urllib3 follows a redirect; where that fails, the redirect is what is wrong.
    history = getattr(getattr(response, "retries", None), "history", ())
    redirects = [each.status for each in history if each.redirect_location]
    status = redirects[0] if redirects and response.status >= 300 else response.status
    return Answer(status, lowered, body if body is not None else response.content)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# -- what is known of it ---------------------------------------------------------------------------


def _not_made(before: Mapping[str, int]) -> Failure:
    """Return why the failing request gave no event."""
    after = sentryinit.stats()
    grown = {name for name, count in after.items() if count > before[name]}
    reasons = {
        "dropped": ("before_send, sample_rate or error_sampler drops it", "look at these settings"),
        "suppressed": ("the rate limit suppresses it", "try again in a minute"),
        "ignored": ("an ignore_* setting matches it", "look at the settings ignore_*"),
        "lost": ("the queue of sentry-sdk is full", "try again in a minute"),
    }
    nothing = ("nothing was sent", "`sentryinit doctor` explains the wiring")
    text, remedy = next((reasons[name] for name in reasons if name in grown), nothing)
    return Failure(Verdict.NOT_WIRED, f"the failure made no event: {text}", remedy)


def expected(event: Mapping[str, Any], overrides: Mapping[str, str]) -> Expected:
    """Return what a backend has to store of *event*, as it left."""
    tags = event.get("tags") or {}
    tag = dict(tags)
    values = {
        "service": tag.get("service"),
        "environment": event.get("environment"),
        "release": event.get("release"),
        "server_name": event.get("server_name"),
        "status_code": tag.get("status_code"),
        "level": event.get("level"),
        "title": _title(event),
        "route": tag.get("route"),
        "nonce": tag.get("nonce"),
    }
    known = {name: str(value or "") for name, value in values.items()}
    return Expected(**{**known, **{name: each for name, each in overrides.items() if each}})


def _title(event: Mapping[str, Any]) -> str:
    values = (event.get("exception") or {}).get("values") or [{}]
    last = values[-1]
    return f"{last['type']}: {last.get('value') or ''}" if last.get("type") else ""
