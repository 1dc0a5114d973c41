"""A project of Django with the app ``billing``, which has one command."""

from __future__ import annotations

import sys

from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(INSTALLED_APPS=["sentryinit_django", "billing"], USE_TZ=True)

if __name__ == "__main__":
    execute_from_command_line(["manage.py", sys.argv[-1]])
