"""The services of the pages, as real servers."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from runbook.proxy import free_port


class Service:
    """A service on a port of its own, started again for each other environment."""

    def __init__(self, name: str, folder: Path, target: str) -> None:
        self.name, self.port = name, free_port()
        self._folder, self._target = folder, target
        self._environ: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def deploy(self, environ: Mapping[str, str]) -> None:
        """Start it with *environ*, unless it runs with the same."""
        if self._process is not None and self._environ == environ:
            return
        self.stop()
        self._environ = dict(environ)
        command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{self.port}"]
        command += ["--no-control-socket", "--threads", "2", self._target]
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        while not self._is_up():
            assert self._process.poll() is None, self._process.communicate()[0]
            time.sleep(0.05)

    def _is_up(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/nothing-is-here")
            return connection.getresponse().status == 404
        return False

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill() if self._process.poll() is not None else self._process.terminate()
            self._process.communicate()
            self._process = None
