"""Parameters of a route that are not to be told: their values, found by the template.

Pure. ``/tenants/acme/orders/17`` by the route ``/tenants/{tenant_id}/orders/{order_id}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

_PARAMETER = re.compile(r"\{([^{}]*)\}")
# A part of a path with several parameters in it can be read in many ways: not a long one, then.
_LONGEST_PART, _MOST_PARAMETERS = 200, 3


def parameters(route: str, path: str) -> dict[str, str]:
    """Return the values in *path* of the parameters of *route*; none if they do not fit.

    *path* may have a prefix that *route* does not know of, as where an application is mounted.
    The last parameter may be all the rest of the path.
    """
    wanted, given = route.strip("/").split("/"), path.strip("/").split("/")
    missing = len(given) - len(wanted)
    if missing < 0:
        return {}
    found = _aligned(wanted, given[missing:])
    if not found and missing and _PARAMETER.fullmatch(wanted[-1]):
        rest = "/".join(given[len(wanted) - 1 :])
        found = _aligned(wanted, [*given[: len(wanted) - 1], rest])
    return found


def _aligned(wanted: list[str], given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for template, part in zip(wanted, given, strict=True):
        names = _PARAMETER.findall(template)
        if not names:
            if template != part:
                return {}
        elif template == f"{{{names[0]}}}":
            found[names[0]] = part
        else:
            match = _read(template, part, len(names))
            if match is None:
                return {}
            found.update(zip(names, match.groups(), strict=True))
    return found


def _read(template: str, part: str, parameters: int) -> re.Match[str] | None:
    if parameters > _MOST_PARAMETERS or (parameters > 1 and len(part) > _LONGEST_PART):
        return None
    return re.fullmatch("(.+)".join(map(re.escape, _PARAMETER.split(template)[::2])), part)


def hider(route: str, path: str, is_sensitive: Callable[[str], bool]) -> Hider | None:
    """Return what hides the sensitive parameters of a request, None if it has none.

    Where the values cannot be found, it hides the whole path.
    """
    names = [name for name in _PARAMETER.findall(route) if is_sensitive(name)]
    if not names or path.strip("/") == route.strip("/"):
        return None
    found = parameters(route, path)
    return Hider({found[n]: f"{{{n}}}" for n in names} if found else {path: route})


class Hider:
    """Puts the names of parameters where their values stand in a text.

    A value that is short may be anything elsewhere: it is hidden as a part of a path only.
    """

    def __init__(self, values: dict[str, str]) -> None:
        self._names = {
            spelling: name
            for value, name in values.items()
            for spelling in (value, unquote(value), quote(unquote(value), safe=""))
            if spelling
        }
        longest = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_spelled, longest)) or r"(?!)")

    def __call__(self, text: str) -> str:
        """Return *text* without the values."""
        return self._pattern.sub(lambda m: self._names[m[0]], text)


def _spelled(value: str) -> str:
    before = r"(?<![\w{])" if len(value) >= 4 else "(?<=/)"
    after = r"(?![\w}])" if len(value) >= 4 else r"(?![\w.-])"
    # Nothing of a word that begins or ends with something else can be in a longer word.
    return before * (value[0].isalnum() or len(value) < 4) + re.escape(value) + after
