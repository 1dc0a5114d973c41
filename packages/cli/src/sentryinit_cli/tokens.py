"""The token of the backend's API: from the environment or a file, never from an argument."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sentryinit_cli.dsn import unquoted
from sentryinit_cli.verdicts import Failure, Verdict

VARIABLES = "SENTRYINIT_AUTH_TOKEN", "SENTRY_AUTH_TOKEN"
_LARGEST = 16 * 1024
_PREFIX = re.compile(r"(authorization\s*:|bearer\s|token\s|dsn\s)", re.IGNORECASE)
# A key is a UUID, with or without dashes; the tokens of all three backends are longer.
_DSN_KEY = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)
_REMEDY = (
    "make an API token in the backend (GlitchTip and Sentry: event:read and project:read; Bugsink: "
    f"issues:read and events:read), and set {' or '.join(VARIABLES)}, or --token-file"
)


def read_token(environ: Mapping[str, str], file: Path | None, variable: str | None = None) -> str:
    """Return the token: of *file*, of *variable*, or of the first of ``VARIABLES`` that is set.

    Raises ``Failure`` (CONFIGURATION) if there is none, or if it cannot be a token.
    """
    if file is not None:
        where, text = f"the token file {str(file)!r}", _content(file)
    else:
        names = (variable,) if variable else VARIABLES
        where = next((name for name in names if environ.get(name, "").strip()), " and ".join(names))
        text = environ.get(where, "")
    token = unquoted(text)
    fault = _fault(token, "the file is empty" if file else "not set, or empty: there is no token")
    if fault:
        raise Failure(Verdict.CONFIGURATION, f"{where}: {fault}", _REMEDY)
    return token


def _content(file: Path) -> str:
    try:
        # Not read_bytes(): the file may be a pipe, or endless.
        with file.open("rb") as stream:
            return stream.read(_LARGEST).decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError:
        reason = "it is no text in UTF-8"
    text = f"the token file {str(file)!r} cannot be read: {reason}"
    raise Failure(Verdict.CONFIGURATION, text, _REMEDY)


def _fault(token: str, nothing: str) -> str:
    """Return why *token* cannot be one, or an empty text; never with the token."""
    if not token:
        return nothing
    if "\n" in token or "\r" in token:
        return "there is more than one line: expected the token alone"
    if "://" in token:
        return "this is an address or a DSN, and no API token"
    if _PREFIX.match(token):
        return "it begins as a header does (Authorization, Bearer): expected the token alone"
    if _DSN_KEY.fullmatch(token):
        return "this looks like the key of a DSN: it can send events, and cannot read them"
    if not all("!" <= each <= "~" for each in token):
        return "there is a blank or a character in it that no token has"
    return ""
