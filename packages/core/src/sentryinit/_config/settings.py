"""The settings: from argument, environment or default. Checks the DSN."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from sentryinit._config import option_types
from sentryinit._config.option_types import WrongItem, nearest, unquoted
from sentryinit._config.options import REFUSED, TABLE, SettingValues

PREFIX = "SENTRYINIT_"
# SENTRY, also misspelt.
_MAYBE_OURS = re.compile(r"S[ENTRYI]{3}", re.IGNORECASE)
# Our prefix, also misspelt.
_PREFIX = re.compile(r"SENTRY_?INIT_")
# What others read and what looks like ours: our targets for servers, sentry-sdk, sentry-cli, SDKs
# of other languages, and, by custom, applications.
_FOREIGN = frozenset(
    "SENTRYINIT_APP SENTRYINIT_AUTH_TOKEN SENTRY_ENABLED SENTRY_LOG_LEVEL SENTRY_SERVERNAME "
    "SENTRY_SERVER_NAME SENTRY_TAGS SENTRY_USE_ENVIRONMENT".split()
)

# sentry-sdk accepts more, such as a blank in the host or a project 1_0, and then loses each event.
_KEY = re.compile(r"[\w.~%+-]+", re.ASCII)
_HOST = re.compile(r"[\w.:%-]+")
_PROJECT = re.compile(r"/(?:[\w.~%/-]+/)?\d+", re.ASCII)


class Settings(SettingValues):
    """The resolved settings.

    *sources*: where each value came from: the *where* of :func:`resolve`, a variable,
    ``application`` or ``default``. *given*: the arguments. *warnings*: what was wrong in the
    environment. *is_early*: they are for the time until the application sets up its own.
    """

    is_early = False

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self.given: dict[str, Any] = {}
        self.warnings: list[str] = []

    @property
    def groups_by_place(self) -> bool:
        """Return True if events have a fingerprint of ours where the application has set none."""
        if self.grouping is not None:
            return self.grouping == "place"
        return not f".{backend_host(self.dsn)}".endswith(".sentry.io")

    def variables_for_sdk(self) -> list[str]:
        """Return the variables that ``sentry_sdk`` gets as they are."""
        return [
            source
            for name, source in self.sources.items()
            if TABLE[name].passed_to_sdk and source in variables(name)
        ]


def variables(name: str) -> tuple[str, ...]:
    """Return the environment variables of option *name*; the first that is set counts."""
    option = TABLE[name]
    if option.type.parse is option_types.code_only:
        return ()
    return option.variables or (PREFIX + name.upper(),)


def resolve(
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    where: str = "argument",
    default_service: str | None = None,
    is_early: bool = False,
) -> Settings:
    """Return the settings: from *arguments*, then *environ*, then the defaults.

    A wrong argument raises; a wrong or unknown variable is a warning, and a safe value is used.
    *where* names the arguments. *default_service*: the application's name.
    """
    settings = Settings()
    settings.given, settings.is_early = check_arguments(arguments, where), is_early
    given = settings.given
    for name in TABLE:
        if name in given:
            value, source = given[name], where
        else:
            value, source = _from_environment(name, environ, settings.warnings)
        setattr(settings, name, value)
        settings.sources[name] = source
    if "dsn" in given and given["dsn"] != arguments["dsn"].strip():
        settings.warnings.append(_quoted(f"{where}: dsn"))
    application = option_types.SERVICE.repair(default_service or "")
    if application and settings.sources["service"] == "default":
        settings.service, settings.sources["service"] = application, "application"
    settings.warnings += _unknown_variables(environ)
    return settings


def check_arguments(arguments: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values to use for *arguments*; None means not given.

    Raises ``TypeError`` or ``ValueError`` for an unknown or refused option or a wrong value.
    """
    values = {}
    for name, value in arguments.items():
        if name in REFUSED:
            raise TypeError(f"option {name} cannot be set: {REFUSED[name]}")
        if name not in TABLE:
            related = (each for each in TABLE if name in each or each in name)
            meant = nearest(name, TABLE, 0.5) or next(related, "")
            hint = f"; did you mean {meant}?" if meant else ""
            raise TypeError(f"unknown option {name}{hint}")
        if value is None:
            continue
        try:
            values[name] = TABLE[name].type.check(value)
        except (TypeError, ValueError) as error:
            raise type(error)(_wrong_value(name, where, value, error)) from None
    return values


