"""A pytest plugin: every Starlette application has the middleware, outermost.

What the test client calls is often a bare ASGI application or a router: it is wrapped.
"""

from __future__ import annotations

import functools
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from sentryinit_starlette import SentryInitMiddleware

build = Starlette.build_middleware_stack
original = TestClient.__init__


@functools.wraps(build)
def build_middleware_stack(self: Starlette) -> Any:
    own = self.user_middleware
    self.user_middleware = [Middleware(SentryInitMiddleware), *own]
    try:
        return build(self)
    finally:
        # Tests look at this list.
        self.user_middleware = own


@functools.wraps(original)
def init(self: TestClient, app: Any, *args: Any, **options: Any) -> None:
    original(self, app, *args, **options)
    if not isinstance(app, Starlette):
        # The client has wrapped an application of ASGI 2.
        self._transport.app = self.app = SentryInitMiddleware(self.app)


Starlette.build_middleware_stack = build_middleware_stack
TestClient.__init__ = init
