"""What a real server serves: ``SUBJECT`` and ``VARIANT`` in the environment say which."""

from __future__ import annotations

import os

import worker
from subjects import SUBJECTS

_subject = next(row for row in SUBJECTS if row.name == os.environ["SUBJECT"])
worker.switch_on(os.environ["VARIANT"], _subject.integration)
app = _subject.make(os.environ["VARIANT"])
