"""The hooks that sentry-sdk calls for everything that leaves."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from typing import Any

from sentryinit._boundary.capture import Capture
from sentryinit._boundary.current import current_capture
from sentryinit._boundary.debug_route import DebugPanic
from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo
from sentryinit._config.settings import Settings
from sentryinit._events import build, source_context
from sentryinit._events.place import exception_fingerprint, fingerprint
from sentryinit._events.task_name import lost_task_name, task_name
from sentryinit._policy import aborts, exceptions
from sentryinit._policy.grouping import error_label, group_key, group_label, without_numbers
from sentryinit._policy.log_records import FrozenRecord, message_of
from sentryinit._policy.loggers import is_of_event_loop, is_of_worker
from sentryinit._policy.rate_limit import carried
from sentryinit._policy.verdict import Reason, Seen
from sentryinit._redaction.fallback import fallback_event
from sentryinit._redaction.redactor import Masked, Redactor
from sentryinit._sdk import scopes
from sentryinit._state import STATE, no_op

_Event = dict[str, Any]
_Hint = dict[str, Any]
_KEPT = ("timestamp", "platform", "level", "type")
_Made = tuple[RequestInfo, str, "list[str] | None"]

log = logging.getLogger("sentryinit")

# In the hint: the id that capture_event() returns, whatever processors and hooks do to the event.
ID_KEY = "sentryinit.id"
# What an event of ours has in its hint: the description of its request, and the transaction and
# fingerprint that it has unless the application has set them.
HINT_KEY = "sentryinit"
# What an event tells of, for the transport: a Carried.
CARRIED_KEY = "sentryinit.carried"

# Integrations of sentry-sdk that do the work of our boundary, and the mechanisms on the events of
# these and others. The names of adapters count as well.
FRAMEWORKS = frozenset(
    "aiohttp bottle django falcon fastapi flask litestar pyramid quart sanic starlette "
    "tornado".split()
)
_MECHANISMS = FRAMEWORKS.union(("asgi", "celery", "starlite", "wsgi"))


class EventId:
    """The id of an event; *is_ready*: the hooks have passed, and the event is sent.

    *dropped_by*: the reason if there is no event; None if that was logged already. *admitted*: the
    kind of an event that is not ours, and how many of it were suppressed.
    """

    __slots__ = ("admitted", "dropped_by", "is_ready", "value")

    def __init__(self, value: str) -> None:
        self.value, self.is_ready = value, False
        self.admitted: tuple[Hashable, int] | None = None
        # Processors come before the hooks.
        self.dropped_by: Reason | None = Reason.PROCESSOR


class Hooks:
    """The hooks of one client. They never raise; no fault of ours loses an event."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._settings, self._redactor = settings, redactor

    def before_send(self, event: _Event, hint: _Hint) -> _Event | None:
        """Return *event* as it may leave, or None. Runs last of all hooks."""
        # Attachments are not masked: they do not leave.
        hint["attachments"] = []
        if event.get("type") == "check_in":
            changed = self._users_hook(event, hint)
            if changed is None:
                return None
            masked = self._redactor.item(changed)
            masked = masked or Masked(fallback_event(changed, "redaction_error"))
            return _with_id(masked, event, hint)
        info = UNDESCRIBED
        try:
            made = hint.get(HINT_KEY) or self._complete(event, hint)
            if made is None:
                _note_drop(hint, None)
                return None
            info, *defaults = made
            user = getattr(current_capture(), "user", {})
            build.add_defaults(self._settings, event, user, *defaults)
            if self._settings.include_source_context:
                source_context.add_source_lines(event)
        except Exception as error:  # noqa: BLE001 # an event must not be lost by a fault of ours
            log.warning("completing an event failed: %s", type(error).__name__)
            event = fallback_event(event, "report_error")
        changed = self._users_hook(event, hint)
        if not changed:
            _note_drop(hint, Reason.BEFORE_SEND)
            return None
        # Not by the event's path: a hook may have changed it.
        masked = self._redactor.event(changed, info.route or "", info.path, info.query)
        masked.carried = told = hint.get(CARRIED_KEY)
        if told is not None:
            # The hook may have made a new event.
            build.add_suppressed(masked, sum(told.suppressed.values()))
        self._add_nonce(masked, _exception_of(hint))
        _mark_captured(_with_id(masked, event, hint), hint)
        return masked

    def _add_nonce(self, event: Masked, exc: BaseException | None) -> None:
        """Add the tag ``nonce`` to *event*, after masking: it may look like a secret (I4)."""
        nonce = exc.nonce if type(exc) is DebugPanic else ""
        if nonce and not self._redactor.has_known_secret(nonce):
            event["tags"] = {**event.get("tags", {}), "nonce": nonce}

    def _complete(self, event: _Event, hint: _Hint) -> _Made | None:
        """Add what events of ours have to *event*, which is not ours; return None to drop it."""
        capture, exc, record = current_capture(), _exception_of(hint), hint.get("log_record")
        by_loop = record is not None and is_of_event_loop(record)
        if isinstance(record, FrozenRecord):
            key, suppressed = record.kind, record.suppressed
            unhandled = record.by_server or by_loop or is_of_worker(record)
            for value in event.get("exception", {}).get("values", ()) if unhandled else ():
                # Of the application nobody has handled it.
                value["mechanism"] = {**value.get("mechanism", {}), "handled": False}
        else:
            text = _text(event, hint)
            adapter = [] if capture is None else [capture.adapter.name]
            repeats = _is_frameworks(event, *adapter, *STATE.boundaries)
            key, count = admit(exc, without_numbers(text), text, repeats=repeats)
            if count is None:
                return None
            suppressed = count
            if ID_KEY in hint:
                hint[ID_KEY].admitted = key, suppressed
        hint[CARRIED_KEY] = carried(key, suppressed)
        if not event.get("release"):
            event.pop("release", None)
        if record is not None:
            # It may be deferred: the time is that of the record.
            event["timestamp"] = record.created
        info = UNDESCRIBED
        event.setdefault("contexts", {})["trace"] = scopes.trace_now()
        if capture is None:
            transaction = lost_task_name(exc) if by_loop else task_name()
        else:
            request = capture.snapshot()
            build.add_request(self._settings, event, request)
            info, transaction = request.info, request.info.transaction
        build.add_service(self._settings, event, suppressed)
        return info, transaction, self._fingerprint(event, hint, info.route)

    def _fingerprint(self, event: _Event, hint: _Hint, route: str | None) -> list[str] | None:
        exc, record = _exception_of(hint), hint.get("log_record")
        if exc is not None:
            stack = exceptions.traceback_of(exc)
            return exception_fingerprint(self._settings, exc, stack, route)
        template = str((event.get("logentry") or {}).get("message") or _text(event, hint))
        if event.get("exception") or not template:
            return None  # the application has made the event by hand
        kind = record.name if record else ""
        # Masked: a title that looks the same is one issue.
        template = without_numbers(self._redactor.text(template))
        return fingerprint(self._settings, "text", without_numbers(kind), template)

    def _users_hook(self, event: _Event, hint: _Hint) -> _Event | None:
        hook: Any = self._settings.before_send
        if hook is None:
            return event
        # The hook may change it before it raises, or make a new one.
        before = dict(event)
        try:
            result = hook(event, hint)
            changed = None if result is None else _with_kept(_event(result), before)
        except BaseException as error:  # noqa: BLE001 # the hook is code of the application
            log.warning("before_send failed: %s", error_label(error))
            # What it would have removed is unknown: no text of the application may leave.
            changed = fallback_event(before, "before_send_error")
        # The hook may have added attachments.
        hint["attachments"] = []
        return changed


