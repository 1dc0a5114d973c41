"""The app: ``INSTALLED_APPS = [..., "sentryinit_django"]``."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from sentryinit_django import checks
from sentryinit_django.middleware import configure


class SentryInitConfig(AppConfig):
    """Reports failing management commands, and adds the system checks."""

    name: str = "sentryinit_django"
    verbose_name: str = "sentryinit"

    def ready(self) -> None:
        """Call ``init`` if needed, and register the checks."""
        configure()
        register(checks.check, "sentryinit")
        register(checks.check_deployed, "sentryinit", deploy=True)
