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
_UUID = re.compile("[0-9A-Fa-f]{32}")
_UUID_PARTS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
# Letters and digits that are in no other word.
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{8,}")
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
    as_given, route = route.strip("^$"), _SPELLED.sub(_template, route.strip("^$"))
    all_names = _PARAMETER.findall(route)
    names = [name for name in all_names if is_sensitive(name)]
    is_other = names and path.strip("/") != route.strip("/")
    values = _values(route, path, names) if is_other else {}
    # Without a name the query may be a word of any text.
    own = _spellings(query if "=" in query else f"?{query}") if query else set()
    if not values and not own:
        return None
    longest = sorted(values, key=len, reverse=True)
    # What stands in place of a value is not searched.
    done = {*(f"{{{name}}}" for name in all_names), *values.values()}
    done |= {route, as_given} if values else set()
    templates = map(re.escape, sorted(filter(None, done), key=len, reverse=True))
    alternatives = [
        f"(?P<done>{'|'.join(templates) or '(?!)'})",
        *(f"({_value_pattern(value, values[value])})" for value in longest),
        *map(_query_pattern, own),
    ]
    pattern = re.compile("|".join(alternatives))

    def replaced(match: re.Match[str]) -> str:
        if match.lastindex is None:
            return f"{'?' * match[0].startswith('?')}[{QUERY}]"
        return match[0] if match.lastgroup else values[longest[match.lastindex - 2]]

    return lambda text: pattern.sub(replaced, text)


def _values(route: str, path: str, names: list[str]) -> dict[str, str]:
    """Return the values of *names* in *path*, and what replaces each of them."""
    found = parameters(route, path)
    if not found:
        return {path: route}
    values = {found[name]: f"{{{name}}}" for name in names if found[name]}
    # Between letters, as in ``x{token}y``, only the whole segment is a word.
    values |= {_filled(each, found): each for each in _mixed(route, names)}
    if not {*route.lower().split("/")}.isdisjoint(map(str.lower, values)):
        # A value is a literal segment, too: the whole path says which is which.
        masked = _filled(route, found | {name: f"{{{name}}}" for name in names})
        values[_filled(route, found)] = masked
    return values


def _template(spelled: re.Match[str]) -> str:
    return f"{{{spelled[1] or spelled[2] or spelled[3]}}}"


def _mixed(route: str, names: list[str]) -> list[str]:
    """Return the segments of *route* with one of *names* and other text."""
    segments = (each for each in route.split("/") if not _PARAMETER.fullmatch(each))
    return [each for each in segments if not {*names}.isdisjoint(_PARAMETER.findall(each))]


def _filled(segment: str, values: dict[str, str]) -> str:
    return _PARAMETER.sub(lambda found: values[found[1]], segment)


def _spellings(query: str) -> set[str]:
    plain = unquote(query)
    # As a path, as browsers encode a segment, as JSON.
    quoted = {quote(plain, safe) for safe in ("", "/", "/:@!$&'()*+,;=~")}
    found = {query, plain, unquote_plus(query), quote_plus(plain), json.dumps(plain)[1:-1]}
    return {*found, *quoted, *(quote(each, "") for each in quoted)} - {""}


def _query_pattern(query: str) -> str:
    """Return the pattern of *query*, and what follows it in a URL that was made of it."""
    return r"(?<![\w{])" * query[0].isalnum() + re.escape(query) + r"[\w.~%&=+-]*"


def _value_pattern(value: str, name: str) -> str:
    """Return the pattern of *value* as a word, or a short one as a path segment or named."""
    plain = unquote(value)
    text = _text_pattern(plain)
    text = text if plain == value else f"(?:{text}|{re.escape(value)})"
    # A set in front, which the engine looks at before anything else, and what is before it.
    first, text = (text[0], text[1:]) if text[0].isalnum() and text[1:2] != "*" else ("", text)
    at = first and "."
    if len(value) < 4:
        name = re.escape(name.strip("{}"))
        before = "|".join(f"(?<={each}{at})" for each in ("/", "%2F", "%2f", f"{name}[=:]"))
        quoted = "|".join(f"(?<={name}{each}{at})" for each in (r":\ ", "='"))
        return rf"{first}(?:{before}|{quoted}){text}(?![\w.-])"
    first = first and f"[{first.lower()}{first.upper()}]"
    if _TOKEN.fullmatch(value) and _PARAMETER.fullmatch(name):
        return f"{first}(?i:{text})"  # in no other word
    # An underscore is no letter here: ``tenant_acme.orders``. Punctuation is in no longer word.
    before = rf"(?:(?<![^\W_]{at})|(?<=%[0-9A-Fa-f]{{2}}{at}))" if plain[0].isalnum() else ""
    return rf"{first}{before}(?i:{text})" + r"(?![^\W_])" * plain[-1].isalnum()


def _text_pattern(text: str) -> str:
    """Return the pattern of *text* as any client, or JSON, writes it."""
    hexadecimal = text.replace("-", "")
    if _UUID.fullmatch(hexadecimal):
        return "-?".join(hexadecimal[start:end] for start, end in _UUID_PARTS)
    if text[0] == "0" and text.isascii() and text.isdigit():
        return f"0*{text.lstrip('0') or '0'}"  # a number
    return "".join(map(_character_pattern, text))


def _character_pattern(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    escaped = "".join(f"%(?:25)?{byte:02X}" for byte in character.encode("utf-8", "replace"))
    spellings = {character, json.dumps(character)[1:-1], *(" +" if character in " +" else "")}
    return f"(?:(?i:{escaped})|{'|'.join(map(re.escape, sorted(spellings, reverse=True)))})"
