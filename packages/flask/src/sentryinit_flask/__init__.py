"""Error reporting for Flask: an extension and a debug route.

>>> from flask import Flask
>>> from sentryinit_flask import SentryInit
>>> app = Flask("orders")
>>> sentryinit = SentryInit(app)
"""

from __future__ import annotations

from sentryinit_flask._extension import SentryInit, debug_panic

__all__ = ["SentryInit", "debug_panic"]
