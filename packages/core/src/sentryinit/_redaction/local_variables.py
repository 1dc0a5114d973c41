"""Values as they are told of: what would run an application's code is told by its class.

Pure. A ``__repr__`` may take seconds, or ask a database; it would do so in the request that failed.
"""

from __future__ import annotations

import datetime as dt
import decimal
import types
import uuid
from collections.abc import Callable
from typing import Any

# Their own code makes texts of these, and soon. Containers are walked, and so not among them.
_PLAIN = frozenset(
    {
        bool,
        complex,
        dt.date,
        dt.datetime,
        dt.time,
        dt.timedelta,
        decimal.Decimal,
        float,
        int,
        range,
        types.BuiltinFunctionType,
        types.FunctionType,
        types.NoneType,
        uuid.UUID,
    }
)


def safe_repr(own: Callable[[Any], str | None] | None, limit: int, value: Any) -> str | None:
    """Return the text of *value*, None for the SDK to make it; *own* is the user's function."""
    told = own(value) if own is not None else None
    if told is not None or type(value) in _PLAIN:
        return told
    if type(value) in {str, bytes, bytearray}:
        return repr(value[:limit])
    return f"<{type(value).__module__}.{type(value).__qualname__}>"
