"""Regular expressions that are compiled at their first use: most processes never fail."""

from __future__ import annotations

import re
from typing import Any, cast


class _Lazy:
    """Stands for a compiled pattern; its methods become attributes when they are asked for."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._source), name)
        setattr(self, name, found)
        return found


def lazy(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return *pattern*, to be compiled at its first use. All of them take 20 ms."""
    return cast("re.Pattern[str]", _Lazy(pattern, flags))
