"""The options of sentry-sdk, from the settings."""

from __future__ import annotations

import functools
import logging
import socket
from typing import Any

from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration

from sentryinit._config.options import TABLE
from sentryinit._config.settings import Settings
from sentryinit._redaction.stacktrace import safe_repr
from sentryinit._sdk import log_handler, transport
from sentryinit._sdk.hooks import Hooks, drop

log = logging.getLogger("sentryinit")

_FIXED = {
    "default_integrations": False,
    "auto_enabling_integrations": False,
    "max_request_body_size": "never",
    "auto_session_tracking": False,
    "trace_propagation_targets": [],
    "before_send_transaction": drop,
    "before_send_log": drop,
    "before_send_metric": drop,
    # None would mean sentry-sdk's scrubber, which knows keys only.
    "event_scrubber": False,
}


def client_options(settings: Settings, hooks: Hooks) -> dict[str, Any]:
    """Return the options that ``sentry_sdk.init()`` gets."""
    name = socket.gethostname() if "host_name" in settings.collect else settings.server_name
    ours = {
        "dsn": settings.dsn,
        "environment": settings.environment,
        # None would run git in a subprocess.
        "release": settings.release,
        "server_name": name or settings.service,
        "integrations": [
            AtexitIntegration(callback=lambda pending, timeout: None),  # noqa: ARG005 # quiet on stderr
            ExcepthookIntegration(),
            log_handler.INTEGRATION,
            *settings.integrations,
        ],
        "include_local_variables": "locals" in settings.collect,
        # We cut after masking, which has to see whole secrets.
        "max_value_length": 4 * settings.max_value_length + 4096,
        "shutdown_timeout": settings.flush_timeout,
        "before_send": hooks.before_send,
        "transport": settings.transport or transport.Transport,
        "before_breadcrumb": settings.before_breadcrumb,
    }
    options = _FIXED | _passed_on(settings) | ours
    return {name: value for name, value in options.items() if name in DEFAULT_OPTIONS}


def _passed_on(settings: Settings) -> dict[str, Any]:
    """Return the options that sentry-sdk gets as they are."""
    passed = {
        name: getattr(settings, name)
        for name, option in TABLE.items()
        if option.passed_to_sdk and getattr(settings, name) is not None
    }
    # _events.source_context costs less.
    passed["include_source_context"] = False
    if "locals" in settings.collect:
        limit = settings.max_value_length
        passed["custom_repr"] = functools.partial(safe_repr, settings.custom_repr, limit)
    # Older releases refuse unknown options.
    for name in passed.keys() - DEFAULT_OPTIONS.keys():
        log.warning("option %s: this release of sentry-sdk does not have it", name)
    return passed
