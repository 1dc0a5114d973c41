"""Compare the files on an index with the lines of ``SHA256SUMS``, from standard input.

published.py [URL]    URL is that of an index; without it, PyPI's

An index may show a file some minutes after the upload: what is missing is asked for again.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator

PYPI = "https://pypi.org"
# Where an index has its packages.
SIMPLE = "simple"
JSON = "application/vnd.pypi.simple.v1+json"
TRIES, PAUSE = 20, 30


def hashes(project: str, index: str) -> dict[str, str]:
    """Return the SHA-256 of each file that the index has of *project*, by name."""
    url = f"{index}/{SIMPLE}/{project}/"
    request = urllib.request.Request(url, headers={"Accept": JSON})  # noqa: S310 # the caller's index
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 # likewise
            files = json.load(answer)["files"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return {}
    return {file["filename"]: file["hashes"]["sha256"] for file in files}


def differences(sums: Iterable[str], index: str) -> Iterator[str]:
    """Yield each file of *sums* that the index does not have, or has with other contents."""
    for line in sums:
        digest, name = line.split()
        project = name.split("-")[0].replace("_", "-")
        found = hashes(project, index).get(name)
        if found != digest:
            yield f"{name}: {'is missing' if found is None else f'has other contents, {found}'}"


def main(arguments: list[str], tries: int = TRIES, pause: float = PAUSE) -> int:
    """Print what differs; return the exit code."""
    sums = [line for line in sys.stdin if line.strip()]
    if not sums:
        print("no hashes on standard input")
        return 2
    (index,) = arguments or [PYPI]
    found: list[str] = []
    for tried in range(tries):
        time.sleep(pause if tried else 0)
        found = list(differences(sums, index.rstrip("/")))
        if not any("is missing" in text for text in found):
            break
    print(*(found or [f"the index has all {len(sums)} files, with these hashes"]), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
