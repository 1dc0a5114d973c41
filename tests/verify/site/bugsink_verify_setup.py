"""Set up the Bugsink of these tests: as the demo, with tokens of single capabilities.

``bugsink_verify_setup.py MADE.json PROJECT ...``: the project ``drops`` keeps no event.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bugsink_demo_setup as demo
from bsmain.models import AuthToken
from django.core.management import call_command

READING = ("issues_read", "events_read", "projects_read")


def token(*capabilities: str) -> str:
    """Make an API token that has *capabilities* only."""
    made = AuthToken.objects.create(**dict.fromkeys(capabilities, True))
    return str(made.token)


# The queue of the worker is a database of its own.
call_command("migrate", database="snappea", verbosity=0)
drops = demo.projects["drops"]
drops.retention_max_event_count = 0
drops.save()
bound = AuthToken.objects.create(
    is_project_bound=True, project=drops, issues_read=True, events_read=True
)
tokens = {
    # What the pages of the project say that the command needs.
    "least": token("issues_read", "events_read"),
    "without projects:read": token("issues_read", "events_read"),
    "without issues:read": token("events_read", "projects_read"),
    "without events:read": token("issues_read", "projects_read"),
    "nothing": token(),
    "bound to drops": bound.token,
}
path = Path(sys.argv[1])
result = json.loads(path.read_text(encoding="utf-8")) | {"tokens": tokens}
path.write_text(json.dumps(result), encoding="utf-8")
