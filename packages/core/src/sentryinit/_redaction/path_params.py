"""Sensitive path parameters, and the query: replaced in every text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from sentryinit._redaction.placeholders import QUERY, Mask

_PARAMETER = re.compile(r"\{([^{}]*)\}")
# As frameworks write a parameter: ``{name:int}``, ``<int:name>``, ``(?P<name>[0-9]+)``.
_SPELLED = re.compile(
    r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|<(?:[^<>:]*:)?([^<>:]*)>"
    r"|\{([^{}:]*):(?:[^{}]|\{[^{}]*\})*\}"
)
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
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
    route = _SPELLED.sub(lambda found: f"{{{found[1] or found[2] or found[3]}}}", route.strip("^$"))
    all_names = _PARAMETER.findall(route)
    names = [name for name in all_names if is_sensitive(name)]
    values: dict[str, str] = {}
    if names and path.strip("/") != route.strip("/"):
        found = parameters(route, path)
        values = {found[n]: f"{{{n}}}" for n in names} if found else {path: route}
        # Between letters, as in ``x{token}y``, only the whole segment is a word.
        values |= {_filled(each, found): each for each in _mixed(route, names) if found}
    # Without a name the query may be a word of any text.
    own = _spellings(query if "=" in query else f"?{query}") if query else set()
    if not values and not own:
        return None
    spellings = {each: name for value, name in values.items() for each in _spellings(value)}
    longest = sorted(spellings, key=len, reverse=True)
    # What stands in place of a value is not searched.
    done = (re.escape(f"{{{name}}}") for name in all_names)
    found_values = (_value_pattern(value, spellings[value]) for value in longest)
    pattern = re.compile("|".join([*done, *found_values, *map(_query_pattern, own)]) or r"(?!)")
    hidden = f"[{QUERY}]"

    def replaced(match: re.Match[str]) -> str:
        if match[0][0] == "{" and match[0][1:-1] in all_names:
            return match[0]
        return spellings.get(_upper(match[0])) or "?" * match[0].startswith("?") + hidden

    return lambda text: pattern.sub(replaced, text)


def _mixed(route: str, names: list[str]) -> list[str]:
    """Return the segments of *route* with one of *names* and other text."""
    segments = (each for each in route.split("/") if not _PARAMETER.fullmatch(each))
    return [each for each in segments if not {*names}.isdisjoint(_PARAMETER.findall(each))]


def _filled(segment: str, values: dict[str, str]) -> str:
    return _PARAMETER.sub(lambda found: values[found[1]], segment)


def _upper(text: str) -> str:
    """Return *text* with upper-case escapes: ``%2f`` and ``%2F`` are the same."""
    return _ESCAPE.sub(lambda found: found[0].upper(), text)


def _spellings(value: str) -> set[str]:
    plain = unquote(value)
    # As a path, as browsers encode a segment, as JSON.
    quoted = {quote(plain, safe) for safe in ("", "/", "/:@!$&'()*+,;=~")}
    found = {value, plain, unquote_plus(value), quote_plus(plain), json.dumps(plain)[1:-1]}
    return {*map(_upper, found | quoted), *(quote(each, "") for each in quoted)} - {""}


def _query_pattern(query: str) -> str:
    """Return the pattern of *query*, and what follows it in a URL that was made of it."""
    return r"(?<![\w{])" * query[0].isalnum() + re.escape(query) + r"[\w.~%&=+-]*"


def _value_pattern(value: str, name: str) -> str:
    """Return the pattern of *value* as a word, or a short one as a path segment or named."""
    text = re.sub("%[0-9A-F]{2}", r"(?i:\g<0>)", re.escape(value))
    if len(value) < 4:
        name = re.escape(name.strip("{}"))
        return rf"(?:(?<=/)|(?<={name}=)|(?<={name}:\ )|(?<={name}='))" + text + r"(?![\w.-])"
    # An underscore is no letter here: ``tenant_acme.orders``. Punctuation is in no longer word.
    before, after = r"(?<![^\W_])" * value[0].isalnum(), r"(?![^\W_])" * value[-1].isalnum()
    return before + text + after
