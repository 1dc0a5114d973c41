"""Fingerprints: one issue for each place in the code, whatever the texts say (D4).

A place is made of what stays when lines are added above it, and in another folder or Python.
"""

from __future__ import annotations

import hashlib
import linecache
import re
import sys
from types import CodeType, TracebackType

from sentryinit._config.settings import Settings
from sentryinit._policy.exceptions import ends_of_chain, text_of, traceback_of
from sentryinit._policy.grouping import app_frame, without_numbers

_HEADER = re.compile(r"(?:async\s+)?(?:def|class)\s+(\w+)")
# Of the path of the file, in the name of its module.
_HASH = re.compile(r"[0-9a-f]{32,}")
# Since Python 3.12 these have no frame of their own (PEP 709).
_INLINED = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})


def fingerprint(settings: Settings, *parts: str) -> list[str] | None:
    """Return the fingerprint for *parts*, as a hash; None if the backend decides.

    GlitchTip joins what is in a fingerprint without a separator, and masking may change a text.
    """
    if not settings.groups_by_place:
        return None
    text = "\0".join(parts).encode("utf-8", "backslashreplace")
    return ["sentryinit", settings.service, hashlib.sha256(text).hexdigest()[:32]]


def exception_fingerprint(
    settings: Settings, exc: BaseException, stack: TracebackType | None, route: str | None
) -> list[str] | None:
    """Return the fingerprint for the kind of *exc*, with the traceback *stack*, and its causes.

    If no frame is surely the application's, the *route* counts as well; if there is none, the text.
    """
    if not settings.groups_by_place:
        return None
    kind, is_app = _kind(exc, stack)
    # Each kind once, in any order: retries, and the members of a group, vary in number.
    links, _omitted = ends_of_chain(exc)
    causes = {_kind(link, traceback_of(link))[0] for link in links[1:]}
    where = "" if is_app else route or ""
    if stack is None:
        where += without_numbers(text_of(exc))  # it was never raised
    return fingerprint(settings, "exception", kind, where, *sorted(causes))


def _kind(exc: BaseException, stack: TracebackType | None) -> tuple[str, bool]:
    """Return class and place of *exc* as one text; True if the place is the application's."""
    entry, is_app = app_frame(stack)
    place = () if entry is None else _place(entry)
    return "\n".join((_class_name(type(exc)), *place)), is_app


def _class_name(cls: type[BaseException]) -> str:
    # Without the module: TimeoutError and ExceptionGroup have another one on Python 3.10.
    name = cls.__qualname__
    defined = getattr(sys.modules.get(cls.__module__), "__dict__", {})
    # The name of a class that is made at run time may have the number of an order.
    return name if defined.get(name) is cls else without_numbers(name)


def _place(entry: TracebackType) -> tuple[str, ...]:
    """Return module and function of *entry*, the text of its line, and which of equal lines."""
    code, names = entry.tb_frame.f_code, entry.tb_frame.f_globals
    module = _HASH.sub("", str(names.get("__name__")))
    first, line = max(code.co_firstlineno, 1), entry.tb_lineno
    lines = linecache.getlines(code.co_filename, names)
    if not first <= (line or 0) <= len(lines):
        return module, code.co_name, str((line or 0) - first)
    texts = [text.strip() for text in lines[first - 1 : line]]
    return module, _qualname(code, lines[:first]), texts[-1], str(texts.count(texts[-1]))


def _qualname(code: CodeType, lines: list[str]) -> str:
    """Return the name of *code*, with those around it; *lines* end with its first one.

    ``co_qualname`` is of Python 3.11.
    """
    found = [] if code.co_name in _INLINED else [code.co_name]
    indent = _indent(lines[-1])
    for line in reversed(lines):
        text = line.strip()
        # What closes a bracket is as far to the left as what opened it.
        if text and text[0] not in ")]}#" and _indent(line) < indent:
            indent = _indent(line)
            header = _HEADER.match(text)
            found += [header[1]] if header else []
    return ".".join(reversed(found))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
