"""``manage.py sentryinit ...``: the command of the wheel sentryinit-cli, in this project."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Passes all arguments on."""

    help: str = "Explain how this service reports its errors, and prove that they arrive."
    # A check that fails is what the command is to explain.
    requires_system_checks: tuple[str, ...] = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the command; it has options of its own."""
        try:
            self.handle(*argv[2:])
        except CommandError as error:
            self.stderr.write(str(error))
            raise SystemExit(error.returncode) from None

    def handle(self, *arguments: str, **_options: Any) -> None:
        """Run the command with *arguments*."""
        try:
            from sentryinit_cli import cli  # a wheel of its own
        except ImportError:
            raise CommandError("not installed: pip install sentryinit-cli") from None
        cli.main([*arguments], prog_name="manage.py sentryinit", obj=self)
