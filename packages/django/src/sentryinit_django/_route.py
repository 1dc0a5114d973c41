"""The route of a request, from Django's two notations."""

from __future__ import annotations

import re

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.http import HttpRequest
from django.urls import resolve

# An innermost group of a regular expression: named, non-capturing, lookaround, or capturing.
_GROUP = re.compile(
    r"(?<!\\)\((?:\?P<(\w+)>|(\?:)|(\?[^:P]))?"
    r"((?:\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^()\\\[])*)\)[?*+]?"
)
# The other special characters of a regular expression.
_SIGN = re.compile(r"\\[AZbB]|(?<!\\)[\^$?*+]|\\(?=\W)")
# <name>, <converter:name>, and <> for an unnamed group.
_PARAMETER = re.compile(r"<(?:[^<>]*:)?([^<>:]*)>")


def _replace_group(group: re.Match[str]) -> str:
    name, bare, look, inner = group.groups()
    return (inner if bare else "") if bare or look else f"<{name or ''}>"


def template(route: str) -> str:
    """Return *route*, from ``path`` and ``re_path``, as ``/orders/{order_id}``.

    Unnamed groups are numbered like the arguments of the view: ``{0}``, ``{1}``.
    """
    if re.search(r"[(\\^$]", route):
        while (plain := _GROUP.sub(_replace_group, route)) != route:
            route = plain
        route = _SIGN.sub("", route)
    number = iter(range(1000))
    return "/" + _PARAMETER.sub(lambda match: f"{{{match[1] or next(number)}}}", route)


def route_of(request: HttpRequest) -> str | None:
    """Return the route of *request*, None if it has none."""
    urlconf = getattr(request, "urlconf", None) or settings.ROOT_URLCONF
    try:
        # If a middleware fails before the view, Django has not resolved the path yet.
        found = (request.resolver_match or resolve(request.path_info, urlconf)).route
    except Exception:  # noqa: BLE001 # no route, or a converter of the application raises
        return None
    first, slash, rest = found.partition("/")
    if slash and first in dict(settings.LANGUAGES) and is_language_prefix_patterns_used(urlconf)[0]:
        return template(f"<language>/{rest}")
    return template(found)
