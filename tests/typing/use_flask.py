"""What type checkers tell users of ``sentryinit_flask``. Checked, never run."""

from __future__ import annotations

from flask import Flask

import sentryinit.wsgi
from sentryinit_flask import SentryInit, debug_panic

app = Flask("orders")
SentryInit(app, service="orders", ignore_paths=["/healthz"])
app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)

extension = SentryInit(storm_guard=False)
extension.init_app(app)
extension.init_app(app, environment="staging")

sentryinit.wsgi.SentryInitMiddleware(app)
SentryInit(app, ignore_path=["/"])  # type: ignore[call-arg] # a misspelt option
SentryInit(app, flush_timeout="2")  # type: ignore[arg-type] # a number, and no text
extension.init_app("app")  # type: ignore[arg-type] # an application, and not its name
