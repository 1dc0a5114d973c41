"""Django's own settings for its tests, with the runner of django_plugin.py."""

from __future__ import annotations

from test_sqlite import *  # noqa: F403 # Django's, beside its runtests.py

TEST_RUNNER = "django_plugin.Runner"
