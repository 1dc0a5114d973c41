"""A script: it ends with its first failure, or goes on if each order is a job."""

from __future__ import annotations

import contextlib

import work

with work.sentryinit.init("shop"):
    for number, function in enumerate(work.ALL, 1):
        if work.WIRING == "init":
            function(number, **work.SECRETS)
        with contextlib.suppress(Exception), work.sentryinit.job(function.__name__):
            function(number, **work.SECRETS)
