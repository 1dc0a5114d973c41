"""How pytest runs the suites: on a worker of pytest-xdist, and when a test runs out of time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ADAPTER = """
import logging
from wsgi import WsgiDriver
from sentryinit_testkit import AdapterContract

class LoggingDriver(WsgiDriver):
    def app(self, spec):
        wrapped = super().app(spec)

        def app(environ, start_response):
            try:
                return wrapped(environ, start_response)
            except Exception:
                logging.getLogger("gunicorn.error").exception("as servers do")
                raise

        return app

class TestThirdParty(AdapterContract):
    drivers = [LoggingDriver()]
"""
HANGS = """
import asyncio, time

def test_passes():
    pass

def test_hangs():
    async def main():
        asyncio.get_running_loop().call_soon(time.sleep, 60)
        await asyncio.Event().wait()

    asyncio.run(main())
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in *folder*."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize("workers", ["0", "1"])
def test_adapter_elsewhere_passes_with_xdist(tmp_path: Path, workers: str) -> None:
    """The cases of G5 log what is not UTF-8, and pass without any help from a conftest.py."""
    shutil.copy(TESTS / "conformance" / "drivers" / "wsgi.py", tmp_path)
    (tmp_path / "test_third_party.py").write_text(ADAPTER)
    done = run(tmp_path, "-k", "test_g5", "-n", workers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("workers", ["0", "1"])
def test_test_that_hangs_ends_with_its_name(
    tmp_path: Path, workers: str, request: pytest.FixtureRequest
) -> None:
    """A test that hangs in a callback of an event loop ends, fails the run, and is named."""
    shutil.copy(TESTS / "conftest.py", tmp_path)
    (tmp_path / "test_hanging.py").write_text(HANGS)
    done = run(tmp_path, f"-c{request.config.inipath}", "--timeout=3", "-n", workers)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_hanging.py::test_hangs" in done.stdout + done.stderr
