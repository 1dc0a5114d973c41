"""The set-up of sentry-sdk: the only place that calls its ``init``."""

from __future__ import annotations

# Else the thread that sends imports it, and a fork during that import leaves a child process in
# which no host is found.
import encodings.idna  # noqa: F401 # see above
import functools
import logging
import sys
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import sentry_sdk
from sentry_sdk.profiler import continuous_profiler
from sentry_sdk.scope import Scope
from sentry_sdk.scope import global_event_processors as _processors

from sentryinit._boundary.current import current_capture
from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo
from sentryinit._config import checks
from sentryinit._config.settings import Settings
from sentryinit._events.task_name import program_name
from sentryinit._policy.verdict import Reason
from sentryinit._redaction.attributes import event_id
from sentryinit._redaction.fallback import fallback_event
from sentryinit._redaction.redactor import Redactor
from sentryinit._sdk import envelopes, log_handler, scopes, transport
from sentryinit._sdk.client_options import client_options
from sentryinit._sdk.exceptions import PreSerializedEvent
from sentryinit._sdk.hooks import (
    FRAMEWORKS,
    HINT_KEY,
    ID_KEY,
    EventId,
    Hooks,
    use_reserved_id,
)
from sentryinit._sdk.losses import watch
from sentryinit._state import STATE, note_problem

log = logging.getLogger("sentryinit")

# That of the hooks and filters.
_redactor: Redactor


def configure(settings: Settings) -> Client:
    """Initialise sentry-sdk, log handling, the envelope filter and the scopes of requests."""
    if sentry_sdk.is_initialized():
        log.warning(
            "sentry_sdk.init() was called before sentryinit.init(); its client is replaced: "
            "remove that call"
        )
    global _redactor  # noqa: PLW0603 # there is one client in force
    _redactor = redactor = _make_redactor(settings)
    original = logging.Logger.callHandlers
    try:
        sentry_sdk.init(**client_options(settings, Hooks(settings, redactor)))
    finally:
        # Also after a failure: sentry-sdk patches the logging once, and has done so.
        log_handler.install_filter(original)
    sentry_sdk.get_global_scope().__class__ = _GlobalScope
    client = sentry_sdk.get_client()
    if isinstance(client.transport, transport.Transport):
        client.transport.max_wait = settings.max_retry_after
    log_handler.set_filter(client, settings.log_breadcrumbs, settings.log_level)
    envelopes.install_filter(redactor, client.transport, getattr(client, "spotlight", None))
    vars(client)["capture_event"] = functools.partial(_capture_event, client)
    _warn_of_integrations()
    for problem in checks.event_processors(foreign_processors()):
        log.warning("%s %s", problem.text, problem.hint)
    if "argv" in settings.collect:
        sentry_sdk.get_global_scope().set_extra("sys.argv", sys.argv)
    scopes.install()
    return Client()


def conflicting_integrations(*names: str) -> list[str]:
    """Return the active integrations of sentry-sdk that do what *names*, or all adapters, do."""
    active = sentry_sdk.get_client().integrations
    wanted = names or FRAMEWORKS.union(STATE.boundaries)
    return sorted(type(active[name]).__name__ for name in wanted if name in active)


def foreign_processors() -> list[str]:
    """Return the names of the global event processors that are not sentry-sdk's own."""
    named = (each if hasattr(each, "__qualname__") else type(each) for each in _processors)
    names = {f"{each.__module__}.{each.__qualname__}" for each in named}
    return sorted(name for name in names if not name.startswith("sentry_sdk."))


def add_boundary(name: str, loggers: Iterable[str]) -> None:
    """Take *loggers* for those of the framework of *name*; warn of its integration."""
    log_handler.add_loggers(loggers)
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


class _GlobalScope(Scope):
    """The global scope while we report: another ``sentry_sdk.init()`` does not replace our client.

    Nothing would be masked, or nothing would be sent: a library calls it without a DSN.
    """

    __slots__ = ()

    def set_client(self, client: Any = None) -> None:
        """Set *client* if it is None, as at the end of a test, or has a transport, as in tests."""
        if STATE.reporter is not None and client is not None:
            is_ignored = not client.options.get("transport")
            note_problem(checks.foreign_init(_caller(), is_ignored=is_ignored))
            if is_ignored:
                # Its profiler sends by itself.
                client.transport = client.spotlight = None
                continuous_profiler.teardown_continuous_profiler()
                return
            envelopes.install_filter(_redactor, client.transport)
        super().set_client(client)


