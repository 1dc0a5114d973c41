"""What the tests of adapters compare: a line for each event."""

from __future__ import annotations

import logging

import pytest

from sentryinit.testing import Mailbox


def summary(mailbox: Mailbox) -> list[tuple[object, ...]]:
    """Return type or text, handled, status and route of each event."""
    found = []
    for event in mailbox.events:
        values = event.get("exception", {}).get("values", [{}])
        what = values[-1].get("type") or event["logentry"]["formatted"]
        handled = values[-1].get("mechanism", {}).get("handled")
        found.append((what, handled, event["tags"].get("status_code"), event["tags"].get("route")))
    return found


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings of sentryinit."""
    records = [each for each in caplog.records if each.name == "sentryinit"]
    return [each.getMessage() for each in records if each.levelno == logging.WARNING]
