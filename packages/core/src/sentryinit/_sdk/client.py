"""The set-up of sentry-sdk: the only place that calls its ``init``."""

from __future__ import annotations

# Else the thread that sends imports it, and a fork during that import leaves a child process in
# which no host is found.
import encodings.idna  # noqa: F401 # see above
import functools
import logging
import socket
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import sentry_sdk
from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import ignore_logger

from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo
from sentryinit._config.options import TABLE
from sentryinit._config.settings import Settings
from sentryinit._events import build
from sentryinit._events.task_name import program_name
from sentryinit._redaction.redactor import Redactor
from sentryinit._redaction.stacktrace import safe_repr
from sentryinit._sdk import log_handler, scopes, transport
from sentryinit._sdk.exceptions import PreSerializedEvent
from sentryinit._sdk.hooks import FRAMEWORKS, HINT_KEY, Hooks, drop
from sentryinit._state import STATE

log = logging.getLogger("sentryinit")

# Of us, and of servers that log what a boundary has reported. Patterns of fnmatch: granian names
# loggers after its Rust modules.
_IGNORED_LOGGERS = (
    "sentryinit aiohttp.server daphne daphne.server daphne.http_protocol django.request "
    "django.security.* django.server falcon _granian* gunicorn.error hypercorn.error "
    "uvicorn.error waitress werkzeug"
).split()

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


def configure(settings: Settings) -> Client:
    """Initialise sentry-sdk, log handling, the envelope filter and the scopes of requests."""
    if sentry_sdk.is_initialized():
        log.warning(
            "sentry_sdk.init() was called before sentryinit.init(); its client is replaced: "
            "remove that call"
        )
    redactor = _redactor(settings)
    for name in _IGNORED_LOGGERS:
        ignore_logger(name)
    original = logging.Logger.callHandlers
    try:
        sentry_sdk.init(**_client_options(settings, Hooks(settings, redactor)))
    finally:
        # Also after a failure: sentry-sdk patches the logging once, and has done so.
        log_handler.install_filter(original)
    client = sentry_sdk.get_client()
    log_handler.set_filter(client, settings.log_breadcrumbs)
    transport.install_filter(redactor, client.transport, getattr(client, "spotlight", None))
    _warn_of_integrations()
    if "argv" in settings.collect:
        sentry_sdk.get_global_scope().set_extra("sys.argv", sys.argv)
    scopes.install()
    return Client()


def conflicting_integrations(*names: str) -> list[str]:
    """Return the active integrations of sentry-sdk that do what *names*, or all adapters, do."""
    active = sentry_sdk.get_client().integrations
    wanted = names or FRAMEWORKS.union(STATE.boundaries)
    return sorted(type(active[name]).__name__ for name in wanted if name in active)


def add_boundary(name: str, loggers: Iterable[str]) -> None:
    """Ignore *loggers*, which repeat what the adapter *name* reports; warn of its integration."""
    for logger in loggers:
        ignore_logger(logger)
    if name not in FRAMEWORKS:  # for those, configure() has warned
        _warn_of_integrations(name)


def _warn_of_integrations(*names: str) -> None:
    found = conflicting_integrations(*names)
    if found:
        log.warning(
            "integrations: sentry_sdk's own %s stands beside sentryinit's middleware: remove it "
            "from integrations=[...]",
            ", ".join(found),
        )


class Client:
    """The client of sentry-sdk."""

    def __init__(self) -> None:
        self._client = sentry_sdk.get_client()
        self._is_replaced = False
        self.options: dict[str, Any] = self._client.options
        self.lost = transport.LostEvents(self._client.transport)
        version = sentry_sdk.VERSION
        self._sdk_info = {
            "name": "sentry.python",
            "version": version,
            "packages": [{"name": "pypi:sentry-sdk", "version": version}],
            "integrations": sorted(self._client.integrations),
        }

    def capture_event(
        self,
        event: dict[str, Any],
        hint: dict[str, Any],
        info: RequestInfo = UNDESCRIBED,
        transaction: str = "",
    ) -> str | None:
        """Send *event*, ours, of the request *info*; return its id, None if a hook dropped it.

        Its fingerprint, and *transaction* (else the name of the program), count if the application
        has set none.
        """
        if sentry_sdk.get_client() is not self._client and not self._is_replaced:
            self._is_replaced = True
            log.warning(
                "sentry_sdk.init() was called after sentryinit.init() and replaced its client, so "
                "that nothing is masked any more: remove that call"
            )
        event["sdk"] = self._sdk_info
        event.setdefault("breadcrumbs", {"values": []})
        if "trace" not in event.setdefault("contexts", {}):
            build.add_trace(event, sentry_sdk.get_isolation_scope().get_trace_context())
        made = info, transaction or program_name(), event.pop("fingerprint", None)
        # As keywords they win over those of the scopes.
        scope_kwargs = {name: event[name] for name in ("tags", "contexts")}
        return sentry_sdk.capture_event(
            PreSerializedEvent(event, self.options),  # type: ignore[arg-type] # an Event is a TypedDict
            {**hint, HINT_KEY: made},
            **scope_kwargs,
        )

    def flush(self, timeout: float) -> None:
        """Send what is queued, for at most *timeout* seconds."""
        sentry_sdk.flush(timeout=timeout)


def _redactor(settings: Settings) -> Redactor:
    dsn, key = urlsplit(settings.dsn), settings.mask_hash_key
    return Redactor(
        settings.mask_keys,
        (settings.debug_token, dsn.username or "", dsn.password or "", key),
        settings.mask_patterns,
        parameters=settings.mask_path_parameters,
        hash_key=key,
        networks=settings.mask_ip == "network",
        limit=settings.max_value_length,
    )


def _client_options(settings: Settings, hooks: Hooks) -> dict[str, Any]:
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
        "before_breadcrumb": hooks.before_breadcrumb if settings.before_breadcrumb else None,
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