def _caller() -> str:
    """Return the place outside of sentry-sdk that calls it."""
    frame = sys._getframe(2)  # noqa: SLF001 # inspect reads source files
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("sentry_sdk."):
        frame = frame.f_back
    return f"{frame.f_globals.get('__name__')}, line {frame.f_lineno}"


def _capture_event(client: Any, event: Any, hint: Any = None, scope: Any = None) -> Any:
    """Replace ``capture_event`` of *client*: the id of an event may be known before it is built.

    A hook would be too late: what this returns is the id from before the hooks.
    """
    use_reserved_id(event, hint)
    event["event_id"] = event_id(None, event.get("event_id") or uuid.uuid4())
    known = EventId(event["event_id"])
    capture, hint = type(client).capture_event, {**(hint or {}), ID_KEY: known}
    try:
        sent = capture(client, event, hint, scope)
    except Exception as error:
        if known.is_ready:
            _take_back(known)
            raise  # the transport has failed
        # The event, or a processor of it, is the application's.
        log.warning("preparing an event failed: %s", type(error).__name__)
        sent = capture(client, fallback_event(event, "report_error"), hint)
    if sent is None:
        _take_back(known)
    is_error = event.get("type") not in {"transaction", "check_in"}
    reason = known.dropped_by if client.transport is not None else Reason.CLOSED
    if sent is None and is_error and reason is not None and STATE.reporter is not None:
        exc = (hint.get("exc_info") or (None, None))[1]
        STATE.reporter.explain(reason, exc, current_capture())
    return sent


def _take_back(known: EventId) -> None:
    """Count the event *known*, if it is not ours, as dropped: it was counted as delivered."""
    if known.admitted is not None and STATE.reporter is not None:
        STATE.reporter.drop(*known.admitted)


class Client:
    """The client of sentry-sdk."""

    def __init__(self) -> None:
        self._client = client = sentry_sdk.get_client()
        self.options: dict[str, Any] = client.options
        self.lost = watch(client.transport)
        self.version: str = (version := sentry_sdk.VERSION)
        self._sdk_info = {
            "name": "sentry.python",
            "version": version,
            "packages": [{"name": "pypi:sentry-sdk", "version": version}],
            "integrations": sorted(client.integrations),
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
        event["sdk"] = self._sdk_info
        event.setdefault("breadcrumbs", {"values": []})
        event.setdefault("contexts", {})["trace"] = scopes.trace_now()
        made = info, transaction or program_name(), event.pop("fingerprint", None)
        # As keywords they win over those of the scopes.
        scope_kwargs = {name: event[name] for name in ("tags", "contexts")}
        return sentry_sdk.capture_event(
            PreSerializedEvent(event, self.options),  # type: ignore[arg-type] # an Event is a TypedDict
            {**hint, HINT_KEY: made},
            **scope_kwargs,
        )

    def why_off(self) -> str:
        """Return why what fails here does not leave by this client; no text if it does."""
        active = sentry_sdk.get_client()
        if active is self._client and self._client.transport is not None:
            return ""
        what = "was closed" if active is self._client else "was removed"
        if active.is_active() and active is not self._client:
            what = "was replaced: another client is active"
        return f"the sentry_sdk client of sentryinit {what}; remove the call that does so"

    def waiting(self) -> int:
        """Return how many events are queued or being sent."""
        return transport.waiting(self._client.transport)

    def flush(self, timeout: float) -> None:
        """Send what is queued, for at most *timeout* seconds."""
        sentry_sdk.flush(timeout=timeout)


def update_masks(settings: Settings) -> None:
    """Mask by what *settings* have now: hooks and filters keep their redactor."""
    vars(_redactor).update(vars(_make_redactor(settings)))


def _make_redactor(settings: Settings) -> Redactor:
    dsn, key = urlsplit(settings.dsn), settings.mask_hash_key
    return Redactor(
        settings.mask_keys,
        (settings.debug_token, dsn.username or "", dsn.password or "", key),
        settings.mask_patterns,
        parameters=settings.mask_path_parameters,
        hash_key=key,
        ip=settings.mask_ip,
        queries="query" in settings.collect,
        limit=settings.max_value_length,
    )
