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

    With the right token it raises; otherwise it is a 404, like any path that does not exist.
    """
    if adapters.check_debug_token(request.headers, request.META["QUERY_STRING"]):
        # Django's log records, and its mails to the admins, have the request with its query.
        request.META["QUERY_STRING"] = ""
        raise adapters.DebugPanic
    # As it is where no route matched: what makes the 404 may look at both.
    request.resolver_match = None
    raise Resolver404({"tried": [], "path": request.path_info.removeprefix("/")})


# A redirect to the login would tell the route from a path that does not exist, as the CSRF check's
# 403 would, and the 500 of a database that is away.
debug_panic.login_required = False  # type: ignore[attr-defined] # read by LoginRequiredMiddleware
