"""What type checkers tell users of ``sentryinit_falcon``. Checked, never run."""

from __future__ import annotations

import falcon
import falcon.asgi

import sentryinit.asgi
import sentryinit.wsgi
from sentryinit_falcon import SentryInitComponent, debug_panic, install

app = falcon.App(middleware=[SentryInitComponent()])
install(app)
install(app, service="orders", ignore_paths=["/healthz"])
app.add_sink(debug_panic, "/debug/sentry-panic")

asgi = falcon.asgi.App(middleware=[SentryInitComponent()])
install(asgi, environment="staging")
asgi.add_sink(debug_panic, "/debug/sentry-panic")
asgi.add_route("/debug/sentry-panic", debug_panic)

sentryinit.wsgi.SentryInitMiddleware(app)
sentryinit.asgi.SentryInitMiddleware(asgi)

install(app, ignore_path=["/"])  # type: ignore[call-arg] # a misspelt option
install(app, flush_timeout="2")  # type: ignore[arg-type] # a number, and no text
install("app")  # type: ignore[arg-type] # an application, and not its name
