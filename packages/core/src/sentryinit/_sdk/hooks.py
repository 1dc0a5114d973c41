"""The hooks that ``sentry_sdk``'s client calls on whatever leaves: the last ones there are."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from sentryinit._boundary.capture import Capture, current
from sentryinit._boundary.request_info import UNDESCRIBED, UNKNOWN, section, trace
from sentryinit._config.settings import Settings
from sentryinit._events.source_context import add_lines
from sentryinit._policy import ignore_rules as _policy
from sentryinit._policy.log_records import error_of, message_of
from sentryinit._redaction.fallback import fallback_event
from sentryinit._redaction.redactor import Masked, Redactor

log = logging.getLogger("sentryinit")

# In the hint of an event of ours: what we know of it.
OURS = "sentryinit"

# On an exception: it is on an event. The attribute says whether a request knows of that.
_MARK = "__sentryinit_seen__"
_IN_REQUEST, _ORPHAN = "in a request", "where no request was known"

# Mechanisms of the SDK's own integrations for what is behind a boundary of ours.
_FRAMEWORKS = frozenset(
    "aiohttp asgi bottle django falcon fastapi flask litestar pyramid quart sanic "
    "starlette starlite tornado wsgi".split()
) - {"celery"}


def is_seen(exc: BaseException) -> bool:
    """Tell whether *exc*, or what it came from, is on an event already."""
    return any(_MARK in link.__dict__ for link in _policy.tree(exc))


def claim_orphan(exc: BaseException) -> bool:
    """Tell whether *exc* was captured where its request was not known, as in a worker thread.

    True once: the next request that raises the same instance has a failure of its own.
    """
    orphans = [e for e in _policy.tree(exc) if e.__dict__.get(_MARK) == _ORPHAN]
    for orphan in orphans:
        _mark(orphan, _IN_REQUEST)
    return bool(orphans)


def _mark(exc: BaseException, value: str) -> None:
    try:
        setattr(exc, _MARK, value)
    except (AttributeError, TypeError):
        # A class with slots: it goes unmarked, and a second capture outside is a second event.
        log.debug("%s cannot be marked", type(exc).__name__)


class Hooks:
    """``before_send`` and ``before_breadcrumb``; neither raises, neither loses an event."""

    def __init__(self, settings: Settings, policy: _policy.Policy, redactor: Redactor) -> None:
        self._settings, self._policy, self._redact = settings, policy, redactor

    def before_send(self, event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any] | None:
        """Return *event* as it may leave, or None. The last hook there is; never raises."""
        # Attachments pass no hook at all: they do not leave.
        hint["attachments"] = []
        if event.get("type") == "check_in":
            return self._after_users_hook(event, hint, None)
        capture = None
        try:
            capture = _capture_of(hint)
            if self._drops(event, hint, capture):
                return None
            self._enrich(event, hint, capture)
        except Exception as error:  # noqa: BLE001 # an event must not be lost to a fault of ours
            log.warning("completing an event failed: %s", type(error).__name__)
            event = fallback_event(event, "report_error")
        return self._after_users_hook(event, hint, capture)

    def before_breadcrumb(self, crumb: dict[str, Any], hint: dict[str, Any]) -> Any:
        """Return what the user's hook makes of *crumb*; if it fails, the crumb is lost."""
        try:
            return self._settings["before_breadcrumb"](crumb, hint)
        except Exception as error:  # noqa: BLE001 # the hook is somebody else's code
            log.warning("before_breadcrumb failed: %s", type(error).__name__)
            return None

    def _drops(self, event: dict[str, Any], hint: dict[str, Any], capture: Any) -> bool:
        """Tell whether *event*, the application's or the SDK's, is ignored or no news."""
        if OURS in hint:
            return False
        exc = _exception(hint)
        if exc is None:
            return self._policy.ignores_message(_text(event, hint))
        aborts = _policy.is_abort if capture is None else capture.is_abort
        if aborts(exc) or self._policy.ignores(exc):
            return True
        if is_seen(exc) or (capture is not None and (capture.knows(exc) or _is_frameworks(event))):
            return True
        if capture is not None:
            capture.told(exc, event.get("event_id"))
        return False

    def _enrich(self, event: dict[str, Any], hint: dict[str, Any], capture: Any) -> None:
        ours = hint.get(OURS, {})
        exc = _exception(hint)
        if exc is not None:
            _mark(exc, _ORPHAN if capture is None else _IN_REQUEST)
        tags = event["tags"] = {**(event.get("tags") or {}), "service": self._settings["service"]}
        if self._settings["include_source_context"]:
            add_lines(event)
        if not event.get("release"):
            event.pop("release", None)
        if "log_record" in hint:
            # It may have been held: the moment that counts is when it was logged.
            event["timestamp"] = hint["log_record"].created
        if "level" in ours:
            event["level"] = ours["level"]
        contexts = event.setdefault("contexts", {})
        if capture is None:
            sdks = contexts.get("trace") or {}
            known = {name: value for name, value in sdks.items() if value}
            contexts["trace"] = trace(known or None, UNDESCRIBED)
            return
        _add_crumbs(event, capture.crumbs)
        info = capture.describe()
        capture.trace = contexts["trace"] = trace(capture.trace, info)
        if "status" in ours:
            tags["status_code"] = str(ours["status"])
            contexts["response"] = {"status_code": ours["status"]}
            _fold(event, capture.related())
        event["request"] = section(info, self._settings.values)
        event["transaction"] = info.route or UNKNOWN
        event["transaction_info"] = {"source": "route"}

    def _after_users_hook(
        self, event: dict[str, Any], hint: dict[str, Any], capture: Any
    ) -> dict[str, Any] | None:
        hook = self._settings["before_send"]
        changed: Any = event
        if hook is not None:
            # The hook may take the event apart before it fails.
            kept = dict(event)
            try:
                changed = _event_or_none(hook(event, hint))
            except Exception as error:  # noqa: BLE001 # the hook is somebody else's code
                log.warning("before_send failed: %s", type(error).__name__)
                # What it would have taken out is not known, so nothing of the kind stays in.
                changed = fallback_event(kept, "before_send_error")
            # It may add attachments as well.
            hint["attachments"] = []
        return None if changed is None else self._masked(changed, capture)

    def _masked(self, event: dict[str, Any], capture: Any) -> Masked:
        if event.get("type") == "check_in":
            # The SDK raises KeyError if what this returns has no event_id.
            return self._redact.item(event) or Masked(fallback_event(event, "redaction_error"))
        # The request's own: a hook may have changed what the event says of it.
        info = UNDESCRIBED if capture is None else capture.describe()
        # An adapter may return something else than a RequestInfo.
        route, path = getattr(info, "route", None) or "", getattr(info, "path", "")
        return self._redact.event(event, route, path)


