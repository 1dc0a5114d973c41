"""A command whose second order cannot be billed."""

from __future__ import annotations

from typing import Any

import work
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Bill the orders; go on after a failure if each is a job."""

    def handle(self, *args: Any, **options: Any) -> None:
        if work.WIRING == "init":
            work.fail(1, **work.SECRETS)
        for number, function in enumerate(work.ALL, 1):
            try:
                with work.sentryinit.job(function.__name__):
                    function(number, **work.SECRETS)
            except Exception as error:  # noqa: PERF203 # each order is a job
                self.stderr.write(f"{type(error).__name__}: the next one")
