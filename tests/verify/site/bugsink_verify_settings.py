"""Settings of the Bugsink of these tests: those of the demo, with a small quota."""

from __future__ import annotations

import os

import bugsink_demo_settings

globals().update(
    {name: value for name, value in vars(bugsink_demo_settings).items() if name.isupper()}
)

BUGSINK = {
    **bugsink_demo_settings.BUGSINK,
    "MAX_EVENTS_PER_PROJECT_PER_5_MINUTES": int(os.environ["VERIFY_QUOTA"]),
}
# With a worker process, which is down: it was never started.
SNAPPEA = {
    "TASK_ALWAYS_EAGER": "VERIFY_WORKER_DOWN" not in os.environ,
    "WAKEUP_CALLS_DIR": f"{os.environ['DEMO_BACKEND_FOLDER']}/wakeup",
}
