"""The app: ``INSTALLED_APPS = [..., "sentryinit_django"]``."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from sentryinit_django import checks
from sentryinit_django.middleware import configure


class SentryInitConfig(AppConfig):
    """Has failing management commands reported, and ``manage.py check`` look at the set-up."""

    name: str = "sentryinit_django"
    verbose_name: str = "sentryinit"

    def ready(self) -> None:
        """Run ``init`` if nobody has, and register the checks."""
        configure()
        register(checks.check, "sentryinit")
        register(checks.check_deployed, "sentryinit", deploy=True)
