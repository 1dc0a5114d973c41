from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import standin

from sentryinit_cli.http import Http


def test_it_is_a_program_too() -> None:
    """Started as a program, it says address, DSN and token, and serves."""
    command = [sys.executable, str(Path(standin.__file__)), "--kind", "bugsink", "--prefix", "/e"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = dict(process.stdout.readline().split() for _ in range(3))
    client = Http()
    answer = client.get(f"{said['url']}/api/0/")
    client.close()
    process.terminate()
    process.communicate()
    assert (answer.status, said["token"]) == (401, standin.TOKENS["bugsink"])
    assert said["dsn"].startswith(f"http://{standin.KEY}@")
