"""The logger ``sentryinit``, which ``disable_existing_loggers`` does not disable."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger("sentryinit")


def _is_disabled(logger: logging.Logger) -> bool:
    return bool(vars(logger)["disabled"])


def _set_disabled(logger: logging.Logger, value: bool) -> None:  # noqa: FBT001 # a setter
    # By default dictConfig() and fileConfig() disable each logger that they do not name.
    if not (value and sys._getframe(1).f_globals["__name__"] == "logging.config"):  # noqa: SLF001 # inspect reads source files
        vars(logger)["disabled"] = value


# Of the class that it has: the application may have set one by setLoggerClass().
log.__class__ = type("Logger", (type(log),), {"disabled": property(_is_disabled, _set_disabled)})
