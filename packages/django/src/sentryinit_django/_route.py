"""The template of a route, from Django's two notations."""

from __future__ import annotations

import re

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.http import HttpRequest
from django.urls import resolve

# A group of a regular expression that has none within it: named, bare, looking around, or plain.
_GROUP = re.compile(
    r"(?<!\\)\((?:\?P<(\w+)>|(\?:)|(\?[^:P]))?"
    r"((?:\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^()\\\[])*)\)[?*+]?"
)
# What a regular expression has beside groups and text.
_SIGN = re.compile(r"\\[AZbB]|(?<!\\)[\^$?*+]|\\(?=\W)")
# <name>, <converter:name>, and <> for what has no name.
_PARAMETER = re.compile(r"<(?:[^<>]*:)?([^<>:]*)>")


def _plain(group: re.Match[str]) -> str:
    name, bare, look, inner = group.groups()
    return (inner if bare else "") if bare or look else f"<{name or ''}>"


def template(route: str) -> str:
    """Return *route*, of ``path`` and ``re_path`` mixed, as ``/orders/{order_id}``.

    Groups without a name are numbered as the arguments of the view are: ``{0}``, ``{1}``.
    """
    if re.search(r"[(\\^$]", route):
        while (plain := _GROUP.sub(_plain, route)) != route:
            route = plain
        route = _SIGN.sub("", route)
    number = iter(range(1000))
    return "/" + _PARAMETER.sub(lambda match: f"{{{match[1] or next(number)}}}", route)


def route_of(request: HttpRequest) -> str | None:
    """Return the template of the route of *request*, None if it has none."""
    urlconf = getattr(request, "urlconf", None) or settings.ROOT_URLCONF
    try:
        # What fails before there is a view, in a middleware, has a route all the same.
        found = (request.resolver_match or resolve(request.path_info, urlconf)).route
    except Exception:  # noqa: BLE001 # no route, or a converter of the application's that fails now
        return None
    first, slash, rest = found.partition("/")
    if slash and first in dict(settings.LANGUAGES) and is_language_prefix_patterns_used(urlconf)[0]:
        return template(f"<language>/{rest}")
    return template(found)
