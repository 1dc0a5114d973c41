"""The name of work outside of requests: that of a program, a thread or a task (D3)."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from typing import Any

from sentryinit._policy.exceptions import iter_traceback, traceback_of
from sentryinit._state import STATE

# The modules that call a callback, a job of an executor, or a bound function.
_CALLERS = frozenset(("asyncio.events", "concurrent.futures.thread", "sentryinit._sdk.bound"))
# Of a thread or a worker, as in "Thread-3 (work)".
_NUMBER = re.compile(r"[\W_]*\d+")


def program_name() -> str:
    """Return the name of the program, as it was started; never an argument, which may be personal.

    For a framework's own program, with the command that the adapter knows.
    """
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    module = getattr(spec, "name", "__main__").removesuffix(".__main__")
    name = f"python -m {module}"
    if module == "__main__":  # a file, a folder or an archive
        path = sys.argv[0] if sys.argv and sys.argv[0] != "-c" else ""
        name = os.path.basename(path.rstrip(os.sep)) or "python"  # noqa: PTH119 # pathlib takes longer to import
    return f"{name} {STATE.command}" if STATE.command else name


def task_name() -> str:
    """Return the name of the current task or thread; in the main thread, of the program."""
    # Not imported: without it, there is no task.
    asyncio: Any = sys.modules.get("asyncio")
    with contextlib.suppress(AttributeError, RuntimeError):  # no task, or no event loop
        return str(asyncio.current_task().get_coro().__qualname__)
    thread = threading.current_thread()
    if thread is threading.main_thread():
        return program_name()
    return _NUMBER.sub("", thread.name) or "thread"


def lost_task_name(exc: BaseException | None) -> str:
    """Return the name of the work that ended with *exc*, which the event loop logs later.

    Without a traceback, that of the program: the current task is any other.
    """
    stack = None if exc is None else traceback_of(exc)
    frames = (entry.tb_frame for entry in iter_traceback(stack))
    code = next((e.f_code for e in frames if e.f_globals.get("__name__") not in _CALLERS), None)
    return program_name() if code is None else getattr(code, "co_qualname", code.co_name)
