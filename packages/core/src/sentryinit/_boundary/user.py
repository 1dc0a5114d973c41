"""The user of a request, as far as it is known without a query."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from types import MemberDescriptorType
from typing import Any

# By name, because to import their modules costs time where reporting is off.
_ID_TYPES = frozenset({"UUID", "ObjectId"})


def describe_user(
    user: object, ids: Iterable[str] = ("id",), usernames: Iterable[str] = ("username",)
) -> dict[str, str]:
    """Return ``id`` and ``username`` of *user*; empty if it is anonymous, or not known.

    *user* is an object, a mapping, or an id. *ids* and *usernames* are names of its attributes; the
    first that has a value counts. Only what *user* holds is read, and plain properties: the
    attributes of an ORM may query the database, which may be what fails.
    """
    if _text(user):
        return {"id": _text(user)}
    found = {
        field: text
        for field, names in (("id", ids), ("username", usernames))
        if (text := next(filter(None, (_text(_held(user, name)) for name in names)), ""))
    }
    return found if found and _held(user, "is_authenticated") is not False else {}


def _text(value: object) -> str:
    is_id = isinstance(value, (str, int)) or type(value).__name__ in _ID_TYPES
    return str(value) if is_id and not isinstance(value, bool) else ""


def _held(user: Any, name: str) -> Any:
    """Return the attribute *name* of *user*; of an ORM its descriptor, which is no text."""
    own = user if isinstance(user, Mapping) else getattr(user, "__dict__", {})
    found = own.get(name, getattr(type(user), name, None))
    if isinstance(found, (property, MemberDescriptorType)):
        with contextlib.suppress(Exception):  # Starlette's BaseUser raises NotImplementedError
            return getattr(user, name)
    return found
