"""What a log record is about."""

from __future__ import annotations

import logging

from sentryinit._policy.exceptions import iter_chain, shares_exception, text_of


def exception_of(record: logging.LogRecord) -> BaseException | None:
    """Return the exception that *record* was logged with."""
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def message_of(record: logging.LogRecord) -> str:
    """Return the formatted text of *record*, or its template if the arguments do not fit."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 # __str__ of an argument is code of the application
        return str(record.msg)


def is_about(record: logging.LogRecord, failure: BaseException | None) -> bool:
    """Return True if *record* is about *failure*; None stands for a 5xx without an exception."""
    error = exception_of(record)
    if failure is None:
        return error is None
    chain = list(iter_chain(failure))
    if error is not None:
        return shares_exception(error, chain)
    arguments = record.args if isinstance(record.args, tuple) else (record.args,)
    if any(argument is link for link in chain for argument in (*arguments, record.msg)):
        return True
    text = text_of(failure)
    return bool(text) and text in message_of(record)
