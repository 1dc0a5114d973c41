"""What counts as a failure, what is an abort, and what is to be ignored.

Pure: exceptions, statuses and paths in, a verdict out. Knows nothing of ``sentry_sdk``.
"""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import fnmatch
import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

StatusOf = Callable[[BaseException], "int | None"]

CANCELLATIONS = (asyncio.CancelledError,)
ABORTS = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)
# What may be one, by itself or by what else is known.
_SUSPECTS = (*ABORTS, OSError, RuntimeError, SystemExit)
# asyncio.timeout() and wait_for() raise these *from* the CancelledError that they cause themselves.
TIMEOUTS = (TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError)
# Verdicts are remembered for so many classes.
MOST_CLASSES = 1000
# Work given up by whoever ordered it, and servers going down.
DEFAULT_IGNORED = (
    "concurrent.futures.CancelledError",
    "trio.Cancelled",
    "greenlet.GreenletExit",
)


def members(exc: BaseException) -> tuple[BaseException, ...]:
    """Return the members of a group; none for any other exception.

    By its shape: before Python 3.11 the class comes from a backport, which we do not import.
    """
    try:
        found = getattr(exc, "exceptions", ())
    except Exception:  # noqa: BLE001 # the attribute is somebody else's code
        return ()
    if not found:
        return ()
    good = isinstance(found, tuple) and all(isinstance(link, BaseException) for link in found)
    return found if good else ()


def parents(exc: BaseException) -> list[BaseException]:
    """Return what *exc* came from: members of a group, else its cause, else its context."""
    if members(exc):
        return list(members(exc))
    if exc.__cause__ is not None:
        return [exc.__cause__]
    if exc.__context__ is not None and not exc.__suppress_context__:
        return [exc.__context__]
    return []


def tree(exc: BaseException) -> Iterable[BaseException]:
    """Return *exc* and all that it came from, each once."""
    if exc.__cause__ is None and exc.__context__ is None and not members(exc):
        return (exc,)
    return _tree(exc)


