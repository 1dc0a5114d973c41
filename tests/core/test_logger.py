"""The logger ``sentryinit``: the application configures it like any other."""

from __future__ import annotations

from typing import Any

import pytest

CONFIGURE = {
    "dictConfig": "logging.config.dictConfig({'version': 1})",
    "with handlers": """logging.config.dictConfig({
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
    "root": {"level": "INFO", "handlers": ["console"]},
})""",
    "fileConfig": """logging.config.fileConfig(io.StringIO(
    "[loggers]\\nkeys=root\\n[handlers]\\nkeys=\\n[formatters]\\nkeys=\\n"
    "[logger_root]\\nlevel=INFO\\nhandlers=\\n"
))""",
}
PRELUDE = "import io, logging, logging.config, sentryinit\n"
WARN = "\nsentryinit.init('shop')\nsentryinit.init('till')\n"
TEXT = "init() was called again with another service: till; shop stays"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", CONFIGURE)
def test_configuration_of_logging_does_not_disable_it(child: Any, how: str, when: str) -> None:
    """E2: disable_existing_loggers is on by default, and meant for nobody in particular."""
    first, second = ("", CONFIGURE[how]) if when == "after" else (CONFIGURE[how], "")
    done = child(f"{first}\nsentryinit.init('shop')\n{second}{WARN}", PRELUDE)

    # With a level INFO, the line about the start is there, too.
    assert (done.out, done.err.splitlines()[-1:]) == ("", [TEXT])


@pytest.mark.parametrize(
    "silence",
    [
        "logging.getLogger('sentryinit').disabled = True",
        "logging.getLogger('sentryinit').setLevel('ERROR')",
        "logging.getLogger('sentryinit').addHandler(logging.NullHandler())\n"
        "logging.getLogger('sentryinit').propagate = False",
        "logging.config.dictConfig({'version': 1, 'loggers': {'sentryinit': {'level': 'ERROR'}}})",
        "logging.disable()",
    ],
)
def test_application_can_silence_it(child: Any, silence: str) -> None:
    """What an application says about this logger counts, also before another configuration."""
    done = child(f"{silence}\n{CONFIGURE['dictConfig'] * (len(silence) < 60)}{WARN}", PRELUDE)

    assert (done.code, done.out, done.err) == (0, "", "")


def test_class_of_the_application_is_kept(child: Any) -> None:
    """setLoggerClass() before the import counts for this logger as well."""
    done = child(
        """
import logging, logging.config
class Own(logging.Logger):
    pass
logging.setLoggerClass(Own)
import sentryinit
log = logging.getLogger("sentryinit")
logging.config.dictConfig({"version": 1})
print(isinstance(log, Own), log.disabled, log, log.getChild("x").disabled)
log.disabled = True
print(log.disabled)
""",
        "",
    )

    assert done.lines == ["True False <Logger sentryinit (WARNING)> False", "True"], done.err
