"""The types of options: how values are checked and read from text."""

from __future__ import annotations

import builtins
import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, get_args
from urllib.parse import urlsplit

Check = Callable[[Any], Any]
# A level that no log record has.
OFF = 1_000_000


def code_only(text: str) -> Any:
    """Refuse *text*: only code can set the value."""
    raise TypeError(text)


# Not a dataclass: `dataclasses` imports `inspect`, even where reporting is off.
class OptionType(NamedTuple):
    """A type of values, described by *expected*.

    *check* takes an argument and *parse* takes text; both return the value to use, or raise
    ``TypeError`` or ``ValueError``. *repair* returns the valid value nearest to wrong text, or
    None. *secret*: no message shows a value. *suggest* returns what a wrong value may mean, or
    nothing.
    """

    expected: str
    check: Check
    parse: Callable[[str], Any] = code_only
    repair: Callable[[str], Any] = lambda _text: None
    secret: bool = False
    suggest: Callable[[Any], object] = lambda _value: None


class WrongItem(NamedTuple):
    """What is wrong in a list: the argument of the error that its check raises."""

    at: str
    item: Any
    type: OptionType


class DottedName(str):
    """The name of a callable, which is loaded if reporting is on: ``package.module:function``."""

    __slots__ = ()


def unquoted(text: str) -> str:
    """Return *text* without blanks around it, and without one pair of quotes around the whole."""
    text = text.strip()
    quote, inner = text[:1], text[1:-1]
    is_quoted = text == f"{quote}{inner}{quote}" and quote in {"'", '"'} and quote not in inner
    return inner.strip() if is_quoted else text


