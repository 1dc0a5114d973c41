"""A WSGI application without a framework, and with one: SUBJECT says which."""

from __future__ import annotations

import os
from typing import Any

from subjects import work

PAGES = {"/fail": work.fail, "/late": work.fail_late}


def plain() -> Any:
    import sentryinit
    from sentryinit.wsgi import SentryInitMiddleware

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/exit":
            raise SystemExit(3)
        PAGES.get(environ["PATH_INFO"], str)()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    sentryinit.init()
    return SentryInitMiddleware(application)


def flask() -> Any:
    from flask import Flask

    from sentryinit_flask import SentryInit

    flask_app = Flask("shop")
    SentryInit(flask_app)
    for path, page in PAGES.items():
        flask_app.add_url_rule(path, path, page)
    return flask_app


def falcon() -> Any:
    import falcon

    from sentryinit_falcon import install

    class Page:
        def on_get(self, req: Any, resp: Any, name: str) -> None:
            PAGES[f"/{name}"]()

    falcon_app: Any = falcon.App()
    falcon_app.add_route("/{name}", Page())
    install(falcon_app)
    return falcon_app


def django() -> Any:
    from django.core.wsgi import get_wsgi_application

    os.environ["DJANGO_SETTINGS_MODULE"] = "subjects.django_site"
    return get_wsgi_application()


def queued() -> Any:
    """Flask, after three events at import."""
    made = flask()
    work.queue()
    return made


# A subject of asgi_app.py that has a WSGI application inside: it is Flask's.
app = application = globals().get(os.environ.get("SUBJECT", ""), flask)()