def parse_texts(config: Any, where: str) -> dict[str, Any]:
    """Return *config*, of a framework, with its texts parsed, except wrong ones; None is empty.

    Raises ``TypeError`` if it is no mapping of names to values. *where* names it.
    """
    values: dict[str, Any] = {}
    option_types.check_kind(where, config, (Mapping, type(None)), "a dict of options")
    for name, value in (config or {}).items():
        option_types.check_kind(f"{where}: each name", name, str, "text")
        values[name.lower()] = value
    for name, value in values.items():
        # The check takes the quotes from a DSN, and says so.
        if name in TABLE and isinstance(value, str) and name != "dsn":
            with contextlib.suppress(TypeError, ValueError):
                values[name] = TABLE[name].type.parse(unquoted(value))
    return values


def backend_host(dsn: str) -> str | None:
    """Return the host of *dsn*, or None if that is malformed."""
    try:
        url = urlsplit(dsn)
        valid = url.scheme in {"http", "https"} and url.port != 0
    except ValueError:
        return None
    key, host = f"{url.username or ''}{url.password or ''}", url.hostname or ""
    complete = _KEY.fullmatch(key) and _PROJECT.fullmatch(url.path) and _HOST.fullmatch(host)
    return host if valid and complete and url.username else None


def _from_environment(
    name: str, environ: Mapping[str, str], warnings: list[str]
) -> tuple[Any, str]:
    option = TABLE[name]
    for variable in variables(name):
        given = environ.get(variable, "").strip()
        text = unquoted(given)
        # For POSIX shells ENV is the path of a start-up file, and images set it.
        if not text or (variable == "ENV" and "/" in text):
            continue
        if text != given:
            warnings.append(_quoted(variable))
        try:
            return option.type.parse(text), variable
        except (TypeError, ValueError) as error:
            repaired = option.type.repair(text)
            value = option.default if repaired is None else repaired
            wrong = _wrong_value(name, variable, text, error)
            warnings.append(f"{wrong}; using {_shown(name, value)}")
            return value, variable
    return option.default, "default"


def _quoted(where: str) -> str:
    return f"{where} is in quotes, which docker's --env-file keeps: it is used without them"


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each variable that is ours, or nearly so, and sets nothing."""
    rows = {name: variables(name) for name in TABLE}
    known = {variable for row in rows.values() for variable in row}
    refused = REFUSED | {name: f"{name} is set in code only" for name in TABLE if not rows[name]}
    for variable in environ:
        upper = variable.upper()
        name = _PREFIX.sub("", upper)
        if variable in known or upper in _FOREIGN or not _MAYBE_OURS.match(upper):
            continue
        if name != upper and name.lower() in refused:
            yield f"{variable} cannot be set: {refused[name.lower()]}"
            continue
        meant = _meant(upper if name == upper else PREFIX + name, rows)
        if meant and (name != upper or meant not in environ):
            yield f"{variable} is not a setting of sentryinit; did you mean {meant}?"


def _meant(name: str, rows: Mapping[str, tuple[str, ...]]) -> str:
    """Return the variable whose name is most similar to *name*; with our prefix, there is one."""
    spellings = {}
    for option, row in rows.items():
        for each in (option.upper(), *row) if row else ():
            spellings[PREFIX + each.removeprefix(PREFIX)] = row[0]
            # Under Sentry's prefix, sentry-sdk's options belong to other SDKs and applications.
            if not TABLE[option].passed_to_sdk:
                spellings["SENTRY_" + each.removeprefix(PREFIX)] = row[0]
    prefix = next((each for each in (PREFIX, "SENTRY_") if name.startswith(each)), "")
    names = [each for each in spellings if each.startswith(prefix)]
    # SENTRY_DNS is 0.9 from SENTRY_DSN; SENTRY_JS_DSN, 0.87.
    found = nearest(name, names, 0 if prefix == PREFIX else 0.88)
    return found if any(found in row for row in rows.values()) else spellings.get(found, "")


def _wrong_value(name: str, where: str, value: object, error: Exception) -> str:
    option_type, at = TABLE[name].type, ""
    if error.args and isinstance(error.args[0], WrongItem):
        at, value, option_type = error.args[0]
    shown = _shown(name, value)
    meant = "(not shown)" not in shown and option_type.suggest(value)
    hint = f"; did you mean {_cut(str(meant))}?" if meant else ""
    if isinstance(value, str) and backend_host(unquoted(value)):
        hint = "; it is a DSN: pass dsn=..., or set SENTRY_DSN"
    return f"{where}: {name}{at} must be {option_type.expected}, not {shown}{hint}"


def _shown(name: str, value: object) -> str:
    """Return *value* for a message: no secret, and at most 80 characters."""
    option, text = TABLE[name], repr(value)
    # A URL may contain a key.
    if value is not option.default and (option.type.secret or "://" in text):
        return f"a value of type {type(value).__name__} (not shown)"
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
