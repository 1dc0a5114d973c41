"""Adapters that break the contract, each in one way; ``test_broken.py`` runs them.

``breaks`` are the clauses that have to notice. Each is the generic boundary with one thing wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
from dataclasses import replace
from typing import Any, ClassVar

import sentry_sdk

from drivers.asgi import AsgiDriver
from drivers.wsgi import WsgiDriver
from sentryinit import asgi, wsgi
from sentryinit.adapters import Adapter
from sentryinit_testkit import DEBUG_PATH, AdapterContract, AppSpec, behaviours, plain

BASE = wsgi.ADAPTER


class Null(WsgiDriver):
    """Breaks nothing: the generic WSGI middleware around an application."""

    breaks: ClassVar[frozenset[str]] = frozenset()


class NullAsgi(AsgiDriver):
    """Breaks nothing: the generic ASGI middleware around an application."""

    breaks: ClassVar[frozenset[str]] = frozenset()


class Broken(Null):
    """Base class: what is wrong is inside the middleware of the core, or outside of it."""

    adapter: ClassVar[Adapter[Any]] = BASE

    def app(self, spec: AppSpec) -> Any:
        """Return the application with what is wrong."""
        app = plain.wsgi_app(spec)
        if not spec.copies:
            return app
        app = self.inside(wsgi.debug_panic(app))
        for _ in range(spec.copies):
            app = self.outside(wsgi.SentryInitMiddleware(app, adapter=self.adapter))
        return app

    def inside(self, app: Any) -> Any:
        """Return what the core's middleware wraps."""
        return app

    def outside(self, app: Any) -> Any:
        """Return what wraps the core's middleware."""
        return app


class Swallows(Broken):
    """Answers the exceptions that it reports, in place of raising them again."""

    breaks = frozenset({"A3"})

    def outside(self, app: Any) -> Any:
        """Answer as the server would."""

        def swallow(environ: Any, start_response: Any) -> Any:
            try:
                return app(environ, start_response)
            except (behaviours.ShopError, RuntimeError):
                start_response("500 Internal Server Error", [])
                return [b"the server's own page"]

        return swallow


class Replaces(Broken):
    """Raises an exception of its own from the one that it reports."""

    breaks = frozenset({"A3"})

    def outside(self, app: Any) -> Any:
        """Wrap the error."""

        def replace(environ: Any, start_response: Any) -> Any:
            try:
                return app(environ, start_response)
            except RuntimeError as error:
                raise RuntimeError("the request failed") from error

        return replace


class ReportsTwice(Broken):
    """Does not find a second copy of itself further out."""

    breaks = frozenset({"C3"})

    def outside(self, app: Any) -> Any:
        """Hide the capture that is already there."""
        return lambda environ, start_response: app(
            {key: value for key, value in environ.items() if key != "sentryinit.capture"},
            start_response,
        )


class ReadsTheBody(Broken):
    """Reads the body for the event, and replaces the input stream."""

    breaks = frozenset({"E1"})

    def outside(self, app: Any) -> Any:
        """Read it all."""

        def read(environ: Any, start_response: Any) -> Any:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            # What cannot be read it leaves to the application.
            with contextlib.suppress(OSError):
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
            return app(environ, start_response)

        return read


class LeaksAHeader(Broken):
    """Tags events with a header that is not allowed."""

    breaks = frozenset({"D5"})

    def inside(self, app: Any) -> Any:
        """Set the tag."""

        def leak(environ: Any, start_response: Any) -> Any:
            if "HTTP_X_SHOP" in environ:
                sentry_sdk.set_tag("shop", environ["HTTP_X_SHOP"])
            return app(environ, start_response)

        return leak


