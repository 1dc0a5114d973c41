"""The debug route: mounted, closed without the token, open with it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit.testing import Mailbox
from sentryinit_cli.doctor.catalog import Finding, found
from sentryinit_cli.doctor.probe import Answer, Get

TOKEN_HEADER = "x-sentryinit-debug-token"  # noqa: S105 # the name of a header
EVENT_ID_HEADER = "x-sentry-event-id"
# Different in each answer.
_VOLATILE = {"date", "set-cookie", "server-timing", "x-request-id", "etag"}


def check(get: Get, path: str, token: str, mailbox: Mailbox) -> Iterator[Finding]:
    """Yield what *path* shows without a token, and with the right one."""
    # Of the same length, so that answers with the path in them are, too.
    unknown_path = path[:-1] + ("x" if path[-1] != "x" else "y")
    unknown = get(unknown_path, {})
    if unknown.status != 404:
        yield found("debug-route-unclear", status=unknown.status)
        return
    again, closed = get(unknown_path, {}), get(path, {})
    # Answers that differ by themselves, such as by a nonce, are compared by their status only.
    is_stable = _seen(unknown, unknown_path) == _seen(again, unknown_path)
    if closed.status != 404 or (is_stable and _seen(closed, path) != _seen(unknown, unknown_path)):
        yield found("debug-route-shown", path=path, **_difference(closed, unknown))
        return
    if not token:
        yield found("debug-route-closed", path=path)
        yield found("debug-token-unset")
        return
    mailbox.clear()
    opened = get(path, {TOKEN_HEADER: token})
    event_id = opened.headers.get(EVENT_ID_HEADER, "")
    if opened.status == 404:
        yield found("debug-route-missing", path=path, status=404)
    elif opened.status != 500:
        yield found("debug-route-guarded", path=path, status=opened.status)
    elif not event_id or event_id not in {each["event_id"] for each in mailbox.events}:
        yield found("debug-route-unreported", path=path, status=500)
    else:
        yield found("debug-route", path=path)


def _seen(answer: Answer, path: str) -> tuple[object, ...]:
    """Return what a client sees of *answer*, without *path*."""
    headers = {name: value for name, value in answer.headers.items() if name not in _VOLATILE}
    return answer.status, headers, re.sub(re.escape(path.strip("/")).encode(), b"", answer.body)


def _difference(closed: Answer, unknown: Answer) -> dict[str, str]:
    if closed.status != unknown.status:
        return {"answer": str(closed.status), "unknown": str(unknown.status)}
    names = [
        n
        for n in {**closed.headers, **unknown.headers}
        if closed.headers.get(n) != unknown.headers.get(n)
    ]
    what = f"header {names[0]}" if names else "body"
    return {"answer": f"{closed.status} with another {what}", "unknown": "the same"}