def _exception_of(hint: _Hint) -> BaseException | None:
    found: BaseException | None = (hint.get("exc_info") or (None, None))[1]
    return found


def _mark_captured(event: _Event, hint: _Hint) -> None:
    """Remember that *event*, which leaves, is about an exception: no hook has dropped it.

    An event that sampling drops after this was decided on: it is one of the events.
    """
    capture, exc = current_capture(), _exception_of(hint)
    if exc is None:
        return
    event_id = event.get("event_id")
    exceptions.mark_captured(exc, event_id, in_request=capture is not None)
    if capture is not None and HINT_KEY not in hint:
        capture.mark_reported(exc, event_id)


def use_reserved_id(event: Any, hint: Any) -> None:
    """Give *event* the id that was asked for, if it is about that failure (A8)."""
    capture, exc = current_capture(), _exception_of(hint or {})
    if capture is not None and (exc is not None or HINT_KEY in (hint or {})):
        reserved = capture.reserved(exc)[0]
        if reserved is not None:
            event["event_id"] = reserved


def admit(
    exc: BaseException | None, key: Hashable, title: str, *, repeats: bool = False
) -> tuple[Hashable, int | None]:
    """Decide on an event that is not ours; return its kind, and how many were suppressed before it.

    None: it is no event. *key*: the kind of one without an exception. *repeats*: it repeats what a
    boundary reports.
    """
    capture, reporter = current_capture(), STATE.reporter
    if exc is None:
        seen, label = Seen(title=lambda: title), str(key)
    else:
        stack = exceptions.traceback_of(exc)
        seen, label = _seen(exc, capture, repeats=repeats), group_label(exc, stack)
        key = capture.origin(exc, None).key if capture else group_key(exc, stack, no_op)
    return key, 0 if reporter is None else reporter.admit(seen, key, label, capture)


