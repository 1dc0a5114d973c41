"""What a later set-up of the same process adds to the first one, and what it cannot change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentryinit._config.settings import Settings

_MASKS = "mask_keys", "mask_patterns", "mask_path_parameters"


def add_masks(settings: Settings, later: Mapping[str, Any]) -> bool:
    """Add the masks of *later* to *settings*; return True if there are new ones."""
    has_new = False
    for name in _MASKS:
        known = getattr(settings, name)
        new = tuple(each for each in later.get(name, ()) if each not in known)
        setattr(settings, name, known + new)
        has_new = has_new or bool(new)
    return has_new


def differing(settings: Settings, later: Mapping[str, Any]) -> list[str]:
    """Return the options whose values in *later* are not those of the first set-up."""
    return [
        name
        for name, value in later.items()
        if name not in {"service", "required", *_MASKS}
        and _differ(value, settings.given.get(name, getattr(settings, name)))
    ]


def _differ(value: Any, first: Any) -> bool:
    try:
        return bool(_comparable(value) != _comparable(first))
    except Exception:  # noqa: BLE001 # the comparison is code of the application
        return type(value) is not type(first)


def _comparable(value: Any) -> object:
    """Return what is equal for equal values: a factory makes its hooks and integrations anew."""
    if isinstance(value, tuple):
        return tuple(map(_comparable, value))
    named = value if hasattr(value, "__qualname__") else type(value)
    if named is not value and named.__eq__ is not object.__eq__:
        return value
    return named.__module__, named.__qualname__
