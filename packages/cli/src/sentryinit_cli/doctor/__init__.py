"""``sentryinit doctor``: explain the wiring of a service, without sending an event."""

from __future__ import annotations
