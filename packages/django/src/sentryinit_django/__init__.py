"""Error reporting for Django: a middleware, an app with system checks, and a debug route.

>>> MIDDLEWARE = ["sentryinit_django.middleware.SentryInitMiddleware"]
>>> INSTALLED_APPS = ["sentryinit_django"]
"""

from __future__ import annotations

from sentryinit_django._views import debug_panic
from sentryinit_django._wiring import install

__all__ = ["debug_panic", "install"]
