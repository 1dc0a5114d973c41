"""The application that ``mlflow server --app-name`` finds by its entry point."""

from __future__ import annotations

from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import app

import sentryinit
from sentryinit_flask import SentryInit
from sentryinit_starlette import SentryInitMiddleware

sentryinit.init()
SentryInit(flask_app)
app.add_middleware(SentryInitMiddleware)
