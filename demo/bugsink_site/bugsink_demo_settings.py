"""Settings of the demo's Bugsink (a Django settings module, read in Bugsink's own venv)."""

from __future__ import annotations

import os

from bugsink.settings import default  # type: ignore[import-not-found]  # only in Bugsink's own venv

globals().update({name: value for name, value in vars(default).items() if name.isupper()})

_FOLDER = os.environ["DEMO_BACKEND_FOLDER"]
_ENDLESS = 10**9

SECRET_KEY = os.environ["DEMO_BACKEND_SECRET"]
TIME_ZONE = "UTC"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DATABASES = {
    name: {**database, "NAME": f"{_FOLDER}/{name}.sqlite3"}
    for name, database in default.DATABASES.items()
}

# An event is stored before the response to its POST: there is no worker process.
SNAPPEA = {"TASK_ALWAYS_EAGER": True}

BUGSINK = {
    "BASE_URL": os.environ["DEMO_BACKEND_URL"],
    "SITE_TITLE": "sentryinit demo",
    "SINGLE_USER": True,
    "INGEST_STORE_BASE_DIR": f"{_FOLDER}/ingestion",
    # By default every installation reports to bugsink.com.
    "PHONEHOME": False,
    # Drop an event that does not match Sentry's JSON schema: the table then misses it.
    "VALIDATE_ON_DIGEST": "strict",
    # By default the response is 429 after some thousand events; with `--keep` a user may send more.
    "MAX_EVENTS_PER_PROJECT_PER_5_MINUTES": _ENDLESS,
    "MAX_EVENTS_PER_PROJECT_PER_HOUR": _ENDLESS,
    "MAX_EVENTS_PER_PROJECT_PER_MONTH": _ENDLESS,
    "MAX_EVENTS_PER_5_MINUTES": _ENDLESS,
    "MAX_EVENTS_PER_HOUR": _ENDLESS,
    "MAX_EVENTS_PER_MONTH": _ENDLESS,
}
