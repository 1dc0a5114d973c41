"""The application for a real server; ``SUBJECT`` and ``VARIANT`` in the environment choose it."""

from __future__ import annotations

import os

import worker
from subjects import SUBJECTS

_subject = next(row for row in SUBJECTS if row.name == os.environ["SUBJECT"])
worker.switch_on(os.environ["VARIANT"], _subject.integration)
app = _subject.make(os.environ["VARIANT"])
