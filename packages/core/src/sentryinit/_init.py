"""``init``: from settings to a configured sentry-sdk, or to nothing at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sentryinit._config import callables, checks, later
from sentryinit._config import settings as _settings
from sentryinit._locks import RenewedLock
from sentryinit._logger import log
from sentryinit._policy import application
from sentryinit._process import install_hooks
from sentryinit._state import STATE, note_problem
from sentryinit._status import log_settings, why_off

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from sentryinit._config.options import Options

P = ParamSpec("P")
T = TypeVar("T")

# The service in tests, until the application sets its own.
TEST_SERVICE = "test-service"
# Of these a later set-up counts more than the first one.
_NEWEST = "dsn", "required"

# Several threads may build applications at once; re-entrant, because hooks are imported inside.
_lock = RenewedLock()


class Handle:
    """What :func:`init` returns: a context manager, and a way to flush.

    As a context manager it reports the exception that leaves the block, re-raises it, and flushes.
    """

    def flush(self) -> None:
        """Send what is queued, for at most ``flush_timeout`` seconds. Does nothing when off."""
        flush()

    __call__ = flush

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, exc: BaseException | None, _traceback: object) -> None:
        if STATE.reporter is not None and exc is not None:
            STATE.reporter.capture_unhandled(exc, "sentryinit")
        self.flush()


def init(service: str | None = None, /, **options: Unpack[Options]) -> Handle:
    """Configure error reporting for this process; the first call counts.

    Every option is taken from its argument, else from its environment variable, else from its
    default: see ``docs/reference/settings.md``. Without a DSN nothing is installed and
    ``sentry_sdk`` is not imported; with a malformed DSN likewise, after a warning.

    Raises ``TypeError`` or ``ValueError`` for an unknown option, for an option of ``sentry_sdk``
    that cannot be set, and for a wrong value in an argument. A wrong value in the environment is a
    warning. Raises ``RuntimeError`` if ``required`` is set and reporting would be off; the next
    call is then the first.
    """
    arguments: dict[str, Any] = dict(options)
    if service is not None:
        if "service" in arguments:
            raise TypeError("init() got service twice: by position and by name")
        arguments["service"] = service
    _start_once(arguments)
    return Handle()


def init_early() -> None:
    """Run :func:`init` before the application is imported; a set-up of its own still counts."""
    with _lock:
        if STATE.settings is None:
            _start(_settings.resolve({}, os.environ, is_early=True))


def flush() -> None:
    """Send what is queued, for at most ``flush_timeout`` seconds. Does nothing when off."""
    if STATE.reporter is not None:
        STATE.reporter.flush()


def event_id() -> str | None:
    """Return the id of the event about the failure of this request, for an error page.

    In an error handler the event may be still to be built: it will have this id. None if nothing
    fails, outside of requests, and if it is known that there will be no event: the error is
    ignored, the client is gone, the storm guard holds it back, or reporting is off.
    """
    if STATE.reporter is None:
        return None
    # With a reporter, it is imported already.
    from sentryinit._boundary.current import failure_id

    return failure_id()


def bind(function: Callable[P, T], /) -> Callable[P, T]:
    """Return *function* so that it runs as work of this request, in whatever thread it is called.

    Its events have the tags, the user and the trace of the request, also after the request. It runs
    in a copy of the context of now. An exception that leaves it is reported, once, because nobody
    may ask for the result of a job. Returns *function* itself if reporting is off.
    """
    if STATE.reporter is None:
        return function
    # With a reporter, sentry_sdk is imported already.
    from sentryinit._sdk.bound import bind_to_context

    return bind_to_context(function)


def ensure_initialized(
    boundary: str,
    default_service: str | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    loggers: Iterable[str] = (),
    command: str = "",
) -> bool:
    """Run :func:`init` for an adapter if nobody has; return True if reporting is on.

    *boundary* is the name of the adapter. *config* are options from the framework's configuration;
    there, text is read as in the environment. *default_service* counts if no service is configured.
    *loggers* are loggers of the framework that only repeat what the adapter reports: their records
    become no events. *command* is the command that a program of the framework runs.
    """
    where = f"{boundary} configuration"
    _start_once(_settings.parse_texts(config, where), where, default_service)
    STATE.command = STATE.command or command
    if boundary not in STATE.boundaries:
        STATE.boundaries += (boundary,)
        if STATE.reporter is not None:
            # With a reporter, sentry_sdk is imported already.
            from sentryinit._sdk.client import add_boundary

            add_boundary(boundary, loggers)
    return STATE.reporter is not None


def shutdown(boundary: str, exc: BaseException | None = None) -> None:
    """Flush, for an adapter whose service ends; report *exc*, if the service ended with it.

    It blocks an event loop, which serves nothing else by then.
    """
    if STATE.reporter is not None:
        if exc is not None:
            STATE.reporter.capture_unhandled(exc, boundary)
        STATE.reporter.flush(last=True)


def problems() -> Iterator[checks.Problem]:
    """Yield what is wrong with the set-up, once ``init`` has run."""
    is_on, conflicting, processors = STATE.reporter is not None, [], []
    if is_on:
        # With a reporter, sentry_sdk is imported already.
        from sentryinit._sdk import client

        conflicting, processors = client.conflicting_integrations(), client.foreign_processors()
    yield from checks.problems(STATE.settings, is_on=is_on, conflicting=conflicting)
    yield from checks.event_processors(processors)
    yield from STATE.problems


def _start_once(
    given: Mapping[str, Any], where: str = "argument", default_service: str | None = None
) -> None:
    with _lock:
        before = STATE.settings, STATE.why_off
        try:
            if before[0] is None or before[0].is_early:
                settings = _resolve(given, where, default_service)
                _end_early(before[0], settings)
                _start(settings)
            else:
                _start_again(before[0], given, where, default_service)
            if STATE.reporter is not None:
                application.note_entry()
        except BaseException:
            if STATE.reporter is None:
                # The next call is the first.
                STATE.settings, STATE.why_off = before
            raise


def _resolve(given: Mapping[str, Any], where: str, service: str | None) -> _settings.Settings:
    return _settings.resolve(given, os.environ, where=where, default_service=service)


def _start_again(
    first: _settings.Settings, given: Mapping[str, Any], where: str, default_service: str | None
) -> None:
    given = _settings.check_arguments(given, where)
    if STATE.reporter is None:
        _start_late(first, given, where, default_service)
    settings = STATE.settings or first
    _compare(settings, given, where)
    if given.get("required", settings.required):
        # Another client may have replaced ours.
        _fail_if_off(why_off(), where if "required" in given else settings.sources["required"])


def _end_early(early: _settings.Settings | None, settings: _settings.Settings) -> None:
    """End reporting by the settings *early*; *settings* of the application come in their place."""
    if early is None:
        return
    settings.warnings = [each for each in settings.warnings if each not in early.warnings]
    if STATE.reporter is not None:
        # With a reporter, sentry_sdk is imported already.
        from sentryinit._sdk.transport import close

        STATE.reporter = None
        close(early.flush_timeout)


def _start_late(
    first: _settings.Settings, given: Mapping[str, Any], where: str, default_service: str | None
) -> None:
    """Start if there is a DSN now. If boundaries have removed themselves, only say so."""
    newest = {name: given.get(name, first.given.get(name)) for name in _NEWEST}
    settings = _resolve({**given, **first.given, **newest}, where, default_service)
    is_late = _settings.backend_host(first.dsn) is None and not checks.why_off(settings)
    if is_late and not STATE.boundaries:
        settings.sources |= {n: first.sources[n] for n in first.given if n not in _NEWEST}
        settings.warnings = [each for each in settings.warnings if each not in first.warnings]
        _start(settings)
        return
    if is_late:
        problem = checks.late_dsn(first, STATE.boundaries[0])
        STATE.why_off = f"{problem.text} {problem.hint}"
        note_problem(problem)
    if settings.required:
        _fail_if_off(checks.why_off(settings) or STATE.why_off, settings.sources["required"])


def _fail_if_off(why: str, source: str) -> None:
    """Raise ``RuntimeError`` if reporting is off, and say *why*; *source*: who requires it."""
    if why:
        raise RuntimeError(f"required=true (from {source}), and reporting would be off: {why}")


def _compare(settings: _settings.Settings, given: Mapping[str, Any], where: str) -> None:
    """Warn if a later set-up differs from the first one, which counts; add the masks of both."""
    asked = given.get("service", settings.service)
    if settings.service == TEST_SERVICE:
        # A test has called init() in place of the application, whose call this is.
        settings.service = asked
        settings.given |= given
    elif asked != settings.service:
        log.warning(
            "init() was called again with another service: %s; %s stays", asked, settings.service
        )
    if STATE.reporter is not None or (given.get("enabled") and not settings.enabled):
        names = later.differing(settings, given)
        if names:
            note_problem(checks.ignored_options(names, where))
        if STATE.reporter is not None and later.add_masks(settings, given):
            # With a reporter, sentry_sdk is imported already.
            from sentryinit._sdk.client import update_masks

            update_masks(settings)


def _start(settings: _settings.Settings) -> None:
    callables.check(settings)
    for warning in settings.warnings:
        log.warning("%s", warning)
    why = checks.why_off(settings)
    if settings.required and not settings.is_early:
        _fail_if_off(why, settings.sources["required"])
    if not why:
        # With reporting, sentry_sdk is imported anyway.
        from sentryinit._sdk.callables import prepare

        prepare(settings)
    STATE.settings, STATE.why_off = settings, why
    if not why:
        _switch_on(settings)
    if not settings.is_early:
        log_settings(settings, why)


def _switch_on(settings: _settings.Settings) -> None:
    # Not before there is a DSN: the import of sentry-sdk is most of what a start costs.
    from sentryinit._policy.ignore_rules import IgnoreRules
    from sentryinit._reporter import Reporter
    from sentryinit._sdk.client import configure

    application.configure(settings.in_app_include, settings.in_app_exclude, settings.project_root)
    rules = IgnoreRules(
        settings.ignore_errors,
        settings.ignore_messages,
        settings.ignore_statuses,
        settings.ignore_paths,
    )
    suspects = ", ".join(settings.variables_for_sdk())
    try:
        client = configure(settings)
    except Exception as error:
        if not suspects:
            raise
        # A value from a variable may not work here; the service has to start all the same.
        refused = type(error).__name__
    else:
        STATE.reporter = Reporter(settings, rules, client)
        install_hooks()
        return
    STATE.why_off = f"sentry-sdk refuses a value of {suspects} ({refused}); correct or unset it"
    if settings.required:
        # After the handler: the error may have the value in its text.
        _fail_if_off(STATE.why_off, settings.sources["required"])
    log.warning("%s: %s; reporting is off", suspects, refused)
