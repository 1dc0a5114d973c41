"""Prove that an event arrives: resolve, send, wait, compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sentryinit_cli.backends import Backend
from sentryinit_cli.verdicts import Verdict


@dataclass(frozen=True)
class Expected:
    """What the stored event has to say; an empty text is not compared."""

    service: str = ""
    environment: str = ""
    release: str = ""
    server_name: str = ""
    status_code: str = ""
    level: str = ""
    title: str = ""
    route: str = ""
    nonce: str = ""


@dataclass(frozen=True)
class Sent:
    """An event that was sent. *canaries*: secrets that were planted and must not be stored."""

    event_id: str
    at: datetime
    expected: Expected
    canaries: tuple[str, ...] = field(default=(), repr=False)


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


def verify(
    service: str,
    backend: Backend,
    send: Callable[[], Sent],
    *,
    timeout: float | None = None,
    progress: Callable[[str], object] = lambda _step: None,
) -> Outcome:
    """Return what came out; never raises ``Failure``. *progress* gets the name of each step."""
    raise NotImplementedError
