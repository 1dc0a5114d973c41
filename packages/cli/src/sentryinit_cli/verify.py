"""Prove that an event arrives: resolve, send, wait, compare."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentryinit_cli.backends import Backend, Stored
from sentryinit_cli.canaries import Canary
from sentryinit_cli.compare import Difference, Expected, differences
from sentryinit_cli.verdicts import Failure, Verdict

__all__ = ["Expected", "Outcome", "Sent", "verify"]


@dataclass(frozen=True)
class Sent:
    """An event that was sent. *canaries*: secrets that were planted and must not be stored."""

    event_id: str
    at: datetime
    expected: Expected
    canaries: tuple[Canary, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came out for one service; *milliseconds* from sending until it was found."""

    service: str
    verdict: Verdict
    text: str = ""
    remedy: str = ""
    backend: str = ""
    event_id: str = ""
    page: str = ""
    environment: str = ""
    release: str = ""
    milliseconds: int | None = None
    differences: tuple[str, ...] = ()
    is_sent: bool = False

    @property
    def is_good(self) -> bool:
        """True if the event is stored as it was sent."""
        return self.verdict is Verdict.FOUND

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` shows."""
        return {
            "service": self.service,
            "ok": self.is_good,
            "verdict": self.verdict.word,
            "exit_code": self.verdict.exit_code,
            "text": self.text,
            "remedy": self.remedy,
            "backend": self.backend,
            "sent": self.is_sent,
            "event_id": self.event_id,
            "milliseconds": self.milliseconds,
            "page": self.page,
            "environment": self.environment,
            "release": self.release,
            "differences": list(self.differences),
        }


def verify(
    service: str,
    backend: Backend,
    send: Callable[[], Sent],
    *,
    timeout: float | None = None,
    progress: Callable[[str], object] = lambda _step: None,
) -> Outcome:
    """Return what came out; never raises ``Failure``. *progress* gets the name of each step."""
    sent: Sent | None = None
    try:
        progress("looking up the project")
        backend.resolve()
        progress("sending an event")
        sent, start = send(), time.monotonic()
        progress("waiting for the event")
        stored = _wait(backend, sent, start, timeout or backend.timeout)
        milliseconds = round((time.monotonic() - start) * 1000)
    except Failure as failure:
        return _failed(service, backend.name, failure, sent)
    return _found(service, backend.name, sent, stored, milliseconds)


def _wait(backend: Backend, sent: Sent, start: float, timeout: float) -> Stored:
    """Return the event when it is there; raise ``Failure`` after *timeout*."""
    end, pause = start + timeout, min(backend.first_look, timeout)
    while True:
        time.sleep(max(0.0, pause))
        trouble: Failure | None = None
        try:
            stored = backend.find(sent.event_id, sent.at)
        except Failure as failure:
            # A proxy that answers 502 once is no reason to give up.
            if failure.verdict is not Verdict.BACKEND:
                raise
            stored, trouble = None, failure
        if stored is not None:
            return stored
        left = end - time.monotonic()
        if left <= 0:
            raise trouble or _missing(backend, timeout)
        pause = min(backend.interval, left)


def _missing(backend: Backend, timeout: float) -> Failure:
    text = f"the event was sent, and is not stored after {timeout:g} s"
    return Failure(Verdict.NOT_STORED, text, backend.why_missing())


def _failed(service: str, backend: str, failure: Failure, sent: Sent | None) -> Outcome:
    return Outcome(
        service,
        failure.verdict,
        failure.text,
        failure.remedy,
        backend,
        event_id=sent.event_id if sent else "",
        is_sent=sent is not None,
    )


def _found(service: str, backend: str, sent: Sent, stored: Stored, milliseconds: int) -> Outcome:
    found: list[Difference] = differences(stored, sent.expected, sent.canaries)
    remedies = dict.fromkeys(each.remedy for each in found)
    return Outcome(
        service,
        Verdict.ALTERED if found else Verdict.FOUND,
        "; ".join(each.text for each in found) or f"found after {milliseconds} ms",
        "; ".join(remedies),
        backend,
        event_id=sent.event_id,
        page=stored.page,
        environment=stored.environment or "",
        release=stored.release or "",
        milliseconds=milliseconds,
        differences=tuple(each.text for each in found),
        is_sent=True,
    )
