"""What ends a command: no traceback, no secret in a message, and an exit code of its own."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Any

import click

from sentryinit_cli.verdicts import Verdict

INTERRUPTED = 130
# The tokens of Sentry; hex digits, as those of GlitchTip and Bugsink, and as the keys of a DSN.
_TOKEN = re.compile(r"sntry[a-z]+_|(?<![0-9A-Za-z])[0-9a-fA-F]{32,}(?![0-9A-Za-z])")
# Any other word of this length with digits in it that is no path and no address.
_WORD = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+=~.\-]{20,}")
_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_OPTION_OF_SECRET = re.compile(r"token|secret|password|passwd|auth|api-?key", re.IGNORECASE)
# Their values may look like a token: a commit is 40 hex digits.
_PLAIN_OPTIONS = {"--release", "--environment", "--service", "--nonce"}
NOT_SHOWN = "[not shown]"
HINT = (
    "a token is never an argument: set SENTRYINIT_AUTH_TOKEN (or SENTRY_AUTH_TOKEN), or name a "
    "file with --token-file; the token of the debug route is SENTRYINIT_DEBUG_TOKEN"
)
CRASH_REMEDY = "this is a bug of sentryinit-cli: report it with this line"


def looks_secret(text: str) -> bool:
    """Return True if *text* has what looks like a token."""
    return bool(_TOKEN.search(text))


def secret_arguments(arguments: Sequence[str]) -> list[str]:
    """Return those *arguments*, and values in them, that look like a secret."""
    found, before = [], ""
    for argument in arguments:
        option, _, value = argument.partition("=")
        plain = (option if value else before) in _PLAIN_OPTIONS
        word = value if value and argument.startswith("-") else argument
        if not plain and (looks_secret(word) or _WORD.fullmatch(word)) and "://" not in word:
            found.append(word)
        found += _USER.findall(argument)
        before = argument
    return found


def crash_text(error: BaseException) -> str:
    """Return class and place of *error*; not its text, which may have a secret."""
    frames = extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"unexpected {type(error).__name__}{where}"


class _Usage(click.UsageError):
    """A wrong usage, with our exit code; click's own is 2."""

    exit_code = Verdict.USAGE.exit_code


class GuardedGroup(click.Group):
    """A group whose commands end in a defined way, also within ``flask`` and ``manage.py``."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> click.Context:
        """Parse the arguments."""
        given = list(args)
        with guarded(given):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[__name__] = given
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with guarded(ctx.meta.get(__name__, ())):
            return super().invoke(ctx)


def arguments_of(ctx: click.Context) -> list[str]:
    """Return the arguments that the group of *ctx* got."""
    return list(ctx.meta.get(__name__, ()))


@contextlib.contextmanager
def guarded(arguments: Sequence[str]) -> Iterator[None]:
    """Turn what leaves the block into a message, without secrets, and an exit code."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("\ninterrupted\n")
        sys.exit(INTERRUPTED)
    except click.UsageError as error:
        raise _Usage(_usage(error, arguments), error.ctx) from None
    except (click.ClickException, click.exceptions.Exit):
        raise
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # click's main() ends quietly
        _crash(error)
    except Exception as error:  # noqa: BLE001 # its text may have a secret
        _crash(error)


def _crash(error: Exception) -> None:
    sys.stderr.write(f"{Verdict.CRASH.word}: {crash_text(error)}; {CRASH_REMEDY}\n")
    sys.exit(Verdict.CRASH.exit_code)


def _usage(error: click.UsageError, arguments: Sequence[str]) -> str:
    """Return the message of *error*, without what may be a secret."""
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        if _OPTION_OF_SECRET.search(name) or looks_secret(name):
            shown = NOT_SHOWN if looks_secret(name) or _WORD.fullmatch(name) else name
            return f"No such option: {shown}: {HINT}"
    message = error.format_message()
    hidden = False
    for secret in secret_arguments(arguments):
        hidden, message = hidden or secret in message, message.replace(secret, NOT_SHOWN)
    if "unexpected extra argument" in message:
        message, hidden = f"Got an unexpected argument {NOT_SHOWN}", True
    return f"{message}: {HINT}" if hidden else message
