"""The pytest plugin of the core: the fixture ``sentryinit_mailbox``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sentryinit.testing import Mailbox, capture


@pytest.fixture
def sentryinit_mailbox() -> Iterator[Mailbox]:
    """Capture what the test's code reports; build the application after this fixture."""
    with capture() as mailbox:
        yield mailbox
