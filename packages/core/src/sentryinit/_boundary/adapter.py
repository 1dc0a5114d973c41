"""How a request starts, also inside another boundary or in the middle of another request."""

from __future__ import annotations

from collections.abc import MutableMapping
from contextvars import Token
from typing import Any, overload

from sentryinit._boundary.capture import CLOSED, Capture
from sentryinit._boundary.current import CURRENT
from sentryinit._boundary.facts import Facts, R
from sentryinit._state import STATE

# The environ of WSGI, or the scope of ASGI.
_Environ = MutableMapping[str, Any]
_MISSING = Token.MISSING
# The key of the capture in the environ or scope of its request.
CAPTURE_KEY = "sentryinit.capture"


class Adapter(Facts[R]):
    """The facts of a framework, and how its requests start."""

    @overload
    def open(self, request: R) -> Capture[R]: ...
    @overload
    def open(
        self, request: R, environ_or_scope: _Environ, cls: type[Capture[R]] = Capture
    ) -> Capture[R] | None: ...

    def open(self, request: R, environ_or_scope: Any = None, cls: Any = Capture) -> Any:
        """Start *request*: until ``close()``, what happens in this context belongs to it.

        *environ_or_scope* is what all boundaries around the request see. Returns None if an outer
        boundary has started the request: that one reports, with the facts of this adapter.
        """
        if environ_or_scope is not None:
            outer = environ_or_scope.get(CAPTURE_KEY)
            if outer is not None and outer.request is not CLOSED:
                if request is not outer.request or self is not outer.adapter:
                    outer.join(self, request)
                return None
        capture = cls()
        capture.adapter, capture.request = self, request
        capture.has_activity, capture.status = False, None
        if environ_or_scope is not None:
            environ_or_scope[CAPTURE_KEY] = capture
        # The token has the outer capture: CURRENT.get() would be one more call.
        outer = CURRENT.set(capture).old_value
        if outer is not _MISSING and outer.request is not CLOSED:
            _nest(capture, outer)
        unforked, get_isolation, set_isolation, get_current, set_current, _ = STATE.scopes
        if get_isolation() is not unforked:
            set_isolation(unforked)
        if get_current() is not None:
            set_current(None)
        return capture


def _nest(inner: Capture[Any], outer: Capture[Any]) -> None:
    """Restore *outer* when *inner* ends: a handler may call an application in its own context."""
    restore_scopes = STATE.scopes.save()

    def restore() -> None:
        if CURRENT.get() is inner:
            CURRENT.set(outer)
            restore_scopes()

    inner.has_activity, inner.restore_outer = True, restore
