"""For Django REST framework, which answers exceptions before a middleware can see them."""

from __future__ import annotations

from typing import Any

from rest_framework import views  # type: ignore[import-untyped] # it has no annotations

from sentryinit import adapters


def exception_handler(exc: Exception, context: dict[str, Any]) -> Any:
    """Note *exc*, and answer as the framework does: for ``EXCEPTION_HANDLER``.

    A handler of your own calls this one where it would call the framework's.
    """
    adapters.note_exception(exc)
    return views.exception_handler(exc, context)
