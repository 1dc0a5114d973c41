"""A pytest plugin: every Falcon application, WSGI and ASGI, is observed."""

from __future__ import annotations

import functools
from typing import Any

import falcon.asgi

from sentryinit_falcon import install


def inject(kind: type) -> None:
    """Call ``install`` on each new application of *kind*."""
    original = kind.__init__

    @functools.wraps(original)
    def init_and_install(self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        # The class for ASGI calls the one for WSGI before it is ready.
        if isinstance(self, falcon.asgi.App) == issubclass(kind, falcon.asgi.App):
            install(self)

    kind.__init__ = init_and_install


inject(falcon.App)
inject(falcon.asgi.App)
