"""The events of a 5xx and of the storm guard, and what every event of a request has."""

from __future__ import annotations

import contextlib
import logging
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from typing import Any

from sentryinit._boundary.request_info import UNKNOWN_ROUTE, RequestInfo, Snapshot
from sentryinit._config.settings import Settings
from sentryinit._events.request import request_section
from sentryinit._policy.grouping import status_fingerprint
from sentryinit._policy.log_records import message_of
from sentryinit._policy.loggers import is_ignored, is_of_server

# As sentry-sdk writes a time.
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
# As sentry-sdk writes it.
_VERSION = "{}.{}.{}".format(*sys.version_info)
_RUNTIME = {"name": platform.python_implementation(), "version": _VERSION}
# Not later: a fork during an import may leave the child without the module.
_PACKAGES = []
with contextlib.suppress(ImportError):  # without metadata, as in some archives
    _PACKAGES.append({"name": "pypi:sentryinit", "version": metadata.version("sentryinit")})
# The kinds that a summary names; all others are one entry.
MAX_KINDS = 50
# The fields of a user that say who it is.
_WHO = ("id", "username", "email")


def status_event(settings: Settings, info: RequestInfo, status: int) -> dict[str, Any]:
    """Return the event of a 5xx response that no exception explains."""
    title, route = status_title(info, status), info.route or UNKNOWN_ROUTE
    return {
        "level": "error",
        "logentry": {"message": title, "formatted": title},
        "fingerprint": status_fingerprint(settings.service, info.method, route, status),
    }


def summary_event(settings: Settings, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the event about *counts*, the suppressed failures by label."""
    # Without the number: the title of an issue stays that of its first event.
    text = "failures held back by the storm guard"
    event: dict[str, Any] = {
        "level": "warning",
        "logentry": {"message": text, "formatted": text},
        "fingerprint": ["sentryinit", settings.service, "suppressed"],
    }
    add_service(settings, event, sum(counts.values()))
    event["contexts"]["sentryinit"]["kinds"] = most_frequent(counts)
    return event


def add_service(settings: Settings, event: dict[str, Any], suppressed: int = 0) -> None:
    """Add to *event* the tag ``service``, and how many of its kind were *suppressed* before it."""
    event["tags"] = {**(event.get("tags") or {}), "service": settings.service}
    add_suppressed(event, suppressed)


def add_suppressed(event: dict[str, Any], suppressed: int) -> None:
    """Add to *event* how many of its kind were *suppressed* before it, if any."""
    if suppressed:
        event["tags"] = {**(event.get("tags") or {}), "suppressed": str(suppressed)}
        contexts = event["contexts"] = {**(event.get("contexts") or {})}
        contexts["sentryinit"] = {**(contexts.get("sentryinit") or {}), "suppressed": suppressed}


def add_request(settings: Settings, event: dict[str, Any], request: Snapshot) -> None:
    """Add to *event*, of any origin, what it says about its *request*."""
    add_service(settings, event)
    info = request.info
    crumbs = event.setdefault("breadcrumbs", {}).setdefault("values", [])
    crumbs += breadcrumbs(
        settings,
        (
            record
            for record in request.recent_records
            if not (is_ignored(record, settings.ignore_loggers) or is_of_server(record))
        ),
    )
    if info.job:
        return
    event["request"] = request_section(info, settings.collect, settings.collect_headers)
    event["tags"]["route"] = info.route or UNKNOWN_ROUTE
    if info.route:
        event["transaction"], event["transaction_info"] = info.route, {"source": "route"}


def add_defaults(
    settings: Settings,
    event: dict[str, Any],
    user: Mapping[str, str],
    transaction: str,
    fingerprint: Sequence[str] | None,
) -> None:
    """Add to *event*, of any origin, what the application has not set; and what it runs on."""
    if settings.tags:
        event["tags"] = {**settings.tags, **(event.get("tags") or {})}
    own = event.get("user") or {}
    # Two persons are never mixed.
    if user and isinstance(own, Mapping) and own.keys().isdisjoint(_WHO):
        event["user"] = {**user, **own}
    if not event.get("transaction"):
        source = "route" if transaction == UNKNOWN_ROUTE else "task"
        event["transaction"], event["transaction_info"] = transaction, {"source": source}
    if fingerprint and not event.get("fingerprint"):
        event["fingerprint"] = fingerprint
    event.setdefault("contexts", {}).setdefault("runtime", {**_RUNTIME})
    _drop_doubles(event.get("breadcrumbs"))
    sdk = event.get("sdk") or {}
    event["sdk"] = {**sdk, "packages": [*sdk.get("packages", ()), *_PACKAGES]}


def _drop_doubles(crumbs: Any) -> None:
    """Remove those of ours that a logging integration of the application has added as well."""
    values = crumbs.get("values") if isinstance(crumbs, dict) else None
    if not isinstance(values, list) or not all(isinstance(each, dict) for each in values):
        return  # the application may have made the event by hand

    def of(crumb: dict[str, Any]) -> str:
        return repr([crumb.get(name) for name in ("category", "message", "timestamp")])

    # Only those of sentry-sdk have the extra data of the record.
    theirs = {of(each) for each in values if "data" in each}
    if theirs:
        crumbs["values"] = [each for each in values if "data" in each or of(each) not in theirs]


def add_response(
    settings: Settings, event: dict[str, Any], status: int, about: Iterable[logging.LogRecord]
) -> None:
    """Add to *event*, ours, the *status* of its request, and the records *about* it."""
    if "request" in event:
        event["tags"]["status_code"] = str(status)
        event.setdefault("contexts", {})["response"] = {"status_code": status}
    event["breadcrumbs"]["values"] += breadcrumbs(settings, about)


def status_title(info: RequestInfo, status: int) -> str:
    """Return the title of a 5xx response that no exception explains."""
    return f"HTTP {status} {info.method} {info.route or UNKNOWN_ROUTE}"


def most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of the most frequent kinds, and all others as one."""
    ranked = sorted(counts.items(), key=lambda pair: pair[1], reverse=True)
    named, others = dict(ranked[:MAX_KINDS]), ranked[MAX_KINDS:]
    if others:
        named[f"{len(others)} more"] = sum(count for _label, count in others)
    return named


def breadcrumbs(settings: Settings, records: Iterable[logging.LogRecord]) -> list[dict[str, Any]]:
    """Return *records* as breadcrumbs, as the user's hook changes them."""
    hook: Any = settings.before_breadcrumb
    made = []
    for record in records:
        crumb = _breadcrumb(record)
        changed = crumb if hook is None else hook({**crumb}, {"log_record": record})
        if isinstance(changed, Mapping):
            # sentry-sdk sorts by the time.
            made.append({**changed, "timestamp": changed.get("timestamp") or crumb["timestamp"]})
    return made


def _breadcrumb(record: logging.LogRecord) -> dict[str, Any]:
    time = datetime.fromtimestamp(record.created, timezone.utc)
    return {
        "type": "log",
        "level": record.levelname.lower(),
        "category": record.name,
        "message": message_of(record),
        "timestamp": time.strftime(TIME_FORMAT),
    }
