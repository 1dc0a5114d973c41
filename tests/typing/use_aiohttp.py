"""What type checkers tell users of ``sentryinit_aiohttp``. Checked, never run."""

from __future__ import annotations

from aiohttp import web

from sentryinit_aiohttp import debug_panic, sentryinit_middleware, setup

app = web.Application(middlewares=[sentryinit_middleware])
setup(app)
setup(app, service="orders", ignore_paths=["/healthz"])
app.router.add_route("*", "/debug/sentry-panic", debug_panic)
app.add_routes([web.route("*", "/debug/sentry-panic", debug_panic)])

setup(app, ignore_path=["/"])  # type: ignore[call-arg] # a misspelt option
setup(app, flush_timeout="2")  # type: ignore[arg-type] # a number, and no text
setup("app")  # type: ignore[arg-type] # an application, and not its name
