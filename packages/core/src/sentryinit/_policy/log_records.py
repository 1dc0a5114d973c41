"""Log records: a copy that does not change any more, and what a record is about."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Hashable
from typing import Any

from sentryinit._policy.exceptions import (
    SHORTEST_TEXT,
    iter_chain,
    iter_explicit,
    iter_traceback,
    shares_exception,
    text_of,
    traceback_of,
)

# An escaped character of JSON, or of repr().
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_CONSTANTS = frozenset({str, int, float, bool, type(None)})


class FrozenRecord(logging.LogRecord):
    """A copy of a record as it was when it was logged: handlers share the record itself.

    *text*: the formatted message; *searched*: also as it was before JSON escaped it. *exceptions*:
    what it carries, also as arguments. *handled*: the exception that was being handled. *kind*,
    *suppressed*: how many of its kind were before its event. *by_server*: a server logged it.
    """

    # The attributes of a record beyond the usual ones are the extra data of its event: vars() does
    # not contain slots.
    __slots__ = ("by_server", "exceptions", "handled", "kind", "searched", "suppressed", "text")
    by_server: bool
    text: str
    searched: str
    exceptions: tuple[BaseException, ...]
    handled: BaseException | None
    kind: Hashable
    suppressed: int

    def getMessage(self) -> str:  # noqa: N802 # the name that logging gives it
        """Return the text of the moment when it was logged."""
        return self.text


def freeze(
    record: logging.LogRecord,
    handled: BaseException | None,
    given: Any = None,
    *,
    by_server: bool = False,
) -> FrozenRecord:
    """Return a copy of *record*, logged while *handled* was being handled.

    *given*: the ``exc_info`` that it may have had before a library made a text of it.
    """
    # Without __init__(), which would be that of now: time, thread and process.
    frozen = FrozenRecord.__new__(FrozenRecord)
    frozen.__dict__.update(record.__dict__)
    frozen.text, frozen.handled, frozen.suppressed = message_of(record), handled, 0
    frozen.kind, frozen.by_server = None, by_server
    if record.exc_info and exception_of(record) is None:
        frozen.exc_info = None  # exc_info=(1, 2): logging takes anything
    frozen.searched = _searched(frozen.text)
    error = _logged_exception(record, given, frozen.searched, handled)
    if error is not None and error is not exception_of(record):
        frozen.exc_info = type(error), error, traceback_of(error)
    frozen.exceptions = exceptions_in(record, error)
    if not isinstance(record.msg, str):
        frozen.msg = frozen.text
    frozen.args = _constants(record.args)
    return frozen


def exceptions_in(record: logging.LogRecord, error: BaseException | None) -> tuple[Any, ...]:
    """Return *error*, by default that of *record*, and the exceptions in its arguments."""
    error = _logged_exception(record, None, "", None) if error is None else error
    values = record.args if isinstance(record.args, tuple) else (record.args,)
    return tuple(e for e in (error, *values, record.msg) if isinstance(e, BaseException))


def exception_of(record: logging.LogRecord) -> BaseException | None:
    """Return the exception that *record* was logged with."""
    info: Any = record.exc_info
    found = info[1] if isinstance(info, tuple) and len(info) == 3 else None
    return found if isinstance(found, BaseException) else None


def message_of(record: logging.LogRecord) -> str:
    """Return the formatted text of *record*, or its template if the arguments do not fit."""
    try:
        return record.getMessage()
    except BaseException:  # noqa: BLE001 # __str__ of an argument is code of the application
        return _as_text(record.msg)


def is_about(record: FrozenRecord, failure: BaseException | None) -> bool:
    """Return True if *record* is about *failure*; None stands for a 5xx without an exception."""
    error = exception_of(record)
    if failure is None:
        return error is None
    chain = list(iter_chain(failure))
    if error is not None:
        # An error that only has a context in common with the failure is another one, unless code
        # has failed twice in the same way: Flask calls its hooks again for its own 500.
        if not {id(each) for each in iter_explicit(error)}.isdisjoint(map(id, chain)):
            return True
        same = (each for each in chain if type(each) is type(error))
        return shares_exception(error, chain) and text_of(error) in map(text_of, same)
    if any(carried is link for link in chain for carried in record.exceptions):
        return True
    if any(record.handled is link for link in chain):
        return True
    if any(_has_traceback(record.searched, link) for link in chain):
        return True
    # Or the failure has its text: it was logged first.
    quoted = len(record.text) >= SHORTEST_TEXT and _contains(text_of(failure), record.text)
    return quoted or has_text_of(record, failure)


def has_text_of(record: FrozenRecord, exc: BaseException | None) -> bool:
    """Return True if the text of *record* contains that of *exc*."""
    return exc is not None and any(
        # A short text has to be all of it.
        _contains(record.searched, text)
        if len(text) >= SHORTEST_TEXT
        else text != "" and text == record.text
        for text in _texts(exc)
    )


def _texts(exc: BaseException) -> list[str]:
    """Return the texts of *exc*: HTTP exceptions of frameworks have one beside ``str()``."""
    try:
        attributes = [getattr(exc, name, None) for name in ("description", "detail")]
    except BaseException:  # noqa: BLE001 # a property of the application's class may raise
        attributes = []
    return [text_of(exc), *(text for text in attributes if isinstance(text, str))]


def _logged_exception(
    record: logging.LogRecord, given: Any, text: str, handled: BaseException | None
) -> BaseException | None:
    # The message of structlog is its dictionary; with ProcessorFormatter the exception is in it.
    info: Any = record.exc_info
    # Three times None: a library looked for it where none was being handled.
    if not info or (isinstance(info, tuple) and exception_of(record) is None):
        info = given
    if not info and isinstance(record.msg, dict):
        info = record.msg.get("exc_info")
    if isinstance(info, tuple) and len(info) == 3:
        info = info[1]
    if isinstance(info, BaseException):
        # Celery logs a copy that can be pickled, with the traceback of the original.
        stack = None if handled is None else traceback_of(handled)
        return handled if stack is not None and stack is traceback_of(info) else info
    return handled if info is True or _has_traceback(text, handled) else None


def _has_traceback(text: str, exc: BaseException | None) -> bool:
    """Return True if *text* contains the traceback of *exc*, in whatever format."""
    return exc is not None and has_names(text, names_in_traceback(exc))


def names_in_traceback(exc: BaseException) -> tuple[str, ...]:
    """Return what every format of the traceback of *exc* has: class, and function and line.

    The function and the line are those where it was raised.
    """
    for raised in deque(iter_traceback(traceback_of(exc)), maxlen=1):
        return type(exc).__name__, raised.tb_frame.f_code.co_name, str(raised.tb_lineno)
    return ()


def has_names(text: str, names: tuple[str, ...]) -> bool:
    """Return True if *text* contains all *names*, and there are some."""
    return bool(names) and all(_contains(text, name) for name in names)


def _contains(text: str, part: str) -> bool:
    """Return True if *text* contains *part*, and not as a part of a longer word."""
    # To compile a pattern of megabytes takes seconds, and a long text is nowhere by chance.
    is_long = len(part) >= 1000
    return part in text and (is_long or bool(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text)))


def _searched(text: str) -> str:
    """Return *text*; if it has escaped characters, also as it was before."""
    return f"{text}\n{_ESCAPED.sub(_unescape, text)}" if "\\" in text else text


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else {"n": "\n", "t": "\t"}.get(found[2], found[2])


def _constants(arguments: Any) -> Any:
    if isinstance(arguments, tuple) or not arguments:
        return tuple(map(_constant, arguments or ()))
    try:
        return {name: _constant(value) for name, value in arguments.items()}
    except BaseException:  # noqa: BLE001 # the mapping may be the application's
        return ()


def _constant(value: object) -> object:
    """Return *value*, or its text if it could change later."""
    return value if type(value) in _CONSTANTS else _as_text(value)


def _as_text(value: Any) -> str:
    return text_of(value) or f"<{type(value).__name__}>"
