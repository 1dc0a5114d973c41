"""Do what each row of the page on changes says, with sentry-sdk's integrations or with sentryinit.

``python probes.py before`` or ``python probes.py after`` prints a JSON object: for each row, by its
text, the cell that says what was reported.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from migration.drive import asgi, collect, taken
from migration.tables import cell

log = logging.getLogger("shop")
ROWS: dict[str, Callable[[], str]] = {}
SAME = LookupError("the same object")


class Ignored(Exception):
    """Is named in ``ignore_errors``."""


class OutOfStock(Exception):
    """Is answered by a handler, with the status in its argument."""


def row(text: str) -> Callable[[Callable[[], str | None]], Callable[[], str | None]]:
    """Make a function the row *text*; its cell is what it returns, or the events."""

    def add(function: Callable[[], str | None]) -> Callable[[], str | None]:
        def run() -> str:
            taken()
            said = function()
            return said if said is not None else cell(events())

        ROWS[text] = run
        return function

    return add


def events() -> list[dict[str, Any]]:
    """Return the events since the last call."""
    return [item for kind, item in taken() if kind == "event"]


def before_send(event: Any, hint: Any) -> Any:  # the signature of a hook
    """Raise for one of the rows."""
    if "/hook/" in (event.get("request") or {}).get("url", ""):
        raise ValueError
    return event


def start(side: str) -> tuple[Any, Any]:
    """Set up reporting, and return an application of Flask and one of Starlette."""
    options: dict[str, Any] = {"ignore_errors": [Ignored], "before_send": before_send}
    options["release"] = "1.4.2"
    if side == "before":
        import sentry_sdk

        sentry_sdk.init(**options, traces_sample_rate=1.0)
    else:
        import sentryinit

        sentryinit.init("orders", **options)
    return flask_app(side), starlette_app(side)


def flask_app(side: str) -> Any:
    """Return the application of Flask."""
    from flask import Flask, abort, request

    app = Flask("orders")
    if side == "after":
        from sentryinit_flask import SentryInit

        SentryInit(app)

    @app.errorhandler(OutOfStock)
    def out_of_stock(error: OutOfStock) -> Any:
        return "out of stock", error.args[0]

    @app.route("/<what>/<path:more>", methods=["GET", "POST"])
    def order(what: str, more: str) -> Any:
        request.get_data()
        password = "hunter2"  # noqa: F841 # a local variable
        return VIEWS[what](abort)

    return app


def returned(_abort: Any) -> Any:
    """Return a 503."""
    return "try later", 503


def raised(_abort: Any) -> Any:
    """Raise what nobody handles."""
    log.info("a line")
    raise LookupError("order 17 is lost, password=hunter2")


def answered(status: int) -> Callable[[Any], Any]:
    """Return a view whose exception is answered with *status*."""

    def view(_abort: Any) -> Any:
        raise OutOfStock(status)

    return view


def stream(_abort: Any) -> Any:
    """Break in the body."""

    def lines() -> Any:
        yield "first"
        raise OSError("the disk is gone")

    return lines()


def raising(error: BaseException | type[BaseException]) -> Callable[[Any], Any]:
    """Return a view that raises *error*."""

    def view(_abort: Any) -> Any:
        raise error

    return view


def storm(_abort: Any) -> Any:
    """Raise at a place of its own: what is held back is counted by place."""
    raise LookupError("the database is gone")


def ignored(_abort: Any) -> Any:
    """Raise from an ignored exception."""
    raise RuntimeError("not sold") from Ignored()


def captured(_abort: Any) -> Any:
    """Capture an exception and raise from it."""
    import sentry_sdk

    error = KeyError("price")
    sentry_sdk.capture_exception(error)
    raise RuntimeError("no order") from error


def logged(_abort: Any) -> Any:
    """Log the text of the exception, and raise it."""
    try:
        raise LookupError("order 17 is lost")
    except LookupError as error:
        log.error("failed: %s", error)  # noqa: TRY400 # the text only is what is tested
        raise


def logged_from(_abort: Any) -> Any:
    """Log an exception with its traceback, and raise another from it."""
    try:
        raise KeyError("price")
    except KeyError as error:
        log.exception("cannot order")
        raise RuntimeError("no order") from error


def logged_only(_abort: Any) -> Any:
    """Log an error in a good request."""
    log.error("no tea")
    return "ok"


VIEWS: dict[str, Callable[[Any], Any]] = {
    "returned": returned,
    "raised": raised,
    "hook": raised,
    "handled-500": answered(500),
    "handled-409": answered(409),
    "abort-503": lambda abort: abort(503),
    "abort-404": lambda abort: abort(404),
    "stream": stream,
    "exit": raising(SystemExit(3)),
    "interrupt": raising(KeyboardInterrupt),
    "same": raising(SAME),
    "storm": storm,
    "ignored": ignored,
    "captured": captured,
    "logged": logged,
    "logged-from": logged_from,
    "logged-only": logged_only,
    "ok": lambda _: "ok",
}


def starlette_app(side: str) -> Any:
    """Return the application of Starlette."""
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.exceptions import HTTPException
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route, WebSocketRoute

    def mail() -> None:
        raise TimeoutError("no mail server")

    async def background(_request: Any) -> Any:
        return PlainTextResponse("ok", background=BackgroundTask(mail))

    async def raised_from(_request: Any) -> Any:
        raise HTTPException(503) from KeyError("price")

    async def upload(request: Any) -> Any:
        await request.body()

    async def talk(websocket: Any) -> None:
        await websocket.accept()
        await websocket.receive_text()

    routes = [
        Route("/background", background),
        Route("/raised-from", raised_from),
        Route("/upload", upload, methods=["POST"]),
        WebSocketRoute("/talk", talk),
    ]
    app = Starlette(routes=routes)
    if side == "after":
        from sentryinit_starlette import SentryInitMiddleware

        app.add_middleware(SentryInitMiddleware)
    return app


def get(what: str, **more: Any) -> None:
    """Send a request to Flask."""
    from werkzeug.test import Client

    with suppress(Exception, KeyboardInterrupt, SystemExit):
        Client(FLASK).open(f"/{what}/17", **{"method": "GET", **more}).get_data()


def one(what: str, **more: Any) -> dict[str, Any]:
    """Return the one event of a request to Flask."""
    get(what, **more)
    (event,) = events()
    return event


def request_rows() -> None:
    """Add the rows whose cell is the events of one request to Flask."""
    for text, what in {
        "A view raises an exception that nobody handles": "raised",
        "`abort(404)`": "abort-404",
        "A view returns 503": "returned",
        "`abort(503)` in Flask": "abort-503",
        "An error handler of Flask turns an exception into a 500": "handled-500",
        "An error handler turns an exception into a 409": "handled-409",
        "A streamed body fails": "stream",
        "`KeyboardInterrupt` in a view (WSGI)": "interrupt",
        "An exception is raised `from` one that is in `ignore_errors`": "ignored",
        "A view captures an exception, and raises another `from` it": "captured",
        "A view logs the text of an exception, and raises it": "logged",
        "A view logs an exception with its traceback, and raises another `from` it": "logged-from",
        "A view logs at `ERROR`, and returns 200": "logged-only",
        "`before_send` raises": "hook",
    }.items():
        row(text)(lambda what=what: get(what))  # type: ignore[misc] # bound now


@row("Three requests raise one exception object")
def _same() -> None:
    for _ in range(3):
        get("same")


@row("One failure, 40 times in a second")
def _storm() -> str:
    for _ in range(40):
        get("storm")
    return f"{len(events())} events"


@row("`sys.exit(3)` in a view")
def _exit() -> str:
    event = one("exit")
    return f"`SystemExit`, level `{event['level']}`"


@row("`raise HTTPException(503) from error` in Starlette")
def _raised_from() -> None:
    with asgi(STARLETTE) as send:
        send("/raised-from")


@row("A background task of Starlette fails")
def _background() -> None:
    with asgi(STARLETTE) as send:
        send("/background")


async def _call(scope: dict[str, Any], messages: list[dict[str, Any]]) -> None:
    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(_message: Any) -> None:
        pass

    common = {"headers": [], "query_string": b"", "server": ("shop", 80), "root_path": ""}
    with suppress(Exception):
        await STARLETTE({**common, **scope, "asgi": {"version": "3.0"}}, receive, send)


@row("The client leaves during its upload to Starlette")
def _upload() -> None:
    scope = {"type": "http", "method": "POST", "path": "/upload", "http_version": "1.1"}
    part = {"type": "http.request", "body": b"part", "more_body": True}
    asyncio.run(_call(scope, [part, {"type": "http.disconnect"}]))


@row("The peer closes its WebSocket")
def _talk() -> None:
    scope = {"type": "websocket", "path": "/talk", "subprotocols": []}
    left = {"type": "websocket.disconnect", "code": 1001}
    asyncio.run(_call(scope, [{"type": "websocket.connect"}, left]))


@row("The lifespan of Starlette fails at the start")
def _lifespan() -> None:
    @asynccontextmanager
    async def lifespan(_app: Any) -> Any:
        raise ConnectionError("no database")
        yield

    from starlette.applications import Starlette

    app = Starlette(lifespan=lifespan)
    if SIDE == "after":
        from sentryinit_starlette import SentryInitMiddleware

        app.add_middleware(SentryInitMiddleware)
    with suppress(Exception), asgi(app):
        pass


@row("A thread fails")
def _thread() -> None:
    def work() -> None:
        raise PermissionError("no paper")

    thread = threading.Thread(target=work, name="work")
    thread.start()
    thread.join()


@row("Name of the transaction")
def _transaction() -> str:
    return f"`{one('raised')['transaction']}`"


@row("Tags")
def _tags() -> str:
    return ", ".join(f"`{tag}`" for tag in sorted(one("raised").get("tags") or {})) or "none"


@row("`server_name`")
def _server_name() -> str:
    import socket

    name = one("raised")["server_name"]
    return "name of the host" if name == socket.gethostname() else f"the service, `{name}`"


@row("Fingerprint of an exception")
def _fingerprint() -> str:
    return (
        "by its place in the code"
        if one("raised").get("fingerprint")
        else "none: the backend groups"
    )


@row("Query string of the request")
def _query() -> str:
    query = one("raised", query_string="customer=Alice")["request"].get("query_string")
    return f"`{query}`" if query else "none"


@row("Cookies")
def _cookies() -> str:
    request = one("raised", headers={"Cookie": "cart=tea"})["request"]
    return "`cart=tea`" if "tea" in json.dumps(request) else "none"


@row("Request headers, of `Accept`, `X-Tenant` and `X-Request-Id`")
def _headers() -> str:
    sent = {"Accept": "text/html", "X-Tenant": "acme", "X-Request-Id": "r-17"}
    got = {name.lower() for name in one("raised", headers=sent)["request"]["headers"]}
    return ", ".join(f"`{name}`" for name in sent if name.lower() in got) or "none"


@row("Body of the request, in JSON")
def _body() -> str:
    request = one("raised", method="POST", json={"card": "tea"})["request"]
    return f"`{json.dumps(request['data'])}`" if request.get("data") else "none"


@row("Local variables in frames")
def _locals() -> str:
    frames = one("raised")["exception"]["values"][-1]["stacktrace"]["frames"]
    return "yes" if any("vars" in frame for frame in frames) else "none"


@row("`password=hunter2` in the message of the exception")
def _secret() -> str:
    value = one("raised")["exception"]["values"][-1]["value"]
    return f"`{value.partition(', ')[2]}`"


@row("Command line (`sys.argv`)")
def _argv() -> str:
    return "yes" if "sys.argv" in (one("raised").get("extra") or {}) else "none"


@row("List of installed packages")
def _modules() -> str:
    return "yes" if one("raised").get("modules") else "none"


@row("Breadcrumbs: a record at `INFO`, and a subprocess")
def _breadcrumbs() -> str:
    import subprocess

    def view(_abort: Any) -> Any:
        log.info("a line")
        subprocess.run([sys.executable, "--version"], check=False, capture_output=True)
        raise LookupError

    VIEWS["crumbs"] = view
    crumbs = one("crumbs").get("breadcrumbs") or {}
    found = [str(crumb.get("category")) for crumb in crumbs.get("values", [])]
    return " and ".join(f"`{name}`" for name in dict.fromkeys(found)) or "none"


@row("Trace id of a request with the header `traceparent`")
def _trace() -> str:
    trace = "0af7651916cd43dd8448eb211c80319c"
    header = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    found = one("raised", headers=header)["contexts"]["trace"]["trace_id"]
    return "that of the header" if found == trace else "another one"


@row("A good request with `traces_sample_rate=1.0`, or with sentryinit")
def _good() -> str:
    import sentry_sdk

    get("ok")
    flusher = sentry_sdk.get_client().session_flusher
    flusher.flush()
    kinds = dict.fromkeys(kind for kind, _ in taken())
    return " and ".join(f"`{kind}`" for kind in sorted(kinds)) or "nothing is sent"


if __name__ == "__main__":
    SIDE = sys.argv[1]
    # Nothing is printed; what is set up after this may hook in.
    threading.excepthook = lambda _args: None
    log.setLevel(logging.INFO)
    collect()
    FLASK, STARLETTE = start(SIDE)
    request_rows()
    # The storm last: `sys.exit` flushes, and so reports what the storm held back.
    ROWS["One failure, 40 times in a second"] = ROWS.pop("One failure, 40 times in a second")
    sys.stdout.write(json.dumps({text: run() for text, run in ROWS.items()}))
