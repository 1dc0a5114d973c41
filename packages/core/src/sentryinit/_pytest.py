"""The pytest fixture of :mod:`sentryinit.testing`, there for whoever has the core installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sentryinit.testing import Mailbox, capture


@pytest.fixture
def sentryinit_mailbox() -> Iterator[Mailbox]:
    """What the test's code reports; build the application in the test or after this fixture."""
    with capture() as mailbox:
        yield mailbox
