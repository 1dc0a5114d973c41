"""The debug route."""

from __future__ import annotations

from typing import NoReturn

from django.db.transaction import non_atomic_requests
from django.http import HttpRequest
from django.urls import Resolver404
from django.views.decorators.csrf import csrf_exempt

from sentryinit import adapters


@non_atomic_requests
@csrf_exempt
def debug_panic(request: HttpRequest) -> NoReturn:
    """The debug route: ``path("debug/sentry-panic", debug_panic)``.

    Raises ``DebugPanic`` for the right token; otherwise it is a 404, like any unknown path.
    """
    if adapters.check_debug_token(request.headers, request.META["QUERY_STRING"]):
        # Django's log records and mails to the admins contain the request with its query.
        request.META["QUERY_STRING"] = ""
        raise adapters.DebugPanic
    # As if no route had matched: the handler of the 404 may read both.
    request.resolver_match = None
    raise Resolver404({"tried": [], "path": request.path_info.removeprefix("/")})


# A redirect to the login page, the 403 of the CSRF check, or the 500 of an unreachable database
# would show that the route exists.
debug_panic.login_required = False  # type: ignore[attr-defined] # read by LoginRequiredMiddleware
