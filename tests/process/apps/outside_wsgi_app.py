"""The shop of ``wsgi_app``, with a component that fails around the boundary."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from apps import outside_shop, wsgi_app
from sentryinit.wsgi import SentryInitMiddleware

_inner = SentryInitMiddleware(wsgi_app.application)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    outside_shop.refuse(environ["PATH_INFO"])
    body: Iterable[bytes] = _inner(environ, start_response)
    return body
