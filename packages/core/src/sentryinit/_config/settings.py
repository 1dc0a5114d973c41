"""The settings: from argument, environment or default. Checks the DSN."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from sentryinit._config import option_types
from sentryinit._config.options import REFUSED, TABLE, SettingValues

PREFIX = "SENTRYINIT_"

# sentry-sdk accepts more, such as a blank in the host or a project 1_0, and then loses each event.
_KEY = re.compile(r"[\w.~%+-]+", re.ASCII)
_HOST = re.compile(r"[\w.:%-]+")
_PROJECT = re.compile(r"/(?:[\w.~%/-]+/)?\d+", re.ASCII)


class Settings(SettingValues):
    """The resolved settings.

    *sources*: where each value came from: the *where* of :func:`resolve`, a variable,
    ``application`` or ``default``. *warnings*: what was wrong in the environment.
    """

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
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
) -> Settings:
    """Return the settings: from *arguments*, then *environ*, then the defaults.

    A wrong argument raises; a wrong or unknown variable is a warning, and a safe value is used.
    *where* names the arguments. *default_service*: the application's name.
    """
    settings = Settings()
    given = check_arguments(arguments, where)
    for name in TABLE:
        if name in given:
            value, source = given[name], where
        else:
            value, source = _from_environment(name, environ, settings.warnings)
        setattr(settings, name, value)
        settings.sources[name] = source
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
            meant = _nearest(name, TABLE, 0.5)
            hint = f"; did you mean {meant}?" if meant else ""
            raise TypeError(f"unknown option {name}{hint}")
        if value is None:
            continue
        try:
            values[name] = TABLE[name].type.check(value)
        except (TypeError, ValueError) as error:
            raise type(error)(_wrong_value(name, where, value)) from None
    return values


def parse_texts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return *config*, of a framework, with its texts parsed, except wrong ones."""
    values = dict(config)
    for name, value in config.items():
        if name in TABLE and isinstance(value, str):
            with contextlib.suppress(TypeError, ValueError):
                values[name] = TABLE[name].type.parse(value)
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
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            return option.type.parse(text), variable
        except (TypeError, ValueError):
            repaired = option.type.repair(text)
            value = option.default if repaired is None else repaired
            warnings.append(f"{_wrong_value(name, variable, text)}; using {_shown(name, value)}")
            return value, variable
    return option.default, "default"


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each variable that has our prefix and sets nothing."""
    rows = {name: variables(name) for name in TABLE}
    known = {variable for row in rows.values() for variable in row}
    refused = REFUSED | {name: f"{name} is set in code only" for name in TABLE if not rows[name]}
    for variable in environ:
        name = variable.removeprefix(PREFIX)
        if name == variable or variable in known:
            continue
        if name.lower() in refused:
            yield f"{variable} cannot be set: {refused[name.lower()]}"
            continue
        meant = {each.removeprefix(PREFIX): each for each in known}
        meant |= {each.upper(): row[0] for each, row in rows.items() if row}
        hint = f"did you mean {meant[_nearest(name, meant, 0)]}?"
        yield f"{variable} is not a setting of sentryinit; {hint}"


def _nearest(name: str, names: Iterable[str], cutoff: float) -> str:
    import difflib  # only after a mistake

    return next(iter(difflib.get_close_matches(name, [*names], 1, cutoff)), "")


def _wrong_value(name: str, where: str, value: object) -> str:
    return f"{where}: {name} must be {TABLE[name].type.expected}, not {_shown(name, value)}"


def _shown(name: str, value: object) -> str:
    """Return *value* for a message: no secret, and at most 80 characters."""
    option, text = TABLE[name], repr(value)
    # A URL may contain a key.
    if value is not option.default and (option.type.secret or "://" in text):
        return f"a value of type {type(value).__name__} (not shown)"
    return text if len(text) <= 80 else text[:77] + "..."
