"""The command ``sentryinit``: whether a service is wired, and whether its events arrive."""

from __future__ import annotations

__all__ = ["cli"]

from sentryinit_cli.main import cli
