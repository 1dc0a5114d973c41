"""The app: ``INSTALLED_APPS = [..., "sentryinit_django"]``."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.apps import AppConfig
from django.core.checks import register

from sentryinit_django import checks
from sentryinit_django.middleware import configure


def _command() -> str:
    """Return the management command that the process runs; its name is no personal argument."""
    program, command = map(os.path.basename, [*sys.argv, "", ""][:2])
    management: Any = sys.modules.get("django.core.management")
    is_djangos = program in {"manage.py", "django-admin", "__main__.py"} and management is not None
    return command if is_djangos and command in management.get_commands() else ""


class SentryInitConfig(AppConfig):
    """Reports failing management commands, and adds the system checks."""

    name: str = "sentryinit_django"
    verbose_name: str = "sentryinit"

    def ready(self) -> None:
        """Call ``init`` if needed, and register the checks."""
        # `doctor` sends nothing: it loads the application in a process of its own.
        if not (_command() == "sentryinit" and "doctor" in sys.argv[2:3]):
            configure(_command())
        register(checks.check, "sentryinit")
        register(checks.check_deployed, "sentryinit", deploy=True)
