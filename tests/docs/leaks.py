"""Print which data of a request is sent, as JSON: ``python leaks.py CONFIGURATION``.

Each configuration needs a process of its own: sentry_sdk has one client, and patches modules.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import sentry_sdk
from sentry_sdk.transport import Transport

import sentryinit
import sentryinit.wsgi

DSN = "https://0123456789abcdef@errors.invalid/1"
ALL = ("query", "cookies", "client_address", "host_name", "locals", "argv")
CARRIERS = (
    "message of the exception",
    "message of its cause",
    "note",
    "path",
    "query string: address",
    "query string: `token=`",
    "header `Authorization`",
    "header `X-Auth-Token`",
    "header `X-Forwarded-For`",
    "header `Referer`",
    "cookie",
    "local `password`",
    "other local",
    "local, nested `password`",
    "source line",
    "breadcrumb, message",
    "breadcrumb, `password`",
    "breadcrumb, nested `password`",
    "log message",
    "log parameter",
    "tag",
    "user",
    "address of the user",
    "context, `password`",
    "extra, `password`",
    "extra, nested `password`",
    "command line",
    "attachment",
    "session",
)


def mark(carrier: str) -> str:
    """Return the secret of *carrier*."""
    return f"c4nary{CARRIERS.index(carrier):02}"


def mail(carrier: str) -> str:
    """Return an e-mail address that contains the secret of *carrier*."""
    return f"ann.{mark(carrier)}@mail.example"


def address(carrier: str) -> str:
    """Return the IP address of *carrier*."""
    return f"198.51.100.{100 + CARRIERS.index(carrier)}"


def touch() -> None:
    """Put a secret everywhere an application can put data."""
    sentry_sdk.add_breadcrumb(
        message=mail("breadcrumb, message"),
        data={
            "password": mark("breadcrumb, `password`"),
            "a": {"password": mark("breadcrumb, nested `password`")},
        },
    )
    sentry_sdk.set_tag("customer", mail("tag"))
    sentry_sdk.set_user({"id": mail("user"), "ip_address": address("address of the user")})
    sentry_sdk.set_context("order", {"password": mark("context, `password`")})
    scope = sentry_sdk.get_isolation_scope()
    scope.set_extra("password", mark("extra, `password`"))
    scope.set_extra("a", {"password": mark("extra, nested `password`")})
    scope.add_attachment(bytes=mail("attachment").encode(), filename="a.txt")
    logging.getLogger("shop").error("%s", mail("log parameter"))
    logging.getLogger("shop").error("to " + mail("log message"))  # noqa: G003 # the record must have no parameters


def app(environ: Any, start_response: Any) -> Any:
    """Raise an error with a cause, a note, and secrets in variables and in a source line."""
    touch()
    password = mark("local `password`")
    other, nested = mail("other local"), {"password": mark("local, nested `password`")}
    try:
        raise KeyError(mail("message of its cause"))
    except KeyError as cause:
        error = ValueError(mail("message of the exception"), len((password, other, nested)))
        error.__notes__ = [mail("note")]  # type: ignore[attr-defined,unused-ignore] # 3.11 has it
        raise error from cause  # by ann.c4nary14@mail.example


def environ() -> dict[str, Any]:
    """Return a WSGI environ with secrets."""
    query = f"a={mail('query string: address')}&token={mark('query string: `token=`')}"
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"/orders/{mail('path')}",
        "QUERY_STRING": query,
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "HTTP_AUTHORIZATION": f"Bearer {mark('header `Authorization`')}",
        "HTTP_X_AUTH_TOKEN": mark("header `X-Auth-Token`"),
        "HTTP_X_FORWARDED_FOR": address("header `X-Forwarded-For`"),
        "HTTP_REFERER": f"https://shop.example/?mail={mail('header `Referer`')}",
        "HTTP_COOKIE": f"session={mark('cookie')}",
    }


class Kept(Transport):
    """Keeps the envelopes instead of sending them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def capture_envelope(self, envelope: Any) -> None:
        """Keep *envelope*."""
        self.sent.append(envelope.serialize())


def by_sdk(transport: Kept, **options: Any) -> Callable[..., Any]:
    """Initialize sentry-sdk with *options*; return the application in its middleware."""
    from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

    sentry_sdk.init(dsn=DSN, transport=transport, release="1", **options)
    return SentryWsgiMiddleware(app)


def by_us(transport: Kept, **options: Any) -> Callable[..., Any]:
    """Initialize sentryinit with *options*; return the application in its middleware."""
    sentryinit.init("shop", dsn=DSN, transport=transport, release="1", **options)
    made: Callable[..., Any] = sentryinit.wsgi.SentryInitMiddleware(app)
    return made


def recursive() -> Any:
    """Return the scrubber of sentry-sdk that looks at all depths."""
    from sentry_sdk.scrubber import EventScrubber

    return EventScrubber(recursive=True)


CONFIGURATIONS: dict[str, Callable[[Kept], Callable[..., Any]]] = {
    "SDK": by_sdk,
    "recursive": lambda kept: by_sdk(kept, event_scrubber=recursive()),
    "strict": lambda kept: by_sdk(
        kept,
        event_scrubber=recursive(),
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        auto_session_tracking=False,
    ),
    "data_collection": lambda kept: by_sdk(kept, data_collection={}),
    "ours": by_us,
    "ours, all of it": lambda kept: by_us(
        kept,
        collect=list(ALL),
        collect_headers=["authorization", "x-auth-token", "x-forwarded-for", "referer"],
    ),
}


def leaks(configuration: str) -> list[str]:
    """Return the carriers whose secret was sent."""
    sys.argv.append(f"--mail={mail('command line')}")
    kept = Kept()
    served = CONFIGURATIONS[configuration](kept)
    scope = sentry_sdk.get_isolation_scope()
    scope.set_user({"id": mail("session"), "ip_address": address("session")})
    scope.start_session()
    scope.end_session()
    try:
        list(served(environ(), lambda *_: None))
    except ValueError:
        sentry_sdk.flush(timeout=5)
    sent = b"\n".join(kept.sent).decode()
    told = {carrier: (mark(carrier), address(carrier)) for carrier in CARRIERS}
    return [carrier for carrier, marks in told.items() if any(text in sent for text in marks)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(leaks(sys.argv[1])))
