"""A management command: ``manage.py count_stock`` fails, and ``--wait`` waits for a signal."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from subjects import work


class Command(BaseCommand):
    """Queue three events."""

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--wait", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["wait"]:
            work.queue()
            work.wait()
        work.fail()
