"""Reading the settings: by argument, then the environment, then the default.

Knows nothing of ``sentry_sdk``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sentryinit._config.options import TABLE, Option

PREFIX = "SENTRYINIT_"

# The parts of a DSN. sentry-sdk takes more, and then nothing arrives: what an editor left in it
# goes into a header, or into the name that is asked for.
_KEY = re.compile(r"[\w.~%+-]+", re.ASCII)
_HOST = re.compile(r"[\w.:%-]+")
_PROJECT = re.compile(r"/(?:[\w.~%/-]+/)?\d+", re.ASCII)

# Options of sentry-sdk that are ours to set, with what to do instead.
OWNED: dict[str, str] = {
    name: why
    for why, names in {
        "personal data is never collected wholesale; ask for single carriers with "
        "collect=[...] and collect_headers=[...]": "send_default_pii data_collection",
        "sentryinit masks events itself, last in the chain; add names with mask_keys=[...]": (
            "event_scrubber"
        ),
        "integrations are listed one by one; add yours with integrations=[...]": (
            "default_integrations auto_enabling_integrations disabled_integrations"
        ),
        "frames carry no locals unless asked for with collect=['locals']": (
            "include_local_variables"
        ),
        "bodies are never read": "max_request_body_size",
        "set flush_timeout": "shutdown_timeout",
        "only errors are reported; OpenTelemetry does the rest": (
            "traces_sample_rate traces_sampler enable_tracing trace_propagation_targets "
            "propagate_traces functions_to_trace instrumenter trace_ignore_status_codes "
            "trace_lifecycle ignore_spans stream_gen_ai_spans strict_trace_continuation org_id "
            "profiles_sample_rate profiles_sampler profiler_mode profile_lifecycle "
            "profile_session_sample_rate auto_session_tracking enable_logs enable_metrics "
            "before_send_transaction before_send_span before_send_log before_send_metric "
            "enable_backpressure_handling enable_db_query_source db_query_source_threshold_ms "
            "enable_http_request_source http_request_source_threshold_ms _experiments"
        ),
    }.items()
    for name in names.split()
}


def variables(name: str) -> tuple[str, ...]:
    """Return the environment variables of option *name*, the first that is set wins."""
    return TABLE[name].env or (PREFIX + name.upper(),)


class Settings:
    """Resolved settings: values by option name, where each came from, and what was wrong."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.warnings: list[str] = []

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def variables_for_sdk(self) -> list[str]:
        """Return the variables whose values ``sentry_sdk`` gets as they are."""
        return [
            source
            for name, source in self.sources.items()
            if (TABLE[name].sdk or name == "integrations") and source in variables(name)
        ]


def _shown(option: Option, value: object) -> str:
    text = repr(value)
    # Whatever looks like an address may carry a key, whichever setting it was put in by mistake.
    if option.kind.secret or "://" in text:
        return f"a {type(value).__name__} that is not shown"
    return text if len(text) <= 80 else text[:77] + "..."


def _complaint(name: str, where: str, option: Option, value: object) -> str:
    return f"{where}: {name} must be {option.kind.expected}, not {_shown(option, value)}"


def _nearest(name: str, names: Sequence[str], cutoff: float = 0.5) -> str:
    import difflib  # for those who misspell

    close = difflib.get_close_matches(name, names, 1, cutoff)
    return close[0] if close else ""


def _refuse(name: str) -> None:
    if name in OWNED:
        raise TypeError(f"option {name} cannot be set: {OWNED[name]}")
    if name not in TABLE:
        meant = _nearest(name, list(TABLE))
        raise TypeError(f"unknown option {name}" + (f"; did you mean {meant}?" if meant else ""))


def check_arguments(arguments: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return *arguments* in the core's terms.

    Raises ``TypeError`` or ``ValueError`` that names the option, what it was and what is
    expected, for an unknown option, one of ours, or a wrong value. None means not given.
    """
    values = {}
    for name, value in arguments.items():
        _refuse(name)
        if value is None:
            continue
        try:
            values[name] = TABLE[name].kind.check(value)
        except (TypeError, ValueError) as error:
            complaint = _complaint(name, where, TABLE[name], value)
            raise type(error)(complaint) from None
    return values


def _from_environment(name: str, environ: Mapping[str, str], settings: Settings) -> None:
    option = TABLE[name]
    for variable in variables(name):
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            settings.values[name] = option.kind.parse(text)
        except (TypeError, ValueError):
            repaired = option.kind.repair(text) if option.kind.repair else None
            settings.values[name] = option.default if repaired is None else repaired
            settings.warnings.append(
                f"{_complaint(name, variable, option, text)}; using {settings.values[name]!r}"
            )
        settings.sources[name] = variable
        return


def resolve(
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    where: str = "argument",
    fallbacks: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings: by *arguments*, then *environ*, then *fallbacks*, then default.

    A wrong argument raises (see :func:`check_arguments`); a wrong or unknown variable is a
    warning in the result, with a safe value in its place.
    """
    settings = Settings()
    given = check_arguments(arguments, where)
    for name, option in TABLE.items():
        settings.values[name], settings.sources[name] = option.default, "default"
        if fallbacks and name in fallbacks:
            settings.values[name], settings.sources[name] = fallbacks[name], "application"
        if name in given:
            settings.values[name], settings.sources[name] = given[name], where
        else:
            _from_environment(name, environ, settings)
    settings.warnings += _unknown(environ)
    return settings


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = [variable for name in TABLE for variable in variables(name)]
    # By what stands behind the prefix: it is the same in all of them.
    meant = {name.upper(): variables(name)[0] for name in TABLE}
    meant |= {variable.removeprefix(PREFIX): variable for variable in known}
    found = []
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in known:
            option = variable[len(PREFIX) :]
            why = OWNED.get(option.lower())
            near = meant[_nearest(option, list(meant), 0)]
            hint = (
                f"cannot be set: {why}"
                if why
                else f"is not a setting of sentryinit; did you mean {near}?"
            )
            found.append(f"{variable} {hint}")
    return found


def backend(dsn: str) -> str | None:
    """Return the host that *dsn* points to, or None if it is malformed."""
    try:
        parts = urlsplit(dsn)
        good = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        return None
    key, host = f"{parts.username or ''}{parts.password or ''}", parts.hostname or ""
    whole = _KEY.fullmatch(key) and _PROJECT.fullmatch(parts.path) and _HOST.fullmatch(host)
    return host if good and whole and parts.username else None
