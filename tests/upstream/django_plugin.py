"""A test runner: it writes a report like pytest's; every application has the middleware, first."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from typing import Any

from django.conf import settings
from django.core.handlers import base
from django.test.runner import DiscoverRunner, iter_test_cases

OURS = "sentryinit_django.middleware.SentryInitMiddleware"


class _Settings:
    """The settings as the handlers see them; tests override MIDDLEWARE in many places."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(settings, name)
        return [OURS, *value] if name == "MIDDLEWARE" else value


class Runner(DiscoverRunner):
    """Django's runner, with a report."""

    def setup_test_environment(self, **options: Any) -> None:
        super().setup_test_environment(**options)
        if "UPSTREAM_RECORD" in os.environ:
            import reporting  # it switches reporting on

            self.record = reporting.pytest_sessionfinish
            base.settings = _Settings()

    def run_suite(self, suite: Any, **options: Any) -> Any:
        # A suite drops its tests while it runs.
        outcomes = {test.id(): "passed" for test in iter_test_cases(suite)}
        result = super().run_suite(suite, **options)
        outcomes |= dict.fromkeys(_ids(result.skipped), "skipped")
        outcomes |= dict.fromkeys(_ids(result.failures), "failure")
        outcomes |= dict.fromkeys(_ids(result.errors), "error")
        _write(os.environ["UPSTREAM_REPORT"], outcomes)
        if "UPSTREAM_RECORD" in os.environ:
            self.record()
        return result


def _ids(found: list[tuple[Any, str]]) -> list[str]:
    """Return the ids of tests; a subtest counts as its test."""
    return [getattr(test, "test_case", test).id() for test, _ in found]


def _write(path: str, outcomes: dict[str, str]) -> None:
    suite = ET.Element("testsuite")
    for test, outcome in outcomes.items():
        place, _, name = test.rpartition(".")
        case = ET.SubElement(suite, "testcase", classname=place, name=name)
        if outcome != "passed":
            ET.SubElement(case, outcome)
    ET.ElementTree(suite).write(path)
