"""Reading an event back by its id: which backend it is, and how each one answers."""

from __future__ import annotations

from sentryinit_cli.backends.base import Backend, Place, Stored

__all__ = ["NAMES", "Backend", "Place", "Stored", "connect"]

NAMES = "glitchtip", "bugsink", "sentry"


def connect(place: Place, name: str | None = None) -> Backend:
    """Return the backend of *place*: *name*, or the one that its answers show.

    Raises ``Failure`` (BACKEND) if no backend is recognised, or nothing answers.
    """
    raise NotImplementedError
