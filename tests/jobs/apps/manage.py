"""A Django project of one file, with the commands in ``shop_commands``."""

from __future__ import annotations

import sys

import django
from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(INSTALLED_APPS=["sentryinit_django", "shop_commands"], SECRET_KEY="invented")

if __name__ == "__main__":
    django.setup()
    execute_from_command_line(sys.argv)
