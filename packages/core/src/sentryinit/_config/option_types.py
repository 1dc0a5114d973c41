"""What a setting may hold: how it is checked as an argument and read from text."""

from __future__ import annotations

import builtins
import contextlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit


# Not a dataclass: their module imports a tenth of the standard library, also where we are off.
class Kind(NamedTuple):
    """A sort of value: the words that describe it, its check and its spelling in the environment.

    *check* takes an argument and returns what the core works with; *parse* takes text. Both raise
    ``TypeError`` or ``ValueError`` for anything else. *repair* makes the nearest good value of bad
    text, where there is one.
    """

    expected: str
    check: Callable[[Any], Any]
    parse: Callable[[str], Any]
    repair: Callable[[str], Any] | None = None
    secret: bool = False


def _require(good: object, value: object) -> Any:
    if not good:
        raise ValueError
    return value


def _of_type(*types: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # bool is an int to isinstance, and True seconds is nobody's intention.
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise TypeError
        return value

    return check


def split(text: str) -> list[str]:
    """Return the items of a CSV *text*, without blanks and empty ones."""
    return [item for item in map(str.strip, text.split(",")) if item]


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    _require(word in {"0", "false", "no", "off"}, word)
    return False


def _count(value: Any) -> int:
    return int(_require(_of_type(int)(value) >= 0, value))


def _number(value: Any) -> float:
    try:
        number = float(_of_type(int, float)(value))
    except OverflowError as error:
        raise ValueError from error
    return float(_require(math.isfinite(number) and number >= 0, number))


def _fraction(value: Any) -> float:
    return float(_require(_number(value) <= 1, value))


def _items(value: Any, check: Callable[[Any], Any]) -> tuple[Any, ...]:
    # A lone string is iterable too: "abc" would silently become a, b and c.
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError
    return tuple(map(check, value))


def _list_of(expected: str, check: Callable[[Any], Any]) -> Kind:
    def many(value: Any) -> tuple[Any, ...]:
        return _items(value, check)

    def repair(text: str) -> tuple[Any, ...] | None:
        good = []
        for item in split(text):
            with contextlib.suppress(TypeError, ValueError):
                good.append(check(item))
        return tuple(good) or None

    return Kind(expected, many, lambda text: many(split(text)), repair)


def _error(value: Any) -> Any:
    if isinstance(value, type):
        return _require(issubclass(value, BaseException), value)
    name = _of_type(str)(value)
    builtin = getattr(builtins, name, None)
    exception = isinstance(builtin, type) and issubclass(builtin, BaseException)
    return _require(exception or "." in name.strip("."), name)


def _pattern(value: Any) -> re.Pattern[str]:
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise ValueError from error
    _of_type(str)(pattern.pattern)
    return pattern


def _statuses(value: Any) -> range:
    span = value
    if not isinstance(value, range):
        low, dash, high = str(_of_type(int, str)(value)).partition("-")
        span = range(int(low), int(high if dash else low) + 1)
    good = len(span) > 0 and min(span) >= 100 and max(span) <= 599
    return range(_require(good, span).start, span.stop, span.step)


def _imported(text: str) -> Any:
    # Few settings name an object, and it is a tenth of what a start without a DSN costs.
    import pkgutil

    try:
        return pkgutil.resolve_name(text.strip())
    except Exception as error:  # importing runs other people's code
        raise ValueError from error


def _callable(value: Any) -> Any:
    if not callable(value):
        raise TypeError
    return value


def _integration(value: Any) -> Any:
    # By its shape: the class is sentry_sdk's, and there may be no need to import that.
    _require(not isinstance(value, type) and callable(getattr(value, "setup_once", None)), value)
    return value


def _transport(value: Any) -> Any:
    # By its shape, likewise: the SDK takes an instance, a class and a function.
    _require(callable(value) or callable(getattr(value, "capture_envelope", None)), value)
    return value


def _headers(value: Any) -> Any:
    _require(isinstance(value, Mapping), value)
    for text in (*value, *value.values()):
        _of_type(str)(text)
    return value


def _spotlight(value: Any) -> Any:
    return _of_type(bool, str)(value)


def _socket_option(value: Any) -> Any:
    _require(isinstance(value, (list, tuple)) and len(value) == 3, value)
    return value


def _object(expected: str, check: Callable[[Any], Any], *, secret: bool = False) -> Kind:
    words = f"{expected} (in the environment: module:name)"
    return Kind(words, check, lambda text: check(_imported(text)), secret=secret)


def _word(limit: int, odd: str) -> Kind:
    bad = re.compile(odd)

    def check(value: Any) -> str:
        good = 0 < len(_of_type(str)(value)) <= limit and not bad.search(value)
        # An address is no name, and may have a key in it.
        return str(_require(good and "://" not in value, value))

    def repair(text: str) -> str | None:
        return None if "://" in text else bad.sub("-", text.strip())[:limit] or None

    return Kind(f"1 to {limit} visible characters without blanks", check, check, repair)


def one_of(*words: str) -> Kind:
    """Return the kind of a list whose items are among *words*."""
    return _list_of(
        f"a list of some of {', '.join(words)}", lambda item: _require(item in words, item)
    )


def _proxy(value: Any) -> str:
    parts = urlsplit(_of_type(str)(value))
    good = parts.scheme in {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}
    return str(_require(good and parts.hostname, value))


def choice(*words: str) -> Kind:
    """Return the kind of one of *words*."""

    def check(value: Any) -> str:
        return str(_require(_of_type(str)(value) in words, value))

    return Kind(" or ".join(words), check, lambda text: check(text.strip().lower()))


TEXT = Kind("text", _of_type(str), str)
PROXY = Kind("the URL of a proxy, such as http://proxy:3128", _proxy, _proxy, secret=True)
SECRET = Kind("text", _of_type(str), str, secret=True)
DSN = Kind("text", lambda value: _of_type(str)(value).strip(), str, secret=True)
SERVICE = _word(200, r"[^\w.:/@+~-]")
ENVIRONMENT = _word(64, r"[^\w.:@+~-]")
RELEASE = _word(200, r"[^\w.:@+~()-]")
FLAG = Kind("true or false", _of_type(bool), _flag)
COUNT = Kind("a whole number, 0 or more", _count, lambda text: _count(int(text)))
NUMBER = Kind("a number, 0 or more", _number, lambda text: _number(float(text)))
FRACTION = Kind("a number from 0 to 1", _fraction, lambda text: _fraction(float(text)))
NAMES = _list_of("a list of names", _of_type(str))
ERRORS = _list_of("a list of exception classes or dotted names of such", _error)
PATTERNS = _list_of("a list of regular expressions", _pattern)
STATUSES = _list_of("a list of statuses from 100 to 599, or spans such as 502-504", _statuses)
HOOK = Kind(
    "a callable (in the environment: module:name)",
    _callable,
    lambda text: _callable(_imported(text)),
)
TRANSPORT = _object("a transport of sentry-sdk", _transport)
# Proxies are given passwords in them.
HEADERS = _object("a mapping of names to text", _headers, secret=True)
SOCKETS = _object("a list of (level, option, value)", lambda value: _items(value, _socket_option))
SPOTLIGHT = _object("true, false or a URL", _spotlight)
INTEGRATIONS = Kind(
    "a list of integrations (in the environment: module:name of their classes)",
    lambda value: _items(value, _integration),
    lambda text: tuple(_integration(_callable(_imported(item))()) for item in split(text)),
)
