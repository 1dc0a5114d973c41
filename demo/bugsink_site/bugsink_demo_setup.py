"""Set up an empty Bugsink: create a user, a project for each name in argv, and an API token.

Runs in Bugsink's own venv. Writes the token and the DSN of each project as JSON to the file in
argv[1].
"""

# mypy: disable-error-code="import-not-found"
# Django and Bugsink are only in Bugsink's own venv.

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django
from django.core.management import call_command

django.setup()
call_command("migrate", verbosity=0)

# Models can be imported only after django.setup().
from bsmain.models import AuthToken  # noqa: E402 # after setup()
from projects.models import Project, ProjectMembership, ProjectRole  # noqa: E402 # after setup()
from teams.models import Team  # noqa: E402 # after setup()
from users.models import User  # noqa: E402 # after setup()

user = User.objects.create_superuser("demo", password=os.environ["DEMO_BACKEND_PASSWORD"])
team = Team.objects.create(name="demo")
projects = {name: Project.objects.create(name=name, team=team) for name in sys.argv[2:]}
for project in projects.values():
    ProjectMembership.objects.create(
        project=project, user=user, role=ProjectRole.ADMIN, accepted=True
    )
result = {
    "token": AuthToken.create_full_access().token,
    "projects": {name: {"id": made.id, "dsn": made.dsn} for name, made in projects.items()},
}
Path(sys.argv[1]).write_text(json.dumps(result), encoding="utf-8")
