"""``python -m sentryinit run``: run a server whose application does not call us."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

SITE = Path(__file__).parent / "_serving" / "site"
SERVERS = "gunicorn uvicorn hypercorn granian uwsgi waitress daphne aiohttp.web".split()
_OTHER_NAMES = "pyuwsgi waitress-serve".split()

_EPILOG = f"""\
examples:
  python -m sentryinit run -- gunicorn shop:app
  python -m sentryinit run --service shop -- uvicorn shop:create_app --factory --workers 4
  python -m sentryinit run -- python service.py

Settings are read from the environment: SENTRYINIT_DSN (else SENTRY_DSN), SENTRYINIT_SERVICE and
the others. The application is wrapped where one of these servers loads it, in this process or in
one below it: {", ".join(SERVERS)}.
An application of a framework that has an adapter is wrapped in any program.
The exit code is that of the command; 127 if it is not found, 126 if it cannot be run.
"""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sentryinit", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    run = parser.add_subparsers(required=True, metavar="run").add_parser(
        "run",
        help="run a server, and report the failures of its application",
        description="Run a server. What it loads gets the middleware of sentryinit.",
        usage="python -m sentryinit run [--service NAME] -- COMMAND [ARGUMENT ...]",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("--service", metavar="NAME", help="name of the service (SENTRYINIT_SERVICE)")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help=argparse.SUPPRESS)
    # Releases of Python differ in what argparse does with "--".
    words = sys.argv[1:] if arguments is None else arguments
    end = words.index("--") if "--" in words else len(words)
    given = parser.parse_args(words[:end])
    command = [*given.command, *words[end:]] if given.command else words[end + 1 :]
    if not command:
        run.error("which command? For example: python -m sentryinit run -- gunicorn shop:app")
    _execute(command, given.service)


def _execute(command: list[str], service: str | None) -> NoReturn:
    """Replace this process by *command*, in which ``site`` is the first folder on the path."""
    program = shutil.which(command[0])
    for doubt in _doubts(command, program or ""):
        sys.stderr.write(f"sentryinit run: {doubt}\n")
    sys.stderr.flush()
    path = [str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    if service:
        os.environ["SENTRYINIT_SERVICE"] = service
    try:
        if sys.platform == "win32":
            # There, exec is a new process, and nobody gets its exit code.
            sys.exit(subprocess.call([program or command[0], *command[1:]]))  # noqa: S603 # as the user says
        os.execvp(command[0], command)  # noqa: S606 # as the user says
    except OSError as error:
        sys.stderr.write(f"sentryinit run: cannot run {command[0]}: {error.strerror}\n")
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


def _doubts(command: list[str], program: str) -> Iterator[str]:
    """Yield why the application may not be wrapped, as far as *command* shows it."""
    names = {Path(name).name for word in command for name in word.split()}
    if names.isdisjoint([*SERVERS, *_OTHER_NAMES]):
        yield (
            f"no server is named in this command ({', '.join(SERVERS)}). The application is "
            "wrapped if the command starts one of them, or if its framework has an adapter"
        )
    words = [program, *command[1:]]
    with suppress(OSError), Path(program).open("rb") as file:
        if file.read(2) == b"#!":
            words = file.readline().decode(errors="replace").split()
    flags = "".join(_flags(words))
    if set(flags) & set("EIS"):
        yield (
            f"{words[0]} is called with -{flags}, and so runs no code of ours: nothing is wrapped. "
            "Call it without -E, -I and -S, or give the server our target: "
            "SENTRYINIT_APP=shop:app gunicorn sentryinit.wsgi:application"
        )


def _flags(words: list[str]) -> Iterator[str]:
    """Yield the flags that *words* give to Python, if it is Python that they call."""
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S"]
    if not words or not Path(words[0]).name.startswith(("python", "pypy")):
        return
    rest = iter(words[1:])
    for word in rest:
        if word[:1] != "-" or word[:2] in {"-c", "-m", "--"}:
            return
        if word in {"-X", "-W"}:
            next(rest, None)
        elif word[:2] not in {"-X", "-W"}:
            yield word[1:]


if __name__ == "__main__":
    main()
