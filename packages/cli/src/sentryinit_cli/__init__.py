"""The command ``sentryinit``: is a service wired, and do its events arrive?"""

from __future__ import annotations

__all__ = ["cli"]

from sentryinit_cli.main import cli
