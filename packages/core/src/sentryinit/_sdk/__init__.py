"""Everything that touches sentry_sdk."""

from __future__ import annotations

import importlib
import sys
import threading


class _NoDjango:
    """A finder for ``sys.meta_path``: in this thread, no more of Django can be imported."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, *_: object) -> None:
        """Raise ``ModuleNotFoundError`` for the modules of Django; know no others."""
        if name.partition(".")[0] == "django" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(name)


def _import_without_django() -> None:
    """Import ``sentry_sdk.spotlight``, which imports much of Django wherever that is installed.

    It takes 80 ms. Under ``gunicorn -k gevent --preload`` no worker starts then: gevent looks at
    every object, also at those of Django, which raise if it has no settings.
    """
    finder = _NoDjango()
    sys.meta_path.insert(0, finder)
    try:
        spotlight = importlib.import_module("sentry_sdk.spotlight")
    finally:
        sys.meta_path.remove(finder)

    def complete(name: str) -> object:
        # The application uses Django after all, and names SpotlightMiddleware in its settings.
        if not name.startswith("Spotlight"):
            raise AttributeError(name)
        vars(spotlight).pop("__getattr__", None)
        return getattr(importlib.reload(spotlight), name)

    vars(spotlight)["__getattr__"] = complete


if not {"django.conf", "sentry_sdk.spotlight"} & sys.modules.keys():
    _import_without_django()