def _event_or_none(result: Any) -> Any:
    if result is not None and not (isinstance(result, dict) and result):
        raise TypeError
    return result


def drop(item: Any, hint: Any) -> None:  # the signature of a hook
    """Let nothing through: transactions, logs and metrics are not errors."""


def _exception(hint: dict[str, Any]) -> BaseException | None:
    return (hint.get("exc_info") or (None, None))[1]


def _text(event: dict[str, Any], hint: dict[str, Any]) -> str:
    if "log_record" in hint:
        # Older releases of the SDK leave the arguments to the backend.
        return message_of(hint["log_record"])
    entry = event.get("logentry") or {}
    return str(entry.get("formatted") or entry.get("message") or event.get("message") or "")


def _capture_of(hint: dict[str, Any]) -> Capture[Any] | None:
    if OURS in hint:
        return hint[OURS].get("capture")  # type: ignore[no-any-return] # the hint is untyped
    return current()


def _is_frameworks(event: dict[str, Any]) -> bool:
    """Tell whether the SDK's own integration says what the boundary is about to say."""
    values = (event.get("exception") or {}).get("values") or [{}]
    return (values[-1].get("mechanism") or {}).get("type") in _FRAMEWORKS


def _fold(event: dict[str, Any], related: list[logging.LogRecord]) -> None:
    """Keep the text of records that told of the same failure, as breadcrumbs of its event."""
    _add_crumbs(event, [record for record in related if error_of(record) is None])


def _add_crumbs(event: dict[str, Any], records: Iterable[logging.LogRecord]) -> None:
    crumbs = [
        {
            "type": "log",
            "level": record.levelname.lower(),
            "category": record.name,
            "message": message_of(record),
            "timestamp": record.created,
        }
        for record in records
        if record.name != log.name
    ]
    if crumbs:
        event.setdefault("breadcrumbs", {}).setdefault("values", []).extend(crumbs)
