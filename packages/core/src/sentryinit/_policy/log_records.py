"""What a log record tells of. Knows nothing of ``sentry_sdk``."""

from __future__ import annotations

import logging

from sentryinit._policy import ignore_rules as _policy


def error_of(record: logging.LogRecord) -> BaseException | None:
    """Return the exception that *record* was logged with."""
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def message_of(record: logging.LogRecord) -> str:
    """Return the text of *record*, or its template if the arguments do not fit."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 # whatever the arguments' own code may raise
        return str(record.msg)


def tells_of(record: logging.LogRecord, failure: BaseException | None) -> bool:
    """Tell whether *record* is about *failure*; None is an answer without exception."""
    error = error_of(record)
    if failure is None:
        return error is None
    failures = list(_policy.tree(failure))
    if error is not None:
        return _policy.meets(error, failures)
    arguments = record.args if isinstance(record.args, tuple) else (record.args,)
    if any(argument is link for link in failures for argument in (*arguments, record.msg)):
        return True
    text = _policy.text(failure)
    return bool(text) and text in message_of(record)
