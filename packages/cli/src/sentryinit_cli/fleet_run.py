"""Run ``verify --fleet``: read the file, verify, show."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from sentryinit_cli import report
from sentryinit_cli.fleet import exit_code, verify_fleet
from sentryinit_cli.fleet_file import read_fleet
from sentryinit_cli.http import Http
from sentryinit_cli.output import Output
from sentryinit_cli.verify import Outcome


def run_fleet(  # noqa: PLR0913 # the options of the command
    path: Path,
    output: Output,
    *,
    jobs: int,
    junit: Path | None = None,
    timeout: float | None = None,
    ca_certs: str | None = None,
) -> int:
    """Verify the services of the file *path*; return the exit code."""
    targets = [
        replace(each, timeout=each.timeout or timeout) for each in read_fleet(path, os.environ)
    ]
    for each in targets:
        output.hide(each.token, each.debug_token, each.dsn.key)
    http, start = Http(ca_certs=ca_certs), time.monotonic()

    def tell(outcome: Outcome) -> None:
        if not output.is_terminal:
            report.show_in_pipe(output, outcome)

    with output.progress(f"{len(targets)} services") as show:
        outcomes = verify_fleet(targets, http, jobs=jobs, report=tell, progress=show)
    http.close()
    seconds, code = time.monotonic() - start, exit_code(outcomes)
    report.show_fleet(output, outcomes, seconds, code)
    if junit is not None:
        report.write_junit(junit, output, outcomes, seconds)
    return code