def _seen(exc: BaseException, capture: Capture[Any] | None, *, repeats: bool) -> Seen:
    """Return what is known of *exc*, which an event that is not ours is about."""
    if capture is None:
        return Seen(exc, aborted=aborts.is_abort(exc), is_reported=exceptions.was_captured)

    def is_reported(exc: BaseException) -> bool:
        return repeats or capture.already_reported(exc) or exceptions.was_captured(exc)

    return Seen(exc, aborted=capture.is_abort(exc), is_reported=is_reported)


def _event(result: Any) -> _Event:
    if not isinstance(result, dict) or not result:
        raise TypeError
    return result


def _with_kept(event: _Event, before: _Event) -> _Event:
    """Return *event*, perhaps a new one, with what it lacks, and as an error for the SDK."""
    others = {
        name: value
        for name, value in event.items()
        if name != "type" and not (name == "level" and value is None)
    }
    return {name: before[name] for name in _KEPT if name in before} | others


def _with_id(masked: Masked, event: _Event, hint: _Hint) -> Masked:
    """Give *masked* the id of *event*: the SDK fails without one."""
    known = hint.get(ID_KEY)
    if known is not None:
        known.is_ready, known.dropped_by = True, Reason.SAMPLED
    masked["event_id"] = event["event_id"] if known is None else known.value
    return masked


def _note_drop(hint: _Hint, reason: Reason | None) -> None:
    if ID_KEY in hint:
        hint[ID_KEY].dropped_by = reason


def _text(event: _Event, hint: _Hint) -> str:
    if "log_record" in hint:
        # Older releases of sentry-sdk leave the formatting to the backend.
        return message_of(hint["log_record"])
    entry = event.get("logentry") or {}
    text = entry.get("formatted") or entry.get("message") or event.get("message")
    # The application may have made the event by hand.
    return str(text or _last_value(event).get("type") or "")


def _last_value(event: _Event) -> _Event:
    return ((event.get("exception") or {}).get("values") or [{}])[-1] or {}


def _is_frameworks(event: _Event, *adapters: str) -> bool:
    """Return True if sentry-sdk's own integration of a framework made *event*."""
    kind = (_last_value(event).get("mechanism") or {}).get("type")
    return kind in _MECHANISMS or kind in adapters
