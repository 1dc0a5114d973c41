"""The exception handler for Django REST framework, which answers exceptions inside its views."""

from __future__ import annotations

from typing import Any

from rest_framework import views  # type: ignore[import-untyped] # it has no annotations

from sentryinit import adapters


def exception_handler(exc: Exception, context: dict[str, Any]) -> Any:
    """Note *exc* and return the response of the framework's handler, for ``EXCEPTION_HANDLER``.

    A handler of your own calls this function instead of the framework's.
    """
    adapters.note_exception(exc)
    return views.exception_handler(exc, context)