def nearest(name: object, names: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the one of *names* that is most similar to *name*, or an empty text."""
    import difflib  # only after a mistake

    return next(iter(difflib.get_close_matches(str(name), [*names], 1, cutoff)), "")


def check_kind(what: str, value: object, kind: Any, expected: str) -> None:
    """Raise ``TypeError`` if *value* is no instance of *kind*. It is not shown: it may be a DSN."""
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be {expected}, not a value of type {type(value).__name__}")


def _require(
    condition: Callable[[Any], object],
    first: Check = lambda value: value,
    error: type[Exception] = ValueError,
) -> Check:
    """Return a check that calls *first* and requires *condition* of what that returns."""

    def check(value: Any) -> Any:
        checked = first(value)
        if not condition(checked):
            raise error
        return checked

    return check


def _instance_of(*types: type) -> Check:
    def is_instance(value: object) -> bool:
        # bool is a subclass of int, but True is never meant as a number.
        return isinstance(value, types) and (bool in types or not isinstance(value, bool))

    return _require(is_instance, error=TypeError)


def _finite(value: Any) -> float:
    try:
        return float(_instance_of(int, float)(value))
    except OverflowError as error:
        raise ValueError from error


_text = _instance_of(str)
_count = _require(lambda number: number >= 0, _instance_of(int))
_number = _require(lambda number: 0 <= number < math.inf, _finite)
_fraction = _require(lambda number: number <= 1, _number)

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_flag_word = _require(lambda word: word in _TRUE | _FALSE)


def _parse_flag(text: str) -> bool:
    return _flag_word(text.strip().lower()) in _TRUE


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _names_exception(value: object) -> bool:
    # A dotted name is not imported; one without a dot is a builtin's.
    name = value if isinstance(value, str) else ""
    # A class in a function is module.function.<locals>.Class.
    is_dotted = "." in name and all(part.strip("<>").isidentifier() for part in name.split("."))
    return is_dotted or _is_exception(getattr(builtins, name, None))


def _nearest_exception(name: object) -> str:
    return nearest(name, [each for each in vars(builtins) if _names_exception(each)])


def _pattern(value: Any) -> re.Pattern[str]:
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise ValueError from error
    # A pattern of bytes would fail at the first event.
    _text(pattern.pattern)
    return pattern


def _statuses(value: Any) -> range:
    if isinstance(value, range):
        return value
    first, dash, last = str(_instance_of(int, str)(value)).partition("-")
    return range(int(first), int(last if dash else first) + 1)


def _are_statuses(value: range) -> bool:
    return len(value) > 0 and min(value) >= 100 and max(value) <= 599


def _is_proxy(value: str) -> bool:
    url = urlsplit(value)
    schemes = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}
    # An empty text: no proxy, whatever the environment says.
    return not value or (url.scheme in schemes and bool(url.hostname))


_socket_option = _require(lambda value: len(value) == 3, _instance_of(list, tuple))


def _headers(value: Any) -> Any:
    for text in (*_instance_of(Mapping)(value), *value.values()):
        _text(text)
    return value


# Known by their methods: sentry_sdk is not imported where reporting is off.
def _is_integration(value: object) -> bool:
    return not isinstance(value, type) and callable(getattr(value, "setup_once", None))


def _is_transport(value: object) -> bool:
    return callable(value) or callable(getattr(value, "capture_envelope", None))


def _name(limit: int, marks: str) -> OptionType:
    other = re.compile(rf"[^\w{re.escape(marks)}]")

    def is_name(value: str) -> bool:
        # A URL is no name, and may contain a key.
        return 0 < len(value) <= limit and not other.search(value) and "://" not in value

    def repair(text: str) -> str | None:
        return None if "://" in text else other.sub("-", text.strip())[:limit] or None

    check = _require(is_name, _text)
    return OptionType(f"1 to {limit} letters, digits or any of _{marks}", check, check, repair)


def _list_of(
    expected: str, item: OptionType, parse: Callable[[str], Any] | None = None
) -> OptionType:
    def check(values: Any) -> tuple[Any, ...]:
        # A single item is a list of one. Text is iterable too.
        if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
            return (item.check(values),)
        return tuple(check_item(at, value) for at, value in enumerate(values))

    def check_item(at: int, value: Any) -> Any:
        try:
            return item.check(value)
        except (TypeError, ValueError) as error:
            raise type(error)(WrongItem(f"[{at}]", value, item)) from None

    def repair_item(text: str) -> Any:
        try:
            return item.check(text)
        except (TypeError, ValueError):
            return item.repair(text)

    def repair(text: str) -> tuple[Any, ...] | None:
        return tuple(filter(None, map(repair_item, _split(text)))) or None

    parse = parse or (lambda text: check(_split(text)))
    return OptionType(expected, check, parse, repair, suggest=item.suggest)


def _split(text: str) -> list[str]:
    return [item for item in map(str.strip, text.split(",")) if item]


_level_number = _require(lambda level: 0 < level <= OFF, _instance_of(int))


def _level(value: Any) -> Any:
    text = str(_instance_of(int, str)(value)).strip().upper()
    # For an unknown name getLevelName() returns another text.
    level = int(text) if text.isdigit() else logging.getLevelName(text)
    return OFF if text == "OFF" else _level_number(level)


def _tags(value: Any) -> dict[str, str]:
    """Return the tags of a mapping, with numbers and flags as texts; None is no tag."""
    return {
        _tag_name(name): item if isinstance(item, str) else str(_tag_value(item))
        for name, item in _instance_of(Mapping)(value).items()
        if item is not None
    }


_tag_name, _tag_value = _require(str.strip, _text), _instance_of(int, float, bool)


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = map(str.strip, item.partition("="))
    if not (name and equals):
        raise ValueError
    return name, value


def one_of(literal: Any) -> OptionType:
    """Return the type of a value that is one of the words of *literal*."""
    words = get_args(literal)
    check = _require(lambda value: value in words, _text)
    parse, suggest = lambda text: check(text.strip().lower()), lambda value: nearest(value, words)
    expected = f"{', '.join(words[:-1])} or {words[-1]}"
    return OptionType(expected, check, parse, suggest=suggest)


def list_from(literal: Any) -> OptionType:
    """Return the type of a list whose items are some of the words of *literal*."""
    return _list_of(f"a list with any of {', '.join(get_args(literal))}", one_of(literal))


def _slashed(path: object) -> str | None:
    return f"/{path}" if isinstance(path, str) and "://" not in path else None


TEXT = OptionType("text", _text, str)
SECRET = OptionType("text", _text, str, secret=True)
DSN = OptionType("text", lambda value: unquoted(_text(value)), str, secret=True)
# The URL and the headers of a proxy may contain a password.
_proxy = _require(_is_proxy, _text)
PROXY = OptionType("the URL of a proxy, such as http://proxy:3128", _proxy, _proxy, secret=True)
HEADERS = OptionType("a mapping of names to text", _headers, secret=True)
SERVICE = _name(200, ".:/@+~-")
ENVIRONMENT = _name(64, ".:@+~-")
RELEASE = _name(200, ".:@+~()-")
FLAG = OptionType("true or false", _instance_of(bool), _parse_flag)
COUNT = OptionType("a whole number, 0 or more", _count, lambda text: _count(int(text)))
NUMBER = OptionType("a number, 0 or more", _number, lambda text: _number(float(text)))
FRACTION = OptionType("a number from 0 to 1", _fraction, lambda text: _fraction(float(text)))
_pairs = _list_of("name=value", OptionType("name=value", _pair))
TAGS = OptionType(
    "a mapping of names to texts, such as region=eu,team=orders",
    _tags,
    lambda text: dict(_pairs.parse(text)),
    lambda text: dict(_pairs.repair(text) or ()) or None,
)
# Text is split at commas in the environment only: in code, a name with one would match nothing.
_is_name = _require(lambda name: name.strip() and "," not in name, _text)
_NAME = OptionType("a name", _is_name, suggest=lambda name: "," in str(name) and _split(name))
NAMES = _list_of("a list of names", _NAME)
_is_path = _require(lambda path: path.startswith(("/", "*", "?", "[")), _text)
_PATH = OptionType("a path, with / or * first", _is_path, repair=_slashed, suggest=_slashed)
PATHS = _list_of("a list of paths, with / or * first", _PATH)
_exception = _require(lambda value: _is_exception(value) or _names_exception(value))
_a_class = "an exception class, a dotted name, or the name of a builtin exception"
_EXCEPTION = OptionType(_a_class, _exception, suggest=_nearest_exception)
EXCEPTIONS = _list_of("a list of exception classes or their dotted names", _EXCEPTION)
PATTERNS = _list_of("a list of regular expressions", OptionType("a regular expression", _pattern))
_status = _require(_are_statuses, _statuses)
_STATUS = OptionType("a status from 100 to 599, or a range such as 502-504", _status)
STATUSES = _list_of("a list of statuses from 100 to 599, or ranges such as 502-504", _STATUS)
_is_hook = _require(lambda value: callable(value) or isinstance(value, DottedName), error=TypeError)
CALLABLE = OptionType("a callable", _is_hook, DottedName)
# The usual mistake is the class in place of an instance.
_INTEGRATION = OptionType(
    "an integration",
    _require(_is_integration),
    suggest=lambda value: isinstance(value, type) and f"{value.__name__}()",
)
INTEGRATIONS = _list_of("a list of integrations", _INTEGRATION, code_only)
TRANSPORT = OptionType("a transport of sentry-sdk", _require(_is_transport))
SPOTLIGHT = OptionType("true, false or a URL", _instance_of(bool, str))
_SOCKET_OPTION = OptionType("(level, option, value)", _socket_option)
SOCKET_OPTIONS = _list_of("a list of (level, option, value)", _SOCKET_OPTION, code_only)
LOG_LEVEL = OptionType("a level of logging, by name or number, or off", _level, _level)
