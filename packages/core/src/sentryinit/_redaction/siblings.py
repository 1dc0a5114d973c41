"""Keys whose values say what is beside them: ``{"name": "DB_PASSWORD", "value": ...}``."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

from sentryinit._redaction.key_names import KeyNames, Rank, normalize
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.objects import CONTAINERS, text_of


class Role(enum.IntEnum):
    """What the value of a key is to the others in its mapping."""

    NONE = 0
    NAME = 1
    TITLE = 2  # may be a name, or a text
    PATH = 3  # the last part is a name
    FLAG = 4  # says that the value is a secret
    SECURE = 5  # may say that of a cookie, too
    STATEMENT = 6
    VALUE = 7
    CONTENT = 8  # may be the value, or a text
    PARAMETERS = 9


# Of headers, forms, variables, tags; in errors of pydantic, JSON Schema, Spring; in histories.
_WORDS = {
    Role.NAME: "attribute cookiename envname envvar field fieldname header headername k key "
    "keyname label loc name option optionname param parameter parameterkey parametername paramname "
    "property propertyname setting settingname var variable variablename xmlname",
    Role.TITLE: "id kind n question tag title type",
    Role.PATH: "instancepath jsonpath path pointer",
    Role.FLAG: "issecret issensitive secret sensitive",
    Role.SECURE: "issecure secure",
    Role.STATEMENT: "dbstatement query sql statement stmt",
    Role.VALUE: "content currentvalue default defaultvalue fieldvalue headervalue input new "
    "newvalue old oldvalue parametervalue paramvalue propertyvalue rawvalue rejectedvalue "
    "settingvalue stringvalue v val value values variablevalue",
    Role.CONTENT: "answer data example from instance stringdata text to",
    Role.PARAMETERS: "args binds bindings parameters params",
}
ROLES = {word: role for role, words in _WORDS.items() for word in words.split()}
_WEAKER = {Rank.OWN: Rank.OWN, Rank.CERTAIN: Rank.LIKELY, Rank.LIKELY: Rank.RANDOM}
_FLAGS = {Role.FLAG: Rank.CERTAIN, Role.SECURE: Rank.LIKELY}
# Names in a list, or parts of a text.
_MOST, _LONGEST = 16, 64
_SQL = lazy(r"(?i)\s*(?:insert|update|delete|select|merge|replace|with|alter|create|call)\s")
_NO_QUOTES = str.maketrans("", "", '"`[]')
# The name of a table says nothing about the values.
_COLUMN = lazy(r"(?i)(?<!from )(?<!join )(?<!into )(?<!update )\b[a-z_]\w+\b(?![.(])")


def ranks_beside(given: Sequence[tuple[Role, Any]], names: KeyNames) -> dict[Role, Rank]:
    """Return the ranks of values by their roles, for the items of a mapping by their roles."""
    roles = {role for role, _ in given}
    if not roles & {Role.VALUE, Role.CONTENT}:
        return _parameters(given, names) if Role.PARAMETERS in roles else {}
    is_scalar = not any(isinstance(v, CONTAINERS) for role, v in given if role >= Role.VALUE)
    named = suggested = Rank.NONE
    for role, item in given:
        if role == Role.NAME:
            named = max(named, _rank(item, names))
        elif role == Role.TITLE:
            suggested = max(suggested, _rank_of_title(item, names))
        elif role == Role.PATH and is_scalar:
            part = item.rpartition("/")[2] if isinstance(item, str) else _last(item)
            suggested = max(suggested, _rank(part, names))
        elif item is True:
            suggested = max(suggested, _FLAGS.get(role, Rank.NONE))
    weaker = _WEAKER.get(max(named, suggested), Rank.NONE)
    return {Role.VALUE: max(named, _WEAKER.get(suggested, Rank.NONE)), Role.CONTENT: weaker}


def rank_of_part(rank: Rank, key: str, names: KeyNames) -> Rank:
    """Return the rank of *key* in a mapping under a name of *rank*: ``{"token": {"type": ...}}``.

    With the name before it, it says what its value is.
    """
    if rank == Rank.CERTAIN:
        return rank if names.rank(f"password {key}") else Rank.RANDOM
    return max(Rank.RANDOM, names.rank(f"session {key}")) if rank == Rank.LIKELY else rank


def _rank(name: Any, names: KeyNames) -> Rank:
    # The errors of pydantic have a path: ``["body", "password"]``.
    parts = name[:_MOST] if type(name) in {list, tuple} else [name]
    words = [text_of(part) for part in parts if isinstance(part, (str, bytes))]
    return max(map(names.rank, words), default=Rank.NONE)


def _rank_of_title(title: Any, names: KeyNames) -> Rank:
    if not isinstance(title, str) or len(title) > _LONGEST or title.count(" ") > 1:
        return Rank.NONE
    return Rank.CERTAIN if normalize(title) == "securestring" else names.rank(title)


def _last(path: Any) -> Any:
    return path[-1] if type(path) in {list, tuple} and path else None


def _parameters(given: Sequence[tuple[Role, Any]], names: KeyNames) -> dict[Role, Rank]:
    ranks = [rank_of_statement(item, names) for role, item in given if role == Role.STATEMENT]
    return {Role.PARAMETERS: max(ranks, default=Rank.NONE)}


def rank_of_statement(statement: Any, names: KeyNames) -> Rank:
    """Return the rank of the parameters of *statement*, in SQL."""
    if not isinstance(statement, str) or not _SQL.match(statement):
        return Rank.NONE
    text = statement[:2000].translate(_NO_QUOTES)
    is_named = any(map(names.is_sensitive, _COLUMN.findall(text)))
    return Rank.LIKELY if is_named else Rank.NONE
