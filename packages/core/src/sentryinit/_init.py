"""``init``: from settings to a configured ``sentry_sdk``, or to nothing at all."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sentryinit._config import settings as _settings
from sentryinit._state import STATE

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from sentryinit._config.checks import Problem
    from sentryinit._config.options import Options

log = logging.getLogger("sentryinit")


# The service of tests, until the application says what it is.
TEST_SERVICE = "test-service"

# Threads that build their applications at once; re-entrant, as hooks are imported on the way.
_lock = threading.RLock()


class Handle:
    """What :func:`init` returns: call it to flush, or use it as a context manager.

    As a context manager it reports the exception that leaves the block, lets it go on, and flushes.
    """

    def __call__(self) -> None:
        """Send what waits, for at most ``flush_timeout`` seconds. Does nothing when off."""
        if STATE.reporter is not None:
            STATE.reporter.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if STATE.reporter is not None and exc is not None:
            STATE.reporter.escaped(exc, "sentryinit")
        self()


def init(service: str | None = None, /, **options: Unpack[Options]) -> Handle:
    """Configure error reporting for this process; the first call counts.

    Every option is taken from its argument, else from its environment variable, else from its
    default: see ``docs/reference/settings.md``. Without a DSN nothing is installed and
    ``sentry_sdk`` is not imported; with a malformed one likewise, after a warning.

    Raises ``TypeError`` or ``ValueError`` for an unknown option, for one of ``sentry_sdk``'s that
    is not yours to set, and for a wrong value in an argument. A wrong value in the environment is
    a warning.
    """
    arguments: dict[str, Any] = dict(options)
    if service is not None:
        if "service" in arguments:
            raise TypeError("init() got service twice: by position and by name")
        arguments["service"] = service
    with _lock:
        if STATE.settings is not None:
            _again(_settings.check_arguments(arguments, "argument"))
        else:
            _start(_settings.resolve(arguments, os.environ))
    return Handle()


def stats() -> dict[str, int]:
    """Return what has been counted since this process started, or was forked; zeros when off.

    ``failures``: met with. ``delivered``: handed to the SDK's queue. ``suppressed``: held back by
    the storm guard. ``dropped``: by your ``before_send``, or by sampling. ``failures`` is the sum
    of these three. ``lost``: items that the queue or the backend did not take after all.
    """
    counts = STATE.reporter.stats() if STATE.reporter is not None else {}
    names = "failures", "delivered", "suppressed", "dropped", "lost"
    return {name: counts.get(name, 0) for name in names}


def ensure(
    boundary: str, default_service: str | None = None, config: Mapping[str, Any] | None = None
) -> bool:
    """Run :func:`init` for an adapter if nobody has; tell whether reporting is on.

    *boundary* names who asks. *config* are options from the framework's configuration; there, text
    is read as in the environment. *default_service* counts if no service is configured.
    """
    config = _settings.parse_texts(config or {})
    where = f"{boundary} configuration"
    with _lock:
        if STATE.settings is not None:
            _again(_settings.check_arguments(config, where))
        else:
            _start(
                _settings.resolve(config, os.environ, where=where, default_service=default_service)
            )
    if STATE.reporter is None:
        STATE.left_out += (boundary,)
    return STATE.reporter is not None


def ended(boundary: str, exc: BaseException | None = None) -> None:
    """Flush, for an adapter whose service ends; report *exc*, if that is what it ended with.

    Blocking the loop is no harm: nothing else is served by then.
    """
    if STATE.reporter is not None:
        if exc is not None:
            STATE.reporter.escaped(exc, boundary)
        STATE.reporter.flush(last=True)


def problems() -> Iterator[Problem]:
    """Yield the problems of the configuration; there are none before :func:`init` has run."""
    from sentryinit._config import checks  # few processes ask

    conflicting = []
    if STATE.reporter is not None:
        # Imported already: there is a reporter.
        from sentryinit._sdk.client import rivals

        conflicting = rivals()
    return checks.problems(
        STATE.settings, is_on=STATE.reporter is not None, conflicting=conflicting
    )


def _again(given: Mapping[str, Any]) -> None:
    """Say what a second call would have changed: a fleet is not to guess which one counted."""
    settings = STATE.settings
    if settings is None:
        return
    asked = given.get("service", settings.service)
    if settings.service == TEST_SERVICE:
        settings.service = asked
    if asked != settings.service:
        log.warning(
            "init() was called again with another service: %s; %s stays", asked, settings.service
        )
    elif given.get("dsn") and STATE.reporter is None:
        log.warning(
            "init() was called again, with a DSN; the first call (by %s) had none, and counts",
            ", ".join(STATE.left_out) or "init() itself",
        )


def _start(settings: _settings.Settings) -> None:
    for warning in settings.warnings:
        log.warning("%s", warning)
    STATE.settings = settings
    host = _settings.backend_host(settings.dsn)
    if settings.dsn and host is None:
        log.warning(
            "the DSN of service %s (from %s) is malformed: expected "
            "https://<key>@<host>/<project number>; reporting is off",
            settings.service,
            settings.sources["dsn"],
        )
    if host is not None:
        _switch_on(settings)
    _announce(settings, host)


def _announce(settings: _settings.Settings, host: str | None) -> None:
    parts = [
        f"{name}={getattr(settings, name) or 'none'} ({settings.sources[name]})"
        for name in ("service", "environment", "release")
    ]
    where = f"backend={host} ({settings.sources['dsn']})" if host else "no usable DSN"
    log.info("%s: %s %s", "on" if STATE.reporter else "off", " ".join(parts), where)


def _switch_on(settings: _settings.Settings) -> None:
    # Not before there is a DSN: importing the SDK is most of what a start costs.
    from sentryinit._policy.ignore_rules import Policy
    from sentryinit._reporter import Reporter
    from sentryinit._sdk import client as _sdk

    policy = Policy(
        settings.ignore_errors,
        settings.ignore_messages,
        settings.ignore_statuses,
        settings.ignore_paths,
    )
    try:
        _sdk.configure(settings, policy)
    except Exception as error:
        suspects = settings.variables_for_sdk()
        if not suspects:
            # Nothing is on: whoever calls again with something better is the first.
            STATE.settings = None
            raise
        # What a variable asks for may not work here; the service is to run all the same.
        log.warning("%s: %s; reporting is off", ", ".join(suspects), type(error).__name__)
        return
    STATE.reporter = Reporter(settings, policy)
    _watch_process()


def _watch_process() -> None:
    """Report what escapes a thread, and at exit what the storm guard still holds.

    The SDK's own hook at exit sends what waits; ours is registered later, and so runs earlier.
    """
    if threading.excepthook.__module__ == __name__:
        return
    previous = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if STATE.reporter is not None and args.exc_value is not None:
            STATE.reporter.escaped(args.exc_value, "threading")
        previous(args)

    threading.excepthook = hook
    atexit.register(_summarise)
    # Where there is no fork, there is no such function either.
    getattr(os, "register_at_fork", dict)(after_in_child=_forked)


def _summarise() -> None:
    if STATE.reporter is not None:
        STATE.reporter.summarise()


def _forked() -> None:
    global _lock  # noqa: PLW0603 # a fork may have copied it while another thread held it
    _lock = threading.RLock()
    if STATE.reporter is not None:
        # Imported already: there is a reporter.
        from sentryinit._sdk import client as _sdk
        from sentryinit._sdk import scopes as _scope

        _scope.forked()
        STATE.reporter.forked()
        _sdk.renew()
