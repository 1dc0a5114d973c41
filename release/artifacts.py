"""Build every sdist, and every wheel from its sdist, so that the same commit gives the same bytes.

    artifacts.py build OUT      from a clean checkout: twice, compared, with SHA256SUMS
    artifacts.py again OUT      once more from the files of the checkout, and compare with OUT

The two builds differ in what may differ between two machines: the folder, the time, the times and
modes of the files, the umask, the locale, the time zone, the hashes of Python.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import workspace
from workspace import ROOT

UV = os.environ.get("UV", "uv")
SUMS = "SHA256SUMS"
ELSEWHERE = {
    "LANG": "C",
    "LC_ALL": "C",
    "PYTHONHASHSEED": "4711",
    "TZ": "Pacific/Kiritimati",
}


def git(*arguments: str, root: Path = ROOT) -> str:
    """Return what git prints."""
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def dirty(root: Path = ROOT) -> list[str]:
    """Return the files that are not as in the commit, with git's letters before their names."""
    return git("status", "--porcelain", "--untracked-files=all", root=root).splitlines()


def epoch(root: Path = ROOT) -> str:
    """Return the time of the commit, for ``SOURCE_DATE_EPOCH``."""
    return git("log", "-1", "--format=%ct", root=root).strip()


def copy(root: Path, into: Path, *, mode: int, time: int) -> Path:
    """Copy the files that git knows, or would add, in reversed order; set their modes and times."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", root=root)
    names = {name for name in listed.split("\0") if name and (root / name).is_file()}
    for name in sorted(names, reverse=True):
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, into / name)
        # That a file is executable is in the commit.
        (into / name).chmod(mode | (root / name).stat().st_mode & 0o111)
        os.utime(into / name, (time, time))
    return into


def build(tree: Path, out: Path, at: str, extra: dict[str, str], umask: int = 0o022) -> None:
    """Build the packages of *tree* into *out*; *at* is the time that the archives have.

    Without isolation: by the hatchling of this environment, which is an exact one.
    """
    env = os.environ | {"SOURCE_DATE_EPOCH": at} | extra
    for folder in workspace.folders(tree):
        command = [UV, "build", "--quiet", "--no-build-isolation", f"--python={sys.executable}"]
        command += [f"--out-dir={out}", str(folder)]
        subprocess.run(command, env=env, umask=umask, check=True)
    # uv writes it.
    (out / ".gitignore").unlink(missing_ok=True)


def sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each sdist and wheel in *folder*, by name."""
    files = sorted([*folder.glob("*.tar.gz"), *folder.glob("*.whl")])
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Name the files that are not the same in both builds."""
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]


def compare(one: Path, other: Path) -> None:
    """Stop unless both folders have the same files, an sdist and a wheel of each package."""
    found = sums(one)
    if len(found) != 2 * len(workspace.folders()):
        sys.exit(f"not an sdist and a wheel of each package: {', '.join(found)}")
    if different := differences(found, sums(other)):
        sys.exit(f"two builds of the same files differ: {', '.join(different)}")
    print(f"{len(found)} files, built twice, are the same byte for byte")


def build_again(out: Path, into: Path) -> None:
    """Build once more, in another folder, at another time, and compare with *out*."""
    tree = copy(ROOT, into / "another" / "folder", mode=0o600, time=1_000_000_000)
    build(tree, into / "again", epoch(), ELSEWHERE, umask=0o077)
    compare(out, into / "again")


def build_twice(out: Path, into: Path) -> None:
    """Build a clean checkout twice, and write the files and their hashes to *out*."""
    if changed := dirty():
        sys.exit("not a clean checkout; commit or remove:\n" + "\n".join(changed))
    tree = copy(ROOT, into / "tree", mode=0o664, time=2_000_000_000)
    build(tree, into / "dist", epoch(), {})
    build_again(into / "dist", into)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(into / "dist", out)
    lines = [f"{digest}  {name}\n" for name, digest in sums(out).items()]
    (out / SUMS).write_text("".join(lines))
    print("".join(lines), end="")


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["build", "again"])
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = build_twice if given.command == "build" else build_again
        run(given.out.resolve(), Path(folder))


if __name__ == "__main__":
    main()
