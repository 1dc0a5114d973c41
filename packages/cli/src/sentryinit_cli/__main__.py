"""``python -m sentryinit_cli``: the same as ``sentryinit``."""

from __future__ import annotations

from sentryinit_cli.main import run

run()
