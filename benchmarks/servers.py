"""Measure throughput: the CPU time of a request in the process of a real server.

The wall time is not useful if server and client share a machine; the CPU time of the server is.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from subjects import BODY, PATH, SUBJECTS, VARIANTS

HERE = Path(__file__).resolve().parent
REQUESTS, WARM = 10_000, 1000
SERVERS = {
    "gunicorn gthread": ("WSGI", "Flask"),
    "uvicorn": ("ASGI", "Starlette"),
}


def command(server: str, port: int) -> list[str]:
    """Return the command that starts *server*; the environment names the application."""
    if server == "uvicorn":
        quiet = ["--no-access-log", "--log-level", "error", "--lifespan", "off"]
        return [sys.executable, "-m", "uvicorn", "served:app", "--port", str(port), *quiet]
    one = ["--worker-class", "gthread", "--threads", "2", "--workers", "1", "--keep-alive", "60"]
    bound = ["--bind", f"127.0.0.1:{port}", "--log-level", "error"]
    return [sys.executable, "-m", "gunicorn", "served:app", *one, *bound]


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield the cases: kind, subject and server, variant."""
    here = {subject.name for subject in SUBJECTS if subject.is_here()}
    for server, names in SERVERS.items():
        for name in names:
            if name in here:
                yield from (("served", f"{name}, {server}", variant) for variant in VARIANTS)


def measure(case: tuple[str, str, str], environ: dict[str, str]) -> dict[str, float]:
    """Return the CPU microseconds of a request, for the variant."""
    name, _, server = case[1].partition(", ")
    return {case[2]: _serve(server, {**environ, "SUBJECT": name, "VARIANT": case[2]})}


def _serve(server: str, environ: dict[str, str]) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(command(server, port), env=environ, cwd=HERE)
    try:
        connection = _connect(port)
        _ask(connection, WARM)
        before = _cpu(started.pid)
        _ask(connection, REQUESTS)
        return (_cpu(started.pid) - before) / REQUESTS * 1e6
    finally:
        started.terminate()
        started.wait(30)


def _connect(port: int) -> http.client.HTTPConnection:
    until = time.monotonic() + 60
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            _ask(connection, 1)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return connection


def _ask(connection: http.client.HTTPConnection, number: int) -> None:
    for _ in range(number):
        connection.request("GET", PATH)
        assert connection.getresponse().read() == BODY


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process and its running children, to 0.01 s."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # the process has ended
        if pid in {int(entry.parent.name), int(fields[1])}:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")
