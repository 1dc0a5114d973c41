"""The target of a server that names the real one: ``SENTRYINIT_APP``."""

from __future__ import annotations

import functools
import os
from typing import Any

from sentryinit._config.option_types import unquoted
from sentryinit._serving import targets
from sentryinit._serving.site import sitecustomize
from sentryinit._serving.wrapper import load, wrap

_NAME = "SENTRYINIT_APP"


@functools.cache
def application() -> Any:
    """Return the application that ``SENTRYINIT_APP`` names, so that its failures are reported.

    Raises ``ValueError`` or ``ImportError`` if it is not set, or names nothing.
    """
    name = unquoted(os.environ.get(_NAME, "").strip())
    if not name:
        raise ValueError(f"{_NAME} is not set: {targets.EXPECTED}; or name your application itself")
    if name.startswith(("sentryinit.wsgi", "sentryinit.asgi")):
        raise ValueError(f"{_NAME}={name} names our target, not an application: {targets.EXPECTED}")
    sitecustomize.watch()
    return wrap(load(lambda: targets.load(name, f"{_NAME}=")), _NAME)
