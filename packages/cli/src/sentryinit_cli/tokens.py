"""The token of the backend's API: from the environment or a file, never from an argument."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

VARIABLES = "SENTRYINIT_AUTH_TOKEN", "SENTRY_AUTH_TOKEN"


def read_token(environ: Mapping[str, str], file: Path | None, variable: str | None = None) -> str:
    """Return the token: of *file*, of *variable*, or of the first of ``VARIABLES`` that is set.

    Raises ``Failure`` (CONFIGURATION) if there is none.
    """
    raise NotImplementedError
