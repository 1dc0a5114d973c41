"""The command ``manage.py bill``."""

from __future__ import annotations

from typing import NoReturn

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Fails."""

    def handle(self, *args: object, **options: object) -> NoReturn:
        raise ValueError("order 17 has no address")
