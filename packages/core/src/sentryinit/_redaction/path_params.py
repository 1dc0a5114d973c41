"""Sensitive path parameters, and the query: replaced in every text."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote, unquote_plus

from sentryinit._redaction.placeholders import QUERY, Mask

_PARAMETER = re.compile(r"\{([^{}]*)\}")
# Several parameters can match in many ways; these bounds keep the time small.
_LONGEST_SEGMENT, _MOST_PARAMETERS = 200, 3


def parameters(route: str, path: str) -> dict[str, str]:
    """Return the values of the parameters of *route* in *path*; empty if it does not match.

    *path* may have a prefix, such as a mount point. The last parameter may match the whole rest.
    """
    wanted, given = route.strip("/").split("/"), path.strip("/").split("/")
    missing = len(given) - len(wanted)
    if missing < 0:
        return {}
    found = _match_segments(wanted, given[missing:])
    if not found and missing and _PARAMETER.fullmatch(wanted[-1]):
        found = _match_segments(wanted, path.strip("/").split("/", len(wanted) - 1))
    return found


def _match_segments(templates: list[str], segments: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for template, segment in zip(templates, segments, strict=True):
        names = _PARAMETER.findall(template)
        if len(names) > 1 and (len(names) > _MOST_PARAMETERS or len(segment) > _LONGEST_SEGMENT):
            return {}
        value = "(.*)" if _PARAMETER.fullmatch(template) else "(.+)"
        pattern = value.join(map(re.escape, _PARAMETER.split(template)[::2]))
        match = re.fullmatch(pattern, segment, re.DOTALL)
        if match is None:
            return {}
        found.update(zip(names, match.groups(), strict=True))
    return found


def parameter_masker(
    route: str, path: str, is_sensitive: Callable[[str], bool], query: str = ""
) -> Mask | None:
    """Return a function that replaces values in a text by their parameters, ``{tenant_id}``.

    It replaces the whole *path* if that does not match, and *query*. None if there is nothing.
    """
    names = [name for name in _PARAMETER.findall(route) if is_sensitive(name)]
    values: dict[str, str] = {}
    if names and path.strip("/") != route.strip("/"):
        found = parameters(route, path)
        values = {found[n]: f"{{{n}}}" for n in names} if found else {path: route}
    # Without a name the query may be a word of any text.
    own = _spellings(query if "=" in query else f"?{query}") if query else set()
    if not values and not own:
        return None
    spellings = {each: name for value, name in values.items() for each in _spellings(value)}
    longest = sorted(spellings, key=len, reverse=True)
    pattern = re.compile(
        "|".join([*map(_value_pattern, longest), *map(_query_pattern, own)]) or r"(?!)"
    )
    hidden = f"[{QUERY}]"

    def replaced(match: re.Match[str]) -> str:
        return spellings.get(match[0]) or "?" * match[0].startswith("?") + hidden

    return lambda text: pattern.sub(replaced, text)


def _spellings(value: str) -> set[str]:
    return {value, unquote(value), quote(unquote(value), safe=""), unquote_plus(value)} - {""}


def _query_pattern(query: str) -> str:
    """Return the pattern of *query*, and what follows it in a URL that was made of it."""
    return r"(?<![\w{])" * query[0].isalnum() + re.escape(query) + r"[\w.~%&=+-]*"


def _value_pattern(value: str) -> str:
    """Return the pattern of *value* as a word, or a short one as a path segment."""
    before = r"(?<![\w{])" if len(value) >= 4 else "(?<=/)"
    after = r"(?![\w}])" if len(value) >= 4 else r"(?![\w.-])"
    # Punctuation at its start is never inside a longer word.
    return before * (value[0].isalnum() or len(value) < 4) + re.escape(value) + after
