"""Whether this process reports, and if not, why."""

from __future__ import annotations

from typing import TypedDict

from sentryinit._config.settings import Settings, backend_host
from sentryinit._logger import log
from sentryinit._state import STATE, no_op

# What stats() has, in this order.
COUNTS = (
    "failures delivered suppressed dropped lost lost_queue_full lost_network lost_refused "
    "lost_rate_limited lost_at_exit aborted ignored duplicates"
).split()


class Status(TypedDict):
    """What :func:`status` returns."""

    on: bool
    reason: str
    service: str
    environment: str
    release: str
    backend: str
    sdk: str
    scope: str
    counts: dict[str, int]


def stats() -> dict[str, int]:
    """Return the counts since this process started, or was forked; zeros when off.

    ``failures`` is the sum of ``delivered`` (passed to sentry-sdk's queue), ``suppressed`` (by the
    storm guard) and ``dropped`` (by your ``before_send``, or by sampling). ``lost``: failures that
    the backend is not told of, the sum of ``lost_queue_full``, ``lost_network``, ``lost_refused``,
    ``lost_rate_limited`` and ``lost_at_exit``. No failures, and so no events: ``aborted`` (the
    client, the server or a caller gave up), ``ignored`` (by your settings), ``duplicates`` (on an
    event already).
    """
    counts = STATE.reporter.stats() if STATE.reporter is not None else {}
    return {name: counts.get(name, 0) for name in COUNTS}


def why_off() -> str:
    """Return why reporting is off here and now; no text if it is on."""
    return STATE.why_off if STATE.reporter is None else STATE.reporter.why_off()


def is_on() -> bool:
    """Return True if the failures of this process are sent to its backend.

    False also if another client of ``sentry_sdk`` has replaced that of sentryinit, or it is closed.
    Says nothing about whether the backend accepts them: ``lost`` of :func:`stats` does.
    """
    return not why_off()


def status() -> Status:
    """Return what a health page shows: whether reporting is on, and if not, why.

    Has ``on``, ``reason`` (empty if on), ``service``, ``environment``, ``release``, ``backend`` (a
    host), ``sdk`` (the version of ``sentry_sdk``), ``scope`` (``lazy`` or ``fallback``), ``counts``
    (:func:`stats`). What is not known, or is off, is an empty text. It has no secret.
    """
    reason, settings, reporter = why_off(), STATE.settings, STATE.reporter
    is_lazy = STATE.scopes.get_isolation is not no_op
    backend = sdk = scope = ""
    if reporter is not None and settings is not None and not reason:
        backend, sdk = backend_host(settings.dsn) or "", reporter.sdk_version
        scope = "lazy" if is_lazy else "fallback"
    return {
        "on": not reason,
        "reason": reason,
        "service": settings.service if settings is not None else "",
        "environment": settings.environment if settings is not None else "",
        "release": settings.release if settings is not None else "",
        "backend": backend,
        "sdk": sdk,
        "scope": scope,
        "counts": stats(),
    }


def log_settings(settings: Settings, why: str) -> None:
    """Log the *settings* that count from now on; *why* reporting is off, if it is."""
    if not why and settings.sources["service"] == "default":
        log.warning("the service has no name (unknown_service): set SENTRYINIT_SERVICE")
    elif why and settings.dsn and settings.enabled:
        log.warning(
            "the DSN of service %s (from %s) is malformed: expected "
            "https://<key>@<host>/<project number>; reporting is off",
            settings.service,
            settings.sources["dsn"],
        )
    parts = [
        f"{name}={getattr(settings, name) or 'none'} ({settings.sources[name]})"
        for name in ("service", "environment", "release")
    ]
    host = backend_host(settings.dsn)
    where = "no usable DSN" if why else f"backend={host} ({settings.sources['dsn']})"
    if not settings.enabled:
        where = f"enabled=false ({settings.sources['enabled']})"
    log.info("%s: %s %s", "on" if STATE.reporter else "off", " ".join(parts), where)
