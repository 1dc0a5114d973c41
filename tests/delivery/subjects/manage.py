"""Django's own program: ``python -m subjects.manage COMMAND``."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "subjects.django_site"
    execute_from_command_line(["manage.py", *sys.argv[1:]])