class SharesAScope(Broken):
    """Serves every request with the scope of the start-up."""

    breaks = frozenset({"C2", "D6", "D7", "D9"})

    def inside(self, app: Any) -> Any:
        """Set that scope."""
        scope = sentry_sdk.get_isolation_scope()

        def share(environ: Any, start_response: Any) -> Any:
            sentry_sdk.Scope.set_isolation_scope(scope)
            return app(environ, start_response)

        return share


class LosesTheScope(Broken):
    """Runs the application in a forked scope that the event does not get."""

    breaks = frozenset({"D3", "D4", "D6", "D7", "D8", "F1"})

    def inside(self, app: Any) -> Any:
        """Fork the scope for the application only."""

        def lose(environ: Any, start_response: Any) -> Any:
            with sentry_sdk.isolation_scope():
                return app(environ, start_response)

        return lose


class ReportsAborts(Broken):
    """Reports cancellation and other aborts."""

    breaks = frozenset({"B1"})

    def inside(self, app: Any) -> Any:
        """Report it."""

        def report(environ: Any, start_response: Any) -> Any:
            try:
                return app(environ, start_response)
            except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt) as error:
                sentry_sdk.capture_message(f"cancelled: {type(error).__name__}", "error")
                raise

        return report


class ForgivesConnections(Broken):
    """Takes every lost connection for the client's."""

    breaks = frozenset({"B2", "D1"})
    # Without a server to compare with, the class alone decides.
    adapter = replace(BASE, aborts=(ConnectionError,), server=None)


class ForgivesExits(Broken):
    """Takes every ``SystemExit`` for an abort."""

    breaks = frozenset({"A11", "D1", "D8"})

    def inside(self, app: Any) -> Any:
        """End the request before its boundary sees the exception."""

        def forgive(environ: Any, start_response: Any) -> Any:
            try:
                return app(environ, start_response)
            except SystemExit:
                environ["sentryinit.capture"].capture.close()
                raise

        return forgive


class BlamesTheApplication(Broken):
    """Does not distinguish the server's exceptions from the application's."""

    breaks = frozenset({"B1", "B2", "B3", "B4"})
    adapter = replace(BASE, server=lambda environ: ())


class NamesThePath(Broken):
    """Uses the raw path as the route."""

    breaks = frozenset({"A4", "C3", "D1", "D3", "D4", "D8", "E2"})
    adapter = replace(BASE, describe=lambda environ: wsgi.describe(environ, environ["PATH_INFO"]))


class InventsAUser(Broken):
    """Makes a user of a request that has none."""

    breaks = frozenset({"D5"})
    adapter = replace(BASE, user=lambda environ: {"id": environ["REMOTE_ADDR"]})


class ForgetsTheTrace(Broken):
    """Describes requests without the header that links traces."""

    breaks = frozenset({"D7"})

    def outside(self, app: Any) -> Any:
        """Take it out."""

        def forget(environ: Any, start_response: Any) -> Any:
            environ.pop("HTTP_TRACEPARENT", None)
            return app(environ, start_response)

        return forget


class DescribesAlways(Broken):
    """Describes each request before it is known whether it fails."""

    breaks = frozenset({"D7", "E2", "F1", "F3"})

    def inside(self, app: Any) -> Any:
        """Describe it."""

        def describe(environ: Any, start_response: Any) -> Any:
            wsgi.describe(environ)
            return app(environ, start_response)

        return describe


class KeepsRequests(Broken):
    """Keeps every request."""

    breaks = frozenset({"F2"})

    def inside(self, app: Any) -> Any:
        """Keep it."""
        seen: list[Any] = []

        def keep(environ: Any, start_response: Any) -> Any:
            seen.append(environ)
            return app(environ, start_response)

        return keep


class Buffers(Broken):
    """Collects the whole body before sending it."""

    breaks = frozenset({"A3", "A8", "B2", "D1", "E1"})

    def inside(self, app: Any) -> Any:
        """Collect it."""
        return lambda environ, start_response: list(app(environ, start_response))


