"""Which loggers are those of servers and frameworks, of access lines, and ignored."""

from __future__ import annotations

import functools
import logging
import re
import sys
from fnmatch import translate

from sentryinit._policy.log_records import FrozenRecord, exception_of

# Of servers and frameworks. granian names loggers after its Rust modules; a bridge to loguru names
# records after the Python module that logged them.
_SERVERS = tuple(
    "uvicorn gunicorn hypercorn daphne granian _granian waitress werkzeug falcon aiohttp.server "
    "aiohttp.web_protocol django.request django.utils.log django.core.handlers wsgi".split()
)

# Of lines about each request, and about the faults of clients (Django's 400s are at ERROR).
_NEVER = tuple(
    "sentryinit uvicorn.access gunicorn.access hypercorn.access aiohttp.access aiohttp.web_log "
    "granian.access _granian.access daphne.access django.server django.channels.server "
    "django.core.servers django.security paste.translogger".split()
)

# The functions that log such lines, also to a logger that the application has named.
_ACCESS = {
    "aiohttp.web_log": "log",
    "gunicorn.glogging": "access",
    "granian.log": "log_request",
    "hypercorn.logging": "access",
    "paste.translogger": "write_log",
}

# The functions of frameworks that log by the logger of the application.
_FRAMEWORKS = {"flask.app": "log_exception", "quart.app": "log_exception"}

# Of event loops, and of the workers of queues and schedulers: about what nobody has handled.
_WORKERS = tuple(
    "apscheduler.executors asyncio celery.app.trace dramatiq.worker huey rq.worker".split()
)

# The function by which the event loop tells of an exception: module and name.
_LOOP = "asyncio.base_events", "call_exception_handler"

# What servers say of an application without its exception.
_OF_APPLICATION = re.compile(
    r"Traceback \(most recent call last\)|\AASGI (?:callable|application) "
)


@functools.lru_cache(maxsize=8)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of loggers that have one of *names*, or are below one."""
    return re.compile("|".join(map(translate, [*names, *(f"{name}.*" for name in names)])))


def is_ignored(record: logging.LogRecord, names: tuple[str, ...]) -> bool:
    """Return True if *record* is heard by nobody: it is of *names*, or a line of an access log."""
    return bool(_pattern(_NEVER + names).match(record.name)) or _is_logged_by(record, _ACCESS)


def is_of_framework(record: logging.LogRecord) -> bool:
    """Return True if a framework logs *record*, of what nobody handled, as the application."""
    return _is_logged_by(record, _FRAMEWORKS)


def _is_logged_by(record: logging.LogRecord, functions: dict[str, str]) -> bool:
    return record.funcName in functions.values() and any(
        getattr(sys.modules.get(module), "__file__", None) == record.pathname
        for module in functions
    )


def is_of_server(record: logging.LogRecord, more: tuple[str, ...] = ()) -> bool:
    """Return True if *record* is of a server or framework; *more*: loggers of adapters."""
    return _pattern(_SERVERS + more).match(record.name) is not None


def is_of_worker(record: logging.LogRecord) -> bool:
    """Return True if *record* is of an event loop, or of the worker of a queue or scheduler."""
    return _pattern(_WORKERS).match(record.name) is not None


def is_of_event_loop(record: logging.LogRecord) -> bool:
    """Return True if the event loop logs *record*: about work of any request, or of none.

    The garbage collector may have it do so in the middle of a request ("Task exception was never
    retrieved"). An exception handler of the application may log it by another logger.
    """
    frame = sys._getframe() if record.name != "asyncio" else None  # noqa: SLF001 # inspect reads source files
    while frame is not None and (frame.f_globals.get("__name__"), frame.f_code.co_name) != _LOOP:
        frame = frame.f_back
    return frame is not None or record.name == "asyncio"


def tells_of_failure(record: FrozenRecord) -> bool:
    """Return True if *record*, of a server, is about an application that has failed.

    Servers also log at ERROR what they do with their workers and sockets.
    """
    return exception_of(record) is not None or _OF_APPLICATION.search(record.text) is not None
