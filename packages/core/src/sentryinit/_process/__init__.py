"""What the process does for us: how it ends, how it forks, and what escapes its threads."""

from __future__ import annotations

from sentryinit._process import ends, escapes, forks


def install_hooks() -> None:
    """Install the hooks of the process; each once, however often ``init`` runs."""
    ends.watch_ends()
    escapes.watch_escapes()
    forks.watch_forks()