def _tree(exc: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [exc]
    while waiting:
        exc = waiting.pop()
        if id(exc) not in seen:
            seen.add(id(exc))
            yield exc
            waiting += parents(exc)
            # A group can have a cause of its own beside its members.
            if exc.__cause__ is not None:
                waiting.append(exc.__cause__)


def meets(exc: BaseException, others: Iterable[BaseException]) -> bool:
    """Tell whether *exc*, or what it came from, is among *others*.

    By identity: two exceptions may well be equal, and their ``__eq__`` is somebody else's code.
    """
    known = {id(other) for other in others}
    return any(id(link) in known for link in tree(exc))


def real_error(exc: BaseException | None, status_of: StatusOf) -> BaseException | None:
    """Return *exc*, or if that is a response, the error that it came from."""
    for _ in range(100):  # a chain can be a ring
        if exc is None or status_of(exc) is None:
            return exc
        exc = next(iter(parents(exc)), None)
    return None


def exit_code(exc: BaseException) -> int | None:
    """Return the exit code that *exc* asks for, or None if it is no ``SystemExit``."""
    if not isinstance(exc, SystemExit):
        return None
    if exc.code is None or isinstance(exc.code, int):
        return exc.code or 0
    return 1


def _code(server: object) -> object:
    while isinstance(server, functools.partial):
        server = server.func
    return getattr(getattr(server, "__func__", server), "__code__", None)


def raised_by(exc: BaseException, server: Sequence[object]) -> bool:
    """Tell whether *exc* came out of one of the *server*'s own callables or streams.

    The class alone does not tell a client that went away from a database that did: the frames
    of the traceback do. A callable is known by its code, a stream by being some frame's ``self``.
    """
    codes = {code for code in map(_code, server) if code is not None}
    streams = [
        stream
        for thing in server
        if not callable(thing)
        for stream in (thing, getattr(thing, "raw", None))
        if stream is not None
    ]
    # uWSGI's stream is C and leaves no frame.
    if isinstance(exc, OSError) and streams and "on wsgi.input" in text(exc):
        return True
    trace = exc.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code in codes:
            return True
        owner = frame.f_locals.get("self") if streams else None
        if owner is not None and any(owner is stream for stream in streams):
            return True
        trace = trace.tb_next
    return False


@dataclass(frozen=True)
class Request:
    """What the policy knows of the request that an exception ended.

    *aborts*: the framework's classes for a client that went away. *server*: the server's callables
    and streams. *gone*: the client is known to have left.
    """

    aborts: tuple[type[BaseException], ...] = ()
    server: Sequence[object] = ()
    gone: bool = False


NO_REQUEST = Request()


def _is_uwsgis(exc: BaseException, request: Request) -> bool:
    """Tell whether *exc* is uWSGI's word for a client that went away, made in C.

    uWSGI hands what leaves the application to ``sys.excepthook``, and so does it with its own error
    when nobody takes the answer: by then, no request is known.
    """
    if type(exc) is not OSError:
        return False
    if exc.__traceback__ is None:
        return text(exc) == "write error"
    return not request.server and text(exc).endswith("on wsgi.input")


def _is_abort_itself(exc: BaseException, request: Request) -> bool:
    if isinstance(exc, (*ABORTS, *request.aborts)) or exit_code(exc) == 0:
        return True
    if isinstance(exc, OSError) and request.server and raised_by(exc, request.server):
        return True
    if _is_uwsgis(exc, request):
        return True
    # A connection that breaks while the client's is closing: the client's, for all one can know.
    if request.gone and isinstance(exc, ConnectionError):
        return True
    # BaseHTTPMiddleware's complaint about an application that a disconnect stopped.
    return request.gone and isinstance(exc, RuntimeError) and text(exc) == "No response returned."


def is_plain(exc: BaseException, aborts: tuple[type[BaseException], ...]) -> bool:
    """Tell at a glance that *exc* is no abort, whatever the request; most failures are so."""
    return not (
        exc.__cause__ is not None
        or exc.__context__ is not None
        or isinstance(exc, (_SUSPECTS, aborts))
        or members(exc)
    )


def is_abort(exc: BaseException, request: Request = NO_REQUEST) -> bool:
    """Tell whether *exc* is the client's, the server's or a caller's giving up, not a failure.

    A group is one if all its members are. An error is one if it exists only because of one. A
    cancellation that an error merely happened during says nothing: timeouts and task groups cancel
    too; it counts once the client is known to be gone.
    """
    return _is_abort(exc, request, frozenset())


def _is_abort(exc: BaseException, request: Request, seen: frozenset[int]) -> bool:
    if id(exc) in seen:  # a chain can be a ring, through a group as well
        return False
    seen |= {id(exc)}
    if members(exc):
        return all(_is_abort(member, request, seen) for member in members(exc))
    if _is_abort_itself(exc, request):
        return True
    came_from = next(iter(parents(exc)), None)
    if came_from is None or isinstance(exc, TIMEOUTS):
        return False
    implied = exc.__cause__ is None and isinstance(came_from, CANCELLATIONS)
    return (request.gone or not implied) and _is_abort(came_from, request, seen)


def _named(name: str) -> type | None:
    """Return the class that *name* stands for, if its module has been imported by somebody."""
    module, _, attribute = name.rpartition(".")
    found = getattr(sys.modules.get(module, builtins if not module else None), attribute, None)
    return found if isinstance(found, type) else None


def matches(exc: BaseException, rule: type[BaseException] | str) -> bool:
    """Tell whether *exc* is of the class *rule*, or of the class of that dotted name."""
    if isinstance(rule, type):
        return isinstance(exc, rule)
    public = _named(rule)
    return any(
        base is public or f"{base.__module__}.{base.__qualname__}" == rule
        for base in type(exc).__mro__
    )


@dataclass(frozen=True)
class Policy:
    """The ignore lists."""

    errors: Sequence[type[BaseException] | str] = ()
    messages: Sequence[re.Pattern[str]] = ()
    statuses: Sequence[range] = ()
    paths: Sequence[str] = ()
    _verdicts: dict[type, tuple[bool, int]] = field(default_factory=dict)

    def ignores(self, exc: BaseException) -> bool:
        """Tell whether *exc*, one of its explicit causes, or all of a group are on a list."""
        return self._ignores(exc, frozenset())

    def _ignores(self, exc: BaseException, seen: frozenset[int]) -> bool:
        if id(exc) in seen:  # a chain can be a ring, through a group as well
            return False
        seen |= {id(exc)}
        parts = members(exc)
        return (
            self._lists(exc)
            or (bool(parts) and all(self._ignores(part, seen) for part in parts))
            or (exc.__cause__ is not None and self._ignores(exc.__cause__, seen))
        )

    def _lists(self, exc: BaseException) -> bool:
        # A name may come to mean a class with each module that is imported.
        known, modules = self._verdicts.get(type(exc), (False, 0))
        if modules != len(sys.modules):
            known = any(matches(exc, rule) for rule in (*DEFAULT_IGNORED, *self.errors))
            if len(self._verdicts) < MOST_CLASSES:
                self._verdicts[type(exc)] = known, len(sys.modules)
        if known:
            return True
        return bool(self.messages) and self.ignores_message(f"{type(exc).__name__}: {text(exc)}")

    def ignores_message(self, text: str) -> bool:
        """Tell whether a pattern is found in *text*."""
        return any(pattern.search(text) for pattern in self.messages)

    def ignores_status(self, status: int) -> bool:
        """Tell whether answers with *status* are not to be reported."""
        return bool(self.statuses) and any(status in span for span in self.statuses)

    def ignores_path(self, path: str) -> bool:
        """Tell whether nothing of *path* is to be reported."""
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self.paths)


def text(exc: BaseException) -> str:
    """Return what *exc* says, or nothing if it cannot even do that."""
    try:
        return str(exc)
    except Exception:  # noqa: BLE001 # the exception is somebody else's code
        return ""
