"""Compare the matrix with the registry: the program of ``nox -s newer``.

It asks pip which releases there are. The newest minor release of a package is that of the row
``latest``, and the oldest that of ``lowest``: only those between them are listed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from packaging.version import Version

# The folder of matrix.py; last, so that it hides no installed module.
sys.path.append(str(Path(__file__).resolve().parents[2]))

import matrix  # found by means of the line above


def released(package: str) -> list[Version]:
    """Return the final releases of *package* in the registry."""
    pip = [sys.executable, "-m", "pip", "index", "versions", package]
    listed = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in listed.splitlines() if line.startswith("Available versions:")]
    return [Version(text) for text in line.partition(":")[2].split(",")]


def missing(listed: Iterable[str], versions: Iterable[Version]) -> list[str]:
    """Return the minor releases after the first of *listed* that are neither listed nor newest."""
    known = {Version(minor).release for minor in listed}
    between = sorted({version.release[:2] for version in versions})[:-1]
    new = [minor for minor in between if minor > min(known) and minor not in known]
    return [".".join(map(str, minor)) for minor in new]


def main() -> int:
    """Print for each package what is missing; return 1 if anything is."""
    code = 0
    for series in matrix.BETWEEN:
        versions = released(series.package)
        found = missing(series.all_minors, versions)
        news = f"matrix.py lacks {', '.join(found)}" if found else "no minor release is missing"
        print(f"{series.package}: {news}; the newest release is {max(versions)}")
        code = 1 if found else code
    return code


if __name__ == "__main__":
    sys.exit(main())
