"""The attribute ``application`` of :mod:`sentryinit.wsgi` and :mod:`sentryinit.asgi`.

They are imported by each service: what this needs is imported only if a server has one of the two
as its target.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# They read the names of a module themselves, so that its ``__getattr__`` gets no call.
_READERS = {"uwsgi", "hypercorn.utils"}


def add_application(names: dict[str, Any]) -> None:
    """Add ``application`` to the *names* of a module: made when a server asks for it."""
    module = names["__name__"]
    names["__getattr__"] = _getter(module)
    if _READERS & sys.modules.keys():
        from sentryinit._serving.uwsgi import reads_names

        if reads_names(module):
            from sentryinit._serving import target

            names["application"] = target.application()


def _getter(module: str) -> Callable[[str], Any]:
    def get(name: str) -> Any:
        if name == "application":
            from sentryinit._serving import target

            try:
                return target.application()
            except AttributeError as error:
                # Servers would take it for the name of our target that is missing.
                raise ImportError(f"the application cannot be loaded: {error}") from error
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return get
