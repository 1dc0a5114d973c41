"""Make a running service send an event: by its debug route."""

from __future__ import annotations

import dataclasses
import re
import uuid
from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlsplit

from sentryinit_cli.canaries import Canary, invent
from sentryinit_cli.compare import Expected
from sentryinit_cli.http import Answer, Http, Unreachable
from sentryinit_cli.verdicts import Failure, Verdict
from sentryinit_cli.verify import Sent

TOKEN_VARIABLE = "SENTRYINIT_DEBUG_TOKEN"  # noqa: S105 # the name of a variable
TOKEN_HEADER = "X-Sentryinit-Debug-Token"  # noqa: S105 # the name of a header
NONCE_HEADER = "X-Sentryinit-Nonce"
EVENT_ID_HEADER = "x-sentry-event-id"
TITLE = "DebugPanic: raised on purpose by the debug route of sentryinit"
_ID = re.compile(r"[0-9a-f]{32}")


def check_url(url: str) -> str:
    """Return what is wrong with *url* as the address of a debug route; an empty text if nothing."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in {"http", "https"} or not host:
        return "it does not begin with https:// and the name of a host"
    if parts.username is not None or parts.password is not None:
        return "it has a user name or a password in it"
    if any("token" in name.lower() for name, _value in parse_qsl(parts.query)):
        return f"it has a token in it: set {TOKEN_VARIABLE} instead, which is sent as a header"
    return ""


def send_by_url(url: str, http: Http, token: str, expected: Expected) -> Sent:
    """Have the debug route at *url* send an event; raise ``Failure`` (NOT_WIRED).

    *expected*: what is known of the service beforehand; its nonce is sent, else a new one.
    """
    nonce = expected.nonce or uuid.uuid4().hex
    canaries = tuple(map(invent, ("query", "Cookie header", "Authorization header")))
    at = datetime.now(timezone.utc)
    answer = _ask(url, http, token, nonce, canaries)
    # No sign of an error of ours: a middleware may refuse the invented credentials.
    if answer.status in {400, 401, 403}:
        canaries = canaries[:2]
        answer = _ask(url, http, token, nonce, canaries)
    event_id = answer.headers.get(EVENT_ID_HEADER, "").replace("-", "").lower()
    if not _ID.fullmatch(event_id):
        raise _not_wired(url, answer)
    known = dataclasses.replace(
        expected,
        status_code=str(answer.status),
        level="error",
        title=TITLE,
        route=urlsplit(url).path or "/",
        nonce=nonce,
    )
    return Sent(event_id, at, known, canaries)


def _ask(url: str, http: Http, token: str, nonce: str, canaries: tuple[Canary, ...]) -> Answer:
    query, cookie, *authorization = (each.secret for each in canaries)
    url = url.partition("#")[0]
    headers = {
        TOKEN_HEADER: token,
        NONCE_HEADER: nonce,
        "Cookie": f"sentryinit_session={cookie}",
        "Cache-Control": "no-cache",
    }
    if authorization:
        headers["Authorization"] = f"Bearer {authorization[0]}"
    try:
        return http.get(f"{url}{'&' if '?' in url else '?'}password={query}", headers)
    except Unreachable as error:
        raise Failure(
            Verdict.NOT_WIRED,
            f"{_host(url)} does not answer: {error}",
            "start the service, or correct the URL; from this machine it must be reachable",
        ) from None


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


_OFF = "without it reporting is off, and there is no route (`sentryinit doctor` says why)"
_NO_ROUTE = (
    "mount the debug route, at this path, inside of the application",
    f"set the same {TOKEN_VARIABLE} here and where the service runs",
    f"set SENTRY_DSN where the service runs: {_OFF}",
)
_AUTHENTICATION = "mount the debug route where no login is asked for; it has a token of its own"


def _not_wired(url: str, answer: Answer) -> Failure:
    text, remedy = _reading(url, answer)
    return Failure(Verdict.NOT_WIRED, f"the debug route answered {answer.status}: {text}", remedy)


def _reading(url: str, answer: Answer) -> tuple[str, str]:  # a list of answers
    """Return what *answer*, without the id of an event, says, and what to do."""
    status = answer.status
    if status in {404, 410}:
        text = "no such route, the token is missing or wrong, or reporting is off"
        return text, "; ".join(_NO_ROUTE)
    if 300 <= status < 400:
        return _redirect(url, answer)
    if status in {401, 403, 407}:
        return "something before the debug route asks for authentication", _AUTHENTICATION
    if status == 405:
        text = "another route is at this path, which does not take GET"
        return text, "correct the URL, or the order of the routes"
    if status in {502, 503, 504} or 520 <= status <= 530:
        text = "a proxy answers, because the service does not; or the service is in maintenance"
        return text, "start the service; look at the log of the proxy"
    if status == 429:
        text = "a limit of requests before the debug route"
        return text, "try again later, or exempt the path of the debug route"
    if status >= 500:
        text = "without the id of an event: this is not the debug route, or a setting suppresses "
        text += "its event (ignore_*, sample_rate, before_send, the rate limit), or the header "
        text += "X-Sentry-Event-Id is removed on the way"
        remedy = "set the level of the logger sentryinit to DEBUG: it says why there is no event; "
        return text, remedy + "is the middleware of sentryinit the outermost?"
    if status >= 400:
        text = "something before the debug route refuses the request"
        return text, "look at the log of the service; is the name of the host allowed?"
    text = "another page is at this address, or a handler of the application turns the exception "
    text += "of the debug route into a page"
    return text, f"correct the URL; {_AUTHENTICATION}; a handler for Exception must answer 500"


def _redirect(url: str, answer: Answer) -> tuple[str, str]:
    # Without the query: a login page may get a secret in it.
    target = answer.headers.get("location", "").partition("?")[0].partition("#")[0]
    try:
        parts = urlsplit(target)
        is_tls = urlsplit(url).scheme == "http" and parts.scheme == "https"
        where = f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path
    except ValueError:
        is_tls, where = False, "a place that is no URL"
    text = f"a redirect to {where[:200] or 'nowhere'}; the token is sent to no other place"
    if is_tls:
        return text, "use https:// in the URL"
    return text, f"use the address that it leads to, if it is the service's; else {_AUTHENTICATION}"
