"""A pytest plugin: every Flask application has the extension."""

from __future__ import annotations

import functools
from typing import Any

from flask import Flask

from sentryinit_flask import SentryInit

original = Flask.__init__


@functools.wraps(original)
def init(self: Flask, *args: Any, **options: Any) -> None:
    original(self, *args, **options)
    SentryInit(self)


Flask.__init__ = init
