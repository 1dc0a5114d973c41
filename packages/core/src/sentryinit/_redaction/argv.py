"""Passwords in a list of arguments or variables: ``["mysql", "-p..."]``, ``["TOKEN=..."]``."""

from __future__ import annotations

from typing import Any

from sentryinit._redaction import limits
from sentryinit._redaction.key_names import KeyNames
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import SECRET
from sentryinit._redaction.secret_values import is_secret_value
from sentryinit._redaction.text import TextMasker

_JOINT = '", "'
# A value with blanks, which ends with its item: ``DB_PASSWORD=correct horse``.
_ASSIGNED = lazy(r"(--?[A-Za-z][\w.-]{0,100}|[A-Z_][A-Z0-9_]{0,100})=([^=\n]+ [^=\n]+)")
# The last words of names of fields that are no secrets: ``["password", "email"]``.
_FIELDS = frozenset(
    "address at birthday city code confirm confirmation country date email id login name mail "
    "phone remember repeat role state title type url user username zip".split()
)


def mask_arguments(items: list[Any], masker: TextMasker) -> list[Any]:
    """Return *items*, masked as one text if they are a command line: ``mysql -p...``."""
    texts = [item for item in items if type(item) is str]
    is_one = len(texts) == len(items) and any(text[:1] == "-" for text in texts)
    if not is_one or sum(map(len, texts)) + 4 * len(texts) > masker.limit:
        return items
    # With one more, the last two are no pair of a name and its value.
    made = masker.text(f'"{_JOINT.join([*texts, "."])}"')[1:-1].split(_JOINT)[:-1]
    if len(made) != len(items):
        return items
    is_option = [text[:2] == "--" and "=" not in text for text in texts]
    return [a if keep else b for a, b, keep in zip(texts, made, is_option, strict=True)]


def mask_assigned(item: Any, masker: TextMasker) -> Any:
    """Return *item* with its value masked, if that ends with it: ``--password=correct horse``."""
    if type(item) is not str or "=" not in item or len(item) > masker.limit:
        return item
    found = _ASSIGNED.fullmatch(item)
    if not found or not is_secret_value(found[2], masker.names.rank(found[1])):
        return item
    return f"{found[1]}={masker.placeholders(SECRET, found[2])}"


def is_argument(before: object, item: object, names: KeyNames) -> bool:
    """Return True if *item* is the argument of *before*, a sensitive option."""
    if not (isinstance(before, str) and isinstance(item, str) and before[:1] == "-"):
        return False
    is_option = len(before) <= limits.KEY and "=" not in before and item[:1] != "-"
    return is_option and is_secret_value(item, names.rank(before))


def is_field(value: object, names: KeyNames) -> bool:
    """Return True if *value* is a name of a field, not the value of another."""
    if not isinstance(value, str) or len(value) > limits.KEY:
        return False
    last = value.replace("-", "_").rpartition("_")[2].lower()
    return value.isascii() and (last in _FIELDS or names.is_sensitive(value))
