"""Error reporting for Falcon, WSGI and ASGI: one function, a component and a debug route.

>>> import falcon
>>> import sentryinit_falcon
>>> app = falcon.App()
>>> sentryinit_falcon.install(app)
"""

from __future__ import annotations

from sentryinit_falcon._install import SentryInitComponent, debug_panic, install

__all__ = ["SentryInitComponent", "debug_panic", "install"]