class WrapsTheBody(Broken):
    """Wraps every body, also one that has a length."""

    breaks = frozenset({"E1"})

    def outside(self, app: Any) -> Any:
        """Wrap it."""

        def wrap(environ: Any, start_response: Any) -> Any:
            body = app(environ, start_response)
            try:
                yield from body
            finally:
                getattr(body, "close", lambda: None)()

        return wrap


class AddsAHeader(Broken):
    """Adds a header to every response."""

    breaks = frozenset({"A3", "E1", "E2", "I1"})

    def outside(self, app: Any) -> Any:
        """Add the header."""

        def add(environ: Any, start_response: Any) -> Any:
            def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                return start_response(status, [*headers, ("x-reported", "yes")], *rest)

            return app(environ, start)

        return add


class ShowsTheRoute(Broken):
    """Answers 403 for the debug route, in place of 404."""

    breaks = frozenset({"I1"})

    def outside(self, app: Any) -> Any:
        """Refuse requests without a token."""

        def refuse(environ: Any, start_response: Any) -> Any:
            token = "HTTP_X_SENTRYINIT_DEBUG_TOKEN" in environ or "token" in environ["QUERY_STRING"]
            if environ["PATH_INFO"] == DEBUG_PATH and not token:
                start_response("403 Forbidden", [])
                return [b""]
            return app(environ, start_response)

        return refuse


class HidesTheNonce(Broken):
    """Removes the header with the nonce from each request, and the query."""

    breaks = frozenset({"I4"})

    def outside(self, app: Any) -> Any:
        """Remove them."""

        def hide(environ: Any, start_response: Any) -> Any:
            environ.pop("HTTP_X_SENTRYINIT_NONCE", None)
            environ["QUERY_STRING"] = environ["QUERY_STRING"].partition("&")[0]
            return app(environ, start_response)

        return hide


class LogsTheToken(Broken):
    """Writes an access log with the query in it."""

    breaks = frozenset({"I3"})

    def outside(self, app: Any) -> Any:
        """Write it."""

        def write(environ: Any, start_response: Any) -> Any:
            logging.getLogger("access").info("%(PATH_INFO)s?%(QUERY_STRING)s", environ)
            return app(environ, start_response)

        return write


class MissesWebSockets(NullAsgi):
    """Does not handle WebSockets."""

    breaks = frozenset({"A10", "B3", "D1"})
    kinds: ClassVar[tuple[str, ...]] = ("http", "lifespan")

    def app(self, spec: AppSpec) -> Any:
        """Serve all other scopes without the core's middleware."""
        bare = plain.asgi_app(spec)
        whole = super().app(spec)

        async def choose(scope: Any, receive: Any, send: Any) -> None:
            await (whole if scope["type"] in self.kinds else bare)(scope, receive, send)

        return choose


class MissesStartUp(MissesWebSockets):
    """Does not handle the lifespan."""

    breaks = frozenset({"A12", "D1"})
    kinds = ("http", "websocket")


class MissesDisconnects(NullAsgi):
    """Does not see that the client has disconnected."""

    breaks = frozenset({"B3", "B4"})

    def app(self, spec: AppSpec) -> Any:
        """Let the application receive past the core's middleware."""
        if not spec.copies:
            return super().app(spec)
        bare = asgi.debug_panic(plain.asgi_app(spec))

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            await bare(scope, scope.get("receive", receive), send)

        app: Any = inner
        for _ in range(spec.copies):
            app = asgi.SentryInitMiddleware(app)

        async def outer(scope: Any, receive: Any, send: Any) -> None:
            passed = {"receive": receive} if scope["type"] == "http" else {}
            await app({**scope, **passed}, receive, send)

        return outer


BROKEN = [
    kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, (Null, NullAsgi)) and kind is not Broken
]
for broken in BROKEN:
    name = f"Test{broken.__name__}"
    globals()[name] = type(name, (AdapterContract,), {"drivers": [broken()]})
