"""Every field that an event can have: the tables of ``docs/reference/events.md``.

``test_events.py`` compares the rows with real events, both ways: no event has a field without a
row, and no row is without an event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Field(NamedTuple):
    """A field: its *path*, the *kind* and an *example* of its value, and what is known of it.

    *source* is the clause or the setting. *shown* says where GlitchTip has it, if that is known.
    """

    path: str
    kind: str
    example: object
    when: str
    says: str
    source: str
    shown: str = ""


TEXT, NUMBER, FLAG, TIME = "text", "number", "flag", "text or number"
TEXT_OR_NULL = "text or null"
# The Python types that JSON gives for each kind.
TYPES: dict[str, tuple[type, ...]] = {
    TEXT: (str,),
    TEXT_OR_NULL: (str, type(None)),
    NUMBER: (int, float),
    FLAG: (bool,),
    TIME: (str, float, int),
    "any": (str, int, float, bool, type(None)),
}

_EXC = "exception.values[]"
_FRAME = f"{_EXC}.stacktrace.frames[]"
_MECHANISM = f"{_EXC}.mechanism"
_CRUMB = "breadcrumbs.values[]"

ALWAYS = "always"
NO_FALLBACK = "always, except for the [fallback event](#the-fallback-event)"
IN_REQUESTS = "in a request"

SECTIONS: dict[str, tuple[Field, ...]] = {
    "event": (
        Field(
            "event_id",
            TEXT,
            "9f1c3d5e7a904b2c8d6e0f1a2b3c4d5e",
            ALWAYS,
            (
                "The id, 32 hexadecimal digits. `sentryinit.event_id()` and the header of the "
                "debug route have it"
            ),
            "D9",
            "the id of the event",
        ),
        Field(
            "timestamp",
            TIME,
            "2026-11-30T12:00:00.000000Z",
            ALWAYS,
            (
                "When it happened: a text in UTC, or, of a log record, the seconds since 1970. A "
                "log record that was deferred has the time at which it was logged"
            ),
            "C2",
            "the time of the event",
        ),
        Field(
            "level",
            TEXT,
            "error",
            ALWAYS,
            "`fatal`, `error`, `warning`, `info` or `debug`",
            "A2, A4, A11, D8",
            "the issue has the level of its first event",
        ),
        Field("platform", TEXT, "python", ALWAYS, "The language", "sentry-sdk"),
        Field(
            "logger",
            TEXT,
            "orders",
            "of a log record",
            "The name of the logger",
            "C2",
            "not kept",
        ),
        Field(
            "server_name",
            TEXT,
            "orders",
            ALWAYS,
            "The service; the name of the host, if `collect` has `host_name`",
            "D2, `server_name`",
            "tag `server_name`",
        ),
        Field(
            "release",
            TEXT,
            "1.4.2",
            "if it is set",
            "The version of the application",
            "D2, `release`",
            "tag `release`",
        ),
        Field("dist", TEXT, "7", "if it is set", "The build of the release", "`dist`", "not kept"),
        Field(
            "environment",
            TEXT,
            "production",
            ALWAYS,
            "The environment",
            "D2, `environment`",
            "tag `environment`",
        ),
        Field(
            "transaction",
            TEXT,
            "/orders/{order_id}",
            NO_FALLBACK,
            "The template of the route; outside of requests the program, thread, task or job",
            "D3",
            "nowhere, but it is a part of the grouping",
        ),
        Field(
            "transaction_info.source",
            TEXT,
            "route",
            NO_FALLBACK,
            "`route`, or `task` outside of requests",
            "D3, A14",
            "not kept",
        ),
        Field(
            "fingerprint[]",
            TEXT,
            "orders",
            "if grouping is by place; always for a status",
            (
                "What makes one issue: `sentryinit`, the service, then a hash of the place, or "
                "method, route and status"
            ),
            "D4, `grouping`",
            "used, not kept",
        ),
    ),
    "exception": (
        Field(f"{_EXC}.type", TEXT, "LookupError", "of an exception", "The class", "A2", "title"),
        Field(
            f"{_EXC}.module",
            TEXT,
            "sentryinit_testkit.behaviours",
            "if the class is not a builtin",
            "The module of the class",
            "A2",
            "kept",
        ),
        Field(
            f"{_EXC}.value",
            TEXT,
            "order 17 has no price",
            "of an exception",
            "The text, and the notes below it",
            "A2, G1",
            "title, the first line",
        ),
        Field(
            f"{_MECHANISM}.type",
            TEXT,
            "flask",
            "of an exception",
            "Who saw it: the adapter, `excepthook`, `threading`, `logging`, `job` and others",
            "A2, A13, A14",
            "kept",
        ),
        Field(
            f"{_MECHANISM}.handled",
            FLAG,
            False,
            "of an exception",
            "False if nobody handled it",
            "A2, A6",
            "kept",
        ),
        Field(
            f"{_MECHANISM}.is_exception_group",
            FLAG,
            True,
            "of an exception group",
            "True",
            "A2",
            "kept",
        ),
        Field(
            f"{_MECHANISM}.exception_id",
            NUMBER,
            0,
            "if there is a group in the chain",
            "The number of this exception in the event",
            "A2",
            "not kept",
        ),
        Field(
            f"{_MECHANISM}.parent_id",
            NUMBER,
            0,
            "if there is a group in the chain",
            "The `exception_id` of the exception to which it belongs",
            "A2",
            "kept",
        ),
        Field(
            f"{_MECHANISM}.source",
            TEXT,
            "exceptions[0]",
            "if there is a group in the chain",
            "How it belongs to that exception",
            "A2",
            "kept",
        ),
        Field(
            f"{_MECHANISM}.data.omitted",
            NUMBER,
            201,
            "of a chain of more than 100",
            "How many exceptions are left out after this one",
            "A2",
            "kept",
        ),
        Field(
            f"{_MECHANISM}.meta.errno.number",
            NUMBER,
            2,
            "of an exception with `errno`",
            "The number of the error of the system",
            "sentry-sdk",
            "kept",
        ),
        Field(
            f"{_FRAME}.filename",
            TEXT,
            "shop.py",
            "of a frame",
            "The file, below the folder from which it is imported",
            "A2",
            "kept",
        ),
        Field(
            f"{_FRAME}.abs_path",
            TEXT,
            "/srv/orders/shop.py",
            "of a frame, except in the fallback event",
            "The whole path",
            "A2",
            "kept",
        ),
        Field(f"{_FRAME}.module", TEXT, "__main__", "of a frame", "The module", "A2", "kept"),
        Field(f"{_FRAME}.function", TEXT, "order", "of a frame", "The function", "A2", "kept"),
        Field(f"{_FRAME}.lineno", NUMBER, 28, "of a frame", "The number of the line", "A2", "kept"),
        Field(
            f"{_FRAME}.in_app",
            FLAG,
            True,
            "of a frame of a traceback",
            "True if the code is the application's; false if it is not, or not surely",
            "F3, D4, `in_app_include`, `in_app_exclude`, `project_root`",
            "kept",
        ),
        Field(
            f"{_FRAME}.context_line",
            TEXT_OR_NULL,
            '        raise LookupError(f"order {order_id} has no price") from error',
            "unless `include_source_context` is false",
            "The line; null if the source is not there",
            "G1, `include_source_context`",
            "kept",
        ),
        Field(
            f"{_FRAME}.pre_context[]",
            TEXT,
            "    except KeyError as error:",
            "if the source is there",
            "Up to 5 lines before it",
            "G1, `include_source_context`",
            "kept",
        ),
        Field(
            f"{_FRAME}.post_context[]",
            TEXT,
            "    return str(price)",
            "if the source is there",
            "Up to 5 lines after it",
            "G1, `include_source_context`",
            "kept",
        ),
        Field(
            f"{_FRAME}.vars.NAME",
            "any",
            "'17'",
            "if `collect` has `locals`",
            "A local variable, as text. Containers keep their shape",
            "G1, `collect`",
            "kept",
        ),
    ),
    "message": (
        Field(
            "logentry.formatted",
            TEXT,
            "HTTP 503 GET /stock",
            "of a status, a log record, a message",
            "The title",
            "A4, C2",
            "title",
        ),
        Field(
            "logentry.message",
            TEXT,
            "no mail for order %s",
            "as `formatted`",
            "The template of the log record; else the title",
            "C2, D4",
            "kept",
        ),
        Field(
            "logentry.params[]",
            TEXT,
            "17",
            "of a log record with arguments",
            "The arguments, as texts",
            "G5",
            "kept",
        ),
        Field(
            "logentry.params.NAME",
            TEXT,
            "17",
            "of a log record with named arguments",
            "The same, by name",
            "G5",
            "kept",
        ),
        Field(
            "threads.values[].stacktrace.frames[]",
            TEXT,
            "...",
            "of an event without an exception, if `attach_stacktrace` is set",
            "The stack; the fields of its frames are those of an exception",
            "`attach_stacktrace`",
            "not kept",
        ),
        Field(
            "threads.values[].current",
            FLAG,
            True,
            "as the stack",
            "True",
            "`attach_stacktrace`",
            "not kept",
        ),
        Field(
            "threads.values[].crashed",
            FLAG,
            False,
            "as the stack",
            "False",
            "`attach_stacktrace`",
            "not kept",
        ),
    ),
    "request": (
        Field(
            "request.method",
            TEXT,
            "GET",
            IN_REQUESTS,
            "The method. A WebSocket has `GET`",
            "D5",
            "kept",
        ),
        Field(
            "request.url",
            TEXT,
            "http://localhost/orders/17",
            IN_REQUESTS,
            "Scheme, host and path, without the query",
            "D5, G4",
            "kept",
        ),
        Field(
            "request.headers.NAME",
            TEXT,
            "curl/8.14.1",
            "if the client sent it, and it is on the list",
            (
                "`Accept`, `Content-Length`, `Content-Type`, `Host`, `Traceparent`, "
                "`User-Agent`, `X-Correlation-Id`, `X-Request-Id`, and those of `collect_headers`"
            ),
            "D5, `collect_headers`",
            "kept",
        ),
        Field(
            "request.query_string",
            TEXT,
            "page=2",
            "if `collect` has `query`",
            "The query",
            "D5, `collect`",
            "kept",
        ),
        Field(
            "request.cookies.NAME",
            TEXT,
            "dark",
            "if `collect` has `cookies`",
            "A cookie; `[secret]` for those of a session",
            "D5, G1, `collect`",
            "kept",
        ),
        Field(
            "request.env.REMOTE_ADDR",
            TEXT,
            "[ip]",
            "if `collect` has `client_address`",
            "The address of the client, masked by `mask_ip`",
            "D5, G1, `collect`, `mask_ip`",
            "kept",
        ),
    ),
    "context": (
        Field(
            "contexts.response.status_code",
            NUMBER,
            500,
            "as the tag `status_code`",
            "The status that the client got",
            "D2",
            "kept",
        ),
        Field("contexts.runtime.name", TEXT, "CPython", NO_FALLBACK, "The Python", "D2", "kept"),
        Field("contexts.runtime.version", TEXT, "3.13.0", NO_FALLBACK, "Its version", "D2", "kept"),
        Field(
            "contexts.trace.trace_id",
            TEXT,
            "4bf92f3577b34da6a3ce929d0e0e4736",
            NO_FALLBACK,
            "The trace, 32 hexadecimal digits",
            "D7",
            "kept",
        ),
        Field(
            "contexts.trace.span_id",
            TEXT,
            "00f067aa0ba902b7",
            NO_FALLBACK,
            "The span, 16 hexadecimal digits",
            "D7",
            "kept",
        ),
        Field(
            "contexts.trace.parent_span_id",
            TEXT,
            "00f067aa0ba902b7",
            "if the client sent a trace",
            "The span of the client",
            "D7",
            "kept",
        ),
        Field(
            "contexts.sentryinit.suppressed",
            NUMBER,
            2,
            "as the tag `suppressed`",
            "How many failures of this kind were not sent before this one",
            "F3, `storm_guard`",
            "kept",
        ),
        Field(
            "contexts.sentryinit.kinds.LABEL",
            NUMBER,
            2,
            "of the storm summary",
            "How many of this kind were not sent: up to 50 kinds, and the others as one",
            "F3",
            "kept",
        ),
        Field(
            "contexts.sentryinit.cut", FLAG, True, "if a limit cut something", "True", "G5", "kept"
        ),
        Field(
            "contexts.NAME.NAME",
            "any",
            3,
            "if the application sets it",
            "A context of the application",
            "D6, G3",
            "kept",
        ),
    ),
    "tag": (
        Field("tags.service", TEXT, "orders", ALWAYS, "The service", "D2, `service`", "tag"),
        Field(
            "tags.route",
            TEXT,
            "/orders/{order_id}",
            "in a request, whoever made the event",
            "The template of the route, or `<unknown>`",
            "D3",
            "tag",
        ),
        Field(
            "tags.status_code",
            TEXT,
            "500",
            "of the failure of a request",
            "The status that the client got",
            "A2, A4, A8",
            "tag",
        ),
        Field(
            "tags.suppressed",
            TEXT,
            "2",
            "if some of its kind were not sent before it",
            "How many",
            "F3",
            "tag",
        ),
        Field(
            "tags.nonce",
            TEXT,
            "run-4711",
            "of the debug route, if the caller sent one",
            "The nonce of the caller",
            "I4",
            "tag",
        ),
        Field(
            "tags.redaction_error",
            TEXT,
            "true",
            "of the fallback event, if masking failed",
            "`true`",
            "G3",
            "tag",
        ),
        Field(
            "tags.before_send_error",
            TEXT,
            "true",
            "of the fallback event, if your hook failed",
            "`true`",
            "E2, `before_send`",
            "tag",
        ),
        Field(
            "tags.NAME",
            TEXT,
            "eu",
            "if it is set",
            "A tag of the setting `tags`, or of the application",
            "D2, D6, `tags`",
            "tag",
        ),
    ),
    "user": (
        Field(
            "user.id",
            TEXT,
            "7",
            "if the application sets it, or `collect` has `user`",
            "The id of the user",
            "D5, D6, `collect`",
            "kept, and tag `user.id`",
        ),
        Field(
            "user.username",
            TEXT,
            "ada",
            "likewise",
            "The name of the user",
            "D5, D6, `collect`",
            "kept, and tag `user.username`",
        ),
        Field(
            "user.email",
            TEXT,
            "[email]",
            "if the application sets it",
            "Masked",
            "D6, G1",
            "kept, and tag `user.email`",
        ),
        Field(
            "user.ip_address",
            TEXT,
            "127.0.0.1",
            "if the application sets it, and the mask leaves a valid address",
            "The address",
            "D6, G1, `mask_ip`",
            "kept",
        ),
    ),
    "breadcrumb": (
        Field(
            f"{_CRUMB}.timestamp",
            TEXT,
            "2026-11-30T12:00:00.000000Z",
            "of a breadcrumb",
            "When it happened, in UTC",
            "F1",
            "kept",
        ),
        Field(
            f"{_CRUMB}.type",
            TEXT,
            "log",
            "of a breadcrumb",
            "`log` for a log record; else what the application or an integration says",
            "F1",
            "kept",
        ),
        Field(
            f"{_CRUMB}.level",
            TEXT,
            "info",
            "of a breadcrumb with a level",
            "The level of the log record",
            "F1, C2",
            "kept",
        ),
        Field(
            f"{_CRUMB}.category",
            TEXT,
            "orders",
            "of a breadcrumb",
            "The name of the logger",
            "F1",
            "kept",
        ),
        Field(
            f"{_CRUMB}.message",
            TEXT,
            "order 17 is read",
            "of a breadcrumb",
            "The text",
            "F1, G1",
            "kept",
        ),
        Field(
            f"{_CRUMB}.data.NAME",
            "any",
            3,
            "if the application gives data",
            "Its data",
            "D6",
            "kept",
        ),
    ),
    "extra": (
        Field(
            "extra.NAME",
            "any",
            3,
            "if a log record or the application has more data",
            (
                "The value, masked. `extra=` of a log record is here, and what a formatter has "
                "written into the record (`asctime`)"
            ),
            "C2, D6, G1",
            "kept",
        ),
        Field(
            "extra.sys.argv[]",
            TEXT,
            "--dry-run",
            "if `collect` has `argv`",
            "The command line",
            "`collect`",
            "kept",
        ),
    ),
    "sdk": (
        Field(
            "_meta",
            "any",
            "...",
            "if sentry-sdk has cut `extra`, local variables, or a text",
            "How long each of these parts was",
            "sentry-sdk",
            "not kept",
        ),
        Field(
            "sdk.name",
            TEXT,
            "sentry.python",
            NO_FALLBACK,
            "The SDK that sends",
            "sentry-sdk",
            "kept",
        ),
        Field("sdk.version", TEXT, "2.75.0", NO_FALLBACK, "Its version", "sentry-sdk", "kept"),
        Field(
            "sdk.packages[].name",
            TEXT,
            "pypi:sentryinit",
            NO_FALLBACK,
            "`pypi:sentry-sdk`, `pypi:sentryinit`",
            "D2",
            "kept",
        ),
        Field("sdk.packages[].version", TEXT, "0.1.0", NO_FALLBACK, "Its version", "D2", "kept"),
        Field(
            "sdk.integrations[]",
            TEXT,
            "excepthook",
            NO_FALLBACK,
            "The integrations of sentry-sdk that are on",
            "`integrations`",
            "kept",
        ),
    ),
}
FIELDS = [field for fields in SECTIONS.values() for field in fields]

# What a name stands for, where an application chooses it, and the names that our tests choose.
CHOSEN = {
    "tags": {"customer", "region"},
    "request.headers": {
        "Accept",
        "Content-Length",
        "Content-Type",
        "Host",
        "Traceparent",
        "User-Agent",
        "X-Correlation-Id",
        "X-Request-Id",
        "X-Region",
    },
    "request.cookies": {"theme"},
    "extra": {"asctime"},
    "logentry.params": {"order"},
    f"{_CRUMB}.data": {"items"},
}
# Everything below is data of the application.
OPEN = {"_meta": "_meta", "contexts.basket": "contexts.NAME.NAME", "extra.basket": "extra.NAME"}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields of an event: the path of each value that is no container, and the value."""
    named = {"contexts.sentryinit.kinds": "LABEL", f"{_FRAME}.vars": "NAME"}
    if path in OPEN:
        item = next(iter(value.values())) if isinstance(value, Mapping) else value
        yield OPEN[path], "..." if isinstance(item, (dict, list)) else item
    elif path.endswith(".vars"):
        for item in value.values():
            yield f"{_FRAME}.vars.NAME", item if not isinstance(item, (dict, list)) else "..."
    elif isinstance(value, dict):
        for key, item in value.items():
            name = named.get(path) or ("NAME" if key in CHOSEN.get(path, ()) else key)
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        at = f"{path}[]"
        if path == "threads.values[].stacktrace.frames":
            # They are like those of an exception.
            yield at, "..."
            at = _FRAME
        for item in value:
            yield from leaves(item, at)
    else:
        yield path, value
