"""How a request starts, also inside another boundary or in the middle of another request."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from contextvars import Token
from typing import Any, overload

from sentryinit._boundary.capture import CLOSED, Capture
from sentryinit._boundary.carried import Carried
from sentryinit._boundary.current import CURRENT
from sentryinit._boundary.facts import Facts, R
from sentryinit._state import STATE

# The environ of WSGI, or the scope of ASGI.
_Environ = MutableMapping[str, Any]
_MISSING = Token.MISSING
# The key of the capture in the environ or scope of its request.
CAPTURE_KEY = "sentryinit.capture"
# What a bridge between WSGI and ASGI keeps of a request; a host may be made up.
_IDENTITY = ("method", "path", "query", "client")


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
            # a2wsgi serves an ASGI application under WSGI, in a thread of its own.
            environ_or_scope = environ_or_scope.get("wsgi_environ") or environ_or_scope
            carried = environ_or_scope.get(CAPTURE_KEY)
            outer = carried.capture if type(carried) is Carried else None
            if outer is not None and outer.request is not CLOSED:
                is_known = request is outer.request and self is outer.adapter
                return None if is_known and CURRENT.get() is outer else _join(outer, self, request)
        capture = cls()
        capture.adapter, capture.request = self, request
        capture.has_activity, capture.status = False, None
        # The token has the outer capture: CURRENT.get() would be one more call.
        outer = CURRENT.set(capture).old_value
        if outer is not _MISSING and outer is not None and outer.request is not CLOSED:
            if environ_or_scope is not None and _is_same(outer, capture, environ_or_scope):
                environ_or_scope[CAPTURE_KEY] = carried = Carried()
                carried.capture = outer
                CURRENT.set(outer)
                return _join(outer, self, request)
            nest(capture, outer)
        if environ_or_scope is not None:
            environ_or_scope[CAPTURE_KEY] = carried = Carried()
            carried.capture = capture
        unforked, get_isolation, set_isolation, get_current, set_current, _, _, _ = STATE.scopes
        if get_isolation() is not unforked:
            set_isolation(unforked)
        if get_current() is not None:
            set_current(None)
        return capture


def _join(outer: Capture[Any], adapter: Facts[Any], request: Any) -> None:
    """Have *outer* report *request*, which an inner boundary got as well."""
    outer.join(adapter, request)
    if CURRENT.get() is not outer:
        STATE.scopes.enter(outer)


def _is_same(outer: Capture[Any], inner: Capture[Any], environ_or_scope: _Environ) -> bool:
    """Return True if the request of *inner* is that of *outer*, translated or copied.

    A bridge from ASGI to WSGI makes a new environ: that of a2wsgi has the scope, those of asgiref
    and Starlette only what the client sent. A deep copy has a plain text in place of the capture.
    Else it is a request of its own: a handler calls an application in its own context.
    """
    bridged = environ_or_scope.get("asgi.scope", {}).get(CAPTURE_KEY)
    if getattr(bridged, "capture", None) is outer:
        return True
    is_bridged = hasattr(outer.request, "scope") != hasattr(inner.request, "scope")
    if not is_bridged and type(environ_or_scope.get(CAPTURE_KEY)) is not str:
        return False
    seen, same = (each.adapter.request_info(each.request) for each in (outer, inner))
    return bool(seen.method) and all(
        getattr(seen, name) == getattr(same, name) for name in _IDENTITY
    )


def nest(inner: Capture[Any], outer: Capture[Any] | None) -> None:
    """Restore *outer* when *inner* ends: a handler may call an application in its own context."""
    restore_scopes = STATE.scopes.save()

    def restore() -> None:
        if CURRENT.get() is inner:
            CURRENT.set(outer)
            restore_scopes()

    inner.has_activity, inner.restore_outer = True, restore
    inner.outer_exception = sys.exc_info()[1]
