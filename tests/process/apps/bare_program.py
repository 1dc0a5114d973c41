"""A program that starts its server itself."""

from __future__ import annotations

import sys

import uvicorn

from apps.bare_starlette import app

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
