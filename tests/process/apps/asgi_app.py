"""The shop without a framework, behind the generic ASGI boundary."""

from __future__ import annotations

import sentryinit
from apps import probe
from apps.asgi_shop import application
from sentryinit.asgi import SentryInitMiddleware

sentryinit.init()
app = probe.asgi(SentryInitMiddleware(application))
