"""Setting up ``sentry_sdk``: the only module that calls its ``init``."""

from __future__ import annotations

# For the thread that sends, which would import it with the first name of a host: a fork meanwhile
# leaves a child in which no host is found, ever.
import encodings.idna  # noqa: F401 # see above
import functools
import logging
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

import sentry_sdk
from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.transport import BaseHttpTransport

from sentryinit._config.options import TABLE
from sentryinit._config.settings import Settings
from sentryinit._policy.ignore_rules import Policy
from sentryinit._redaction.redactor import Redactor
from sentryinit._redaction.stacktrace import safe_repr
from sentryinit._sdk import log_handler as _logs
from sentryinit._sdk import scopes as _scope
from sentryinit._sdk.hooks import Hooks, drop
from sentryinit._sdk.transport import protect

log = logging.getLogger("sentryinit")

# They repeat, at the end of a request, what a boundary has reported; and our own would go in rings.
# Patterns, as fnmatch has them: granian names its loggers after its modules in Rust.
_SERVERS = (
    "sentryinit aiohttp.server daphne daphne.server daphne.http_protocol django.request "
    "django.security.* django.server falcon _granian* gunicorn.error hypercorn.error "
    "uvicorn.error waitress werkzeug"
).split()

# Integrations of the SDK that stand where a boundary of ours stands.
_RIVALS = frozenset(
    "aiohttp bottle django falcon fastapi flask litestar pyramid quart sanic starlette "
    "tornado".split()
)


def configure(settings: Settings, policy: Policy) -> None:
    """Initialise the SDK, and what begins the scope of a request."""
    if sentry_sdk.is_initialized():
        log.warning(
            "sentry_sdk.init() was called before sentryinit.init(); its client is replaced: "
            "remove that call"
        )
    redactor = _redactor(settings)
    hooks = Hooks(settings, policy, redactor)
    for name in _SERVERS:
        ignore_logger(name)
    plain = logging.Logger.callHandlers
    sentry_sdk.init(**_options(settings, hooks))
    client = sentry_sdk.get_client()
    _logs.sift(plain, client, settings["log_breadcrumbs"])
    protect(redactor, client.transport, getattr(client, "spotlight", None))
    if rivals():
        log.warning(
            "integrations: sentry_sdk's own %s stands beside sentryinit's middleware: remove it "
            "from integrations=[...]",
            ", ".join(rivals()),
        )
    if "argv" in settings["collect"]:
        sentry_sdk.get_global_scope().set_extra("sys.argv", sys.argv)
    _scope.start()


def rivals() -> list[str]:
    """Return the integrations of the active client that stand where a boundary of ours stands."""
    active = sentry_sdk.get_client().integrations
    return sorted(type(active[name]).__name__ for name in _RIVALS.intersection(active))


def renew() -> None:
    """Give the transport of a forked process a queue, a thread and connections of its own.

    What waits in the queue, the parent sends. Its locks may have been copied while another thread
    held them (a flush holds one for as long as it waits), and a connection is not for two.
    """
    transport = sentry_sdk.get_client().transport
    if isinstance(transport, BaseHttpTransport):
        # In place: our guard and our count are on it. And not by its own class, which may be the
        # application's and ask for something else.
        BaseHttpTransport.__init__(transport, transport.options)


def _redactor(settings: Settings) -> Redactor:
    dsn, key = urlsplit(settings["dsn"]), settings["mask_hash_key"]
    return Redactor(
        settings["mask_keys"],
        (settings["debug_token"], dsn.username or "", dsn.password or "", key),
        settings["mask_patterns"],
        parameters=settings["mask_path_parameters"],
        hash_key=key,
        networks=settings["mask_ip"] == "network",
        limit=settings["max_value_length"],
    )


def _server_name(settings: Settings) -> str:
    if "host_name" in settings["collect"]:
        return socket.gethostname()
    return str(settings["server_name"] or settings["service"])


def _options(settings: Settings, hooks: Hooks) -> dict[str, Any]:
    ours = {
        "dsn": settings["dsn"],
        "environment": settings["environment"],
        # None would run git in a subprocess.
        "release": settings["release"],
        "server_name": _server_name(settings),
        "default_integrations": False,
        "auto_enabling_integrations": False,
        "integrations": [
            AtexitIntegration(callback=lambda pending, timeout: None),  # noqa: ARG005 # quiet on stderr
            ExcepthookIntegration(),
            _logs.integration(),
            *settings["integrations"],
        ],
        "include_local_variables": "locals" in settings["collect"],
        "max_request_body_size": "never",
        # Ours comes after masking, which has to see whole secrets; this one only bounds the work.
        "max_value_length": 4 * settings["max_value_length"] + 4096,
        "auto_session_tracking": False,
        "trace_propagation_targets": [],
        "shutdown_timeout": settings["flush_timeout"],
        "before_send": hooks.before_send,
        "before_breadcrumb": hooks.before_breadcrumb if settings["before_breadcrumb"] else None,
        "before_send_transaction": drop,
        "before_send_log": drop,
        "before_send_metric": drop,
        # Ours is the last pass over an event; None would mean theirs, which knows keys only.
        "event_scrubber": False,
    }
    return {
        name: value for name, value in (ours | _passed(settings)).items() if name in DEFAULT_OPTIONS
    }


def _passed(settings: Settings) -> dict[str, Any]:
    """Return what goes to the SDK as it was set, but for what we do in its place."""
    passed = {
        name: settings[name]
        for name, option in TABLE.items()
        if option.sdk and settings[name] is not None
    }
    # We add them ourselves, for less: see _source.
    passed["include_source_context"] = False
    if "locals" in settings["collect"]:
        limit = settings["max_value_length"]
        passed["custom_repr"] = functools.partial(safe_repr, settings["custom_repr"], limit)
    # Older releases do not know all of them, and refuse what they do not know.
    for name in passed.keys() - DEFAULT_OPTIONS.keys():
        log.warning("option %s: this release of sentry-sdk does not have it", name)
    return passed
