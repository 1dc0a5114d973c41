"""The file of a fleet: read and checked as a whole, before anything is sent."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sentryinit_cli.backends import NAMES
from sentryinit_cli.compare import Expected
from sentryinit_cli.dsn import Dsn, parse_dsn
from sentryinit_cli.fleet_keys import KEYS, URL, is_text
from sentryinit_cli.guard import looks_secret
from sentryinit_cli.remote import TOKEN_VARIABLE, check_url
from sentryinit_cli.target import Target
from sentryinit_cli.tokens import read_token
from sentryinit_cli.verdicts import Failure, Verdict

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SOURCES = ("dsn", "dsn_variable", "project")
_SECRET_KEYS = re.compile(r"token|secret|password|auth|api_?key", re.IGNORECASE)


def read_fleet(path: Path, environ: Mapping[str, str]) -> list[Target]:
    """Return the services of the file *path*; raise ``Failure`` (USAGE) with all its mistakes."""
    document = _parsed(path)
    defaults, entries = document.get("defaults", {}), document.get("service", [])
    mistakes = [*_document_mistakes(document)]
    if not mistakes:
        mistakes += _key_mistakes("defaults", defaults)
        mistakes += [
            f"defaults: {key}: it is different for each service: write it in the entries"
            for key in defaults
            if key in KEYS and KEYS[key].is_own
        ]
        for label, entry in zip(_labels(entries), entries, strict=True):
            mistakes += _entry_mistakes(label, entry, {**defaults, **entry})
        mistakes += _duplicates(entries)
    targets: list[Target] = []
    if not mistakes:
        for label, entry in zip(_labels(entries), entries, strict=True):
            made = _made(label, {**defaults, **entry}, environ)
            targets += [made] if isinstance(made, Target) else []
            mistakes += [made] if isinstance(made, str) else []
    if mistakes:
        raise Failure(Verdict.USAGE, f"{path.name}: " + "\n".join(mistakes), "correct the file")
    return targets


def _made(label: str, entry: Mapping[str, Any], environ: Mapping[str, str]) -> Target | str:
    """Return the service of *entry*, or the mistake in it."""
    try:
        return _target(label, entry, environ)
    except Failure as failure:
        text = failure.text if label in failure.text else f"{label}: {failure.text}"
        return f"{text}: {failure.remedy}" if failure.remedy else text


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        text = f"the file of the fleet cannot be read: {error.strerror}"
        raise Failure(Verdict.USAGE, text, "correct --fleet") from None
    except UnicodeDecodeError:
        raise Failure(Verdict.USAGE, f"{path.name} is not in UTF-8", "save it as UTF-8") from None
    except (
        ValueError,
        RecursionError,
    ) as error:  # a TOMLDecodeError, a number or nesting without end
        place = re.search(r"at (?:line \d+, column \d+|end of document)", str(error))
        text = f"{path.name} is not valid TOML{f' {place[0]}' if place else ''}"
        raise Failure(Verdict.USAGE, text, "see docs/howto/verify.md for an example") from None


def _document_mistakes(document: Mapping[str, Any]) -> Iterator[str]:
    for name in document.keys() - {"defaults", "service"}:
        yield f"{_key(name)}: there is no such table; {_nearest(name, ('defaults', 'service'))}"
    if not isinstance(document.get("defaults", {}), dict):
        yield "defaults: expected a table, [defaults]"
    entries = document.get("service", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        yield "service: expected a table for each service, [[service]]"
    elif not entries:
        yield "there is no service: expected at least one table [[service]]"


def _labels(entries: list[dict[str, Any]]) -> list[str]:
    """Return how a message names each entry."""
    return [
        entry["name"]
        if is_text(entry.get("name")) and not looks_secret(entry["name"])
        else f"service number {number}"
        for number, entry in enumerate(entries, 1)
    ]


def _key_mistakes(label: str, entry: Mapping[str, Any]) -> Iterator[str]:
    for key, value in entry.items():
        if key not in KEYS and _SECRET_KEYS.search(key):
            known = _nearest(key, [each for each in KEYS if "token_" in each])
            never = "a token is never written in the file (found one, not shown)"
            yield f"{label}: {_key(key)}: {never}; {known}"
        elif key not in KEYS:
            yield f"{label}: {_key(key)}: there is no such key; {_nearest(key, KEYS)}"
        elif not KEYS[key].check(value):
            yield f"{label}: {key}: found {_shown(key, value)}, expected {_why(key, value)}"
        elif isinstance(value, str) and key not in {"dsn", "release"} and looks_secret(value):
            yield (
                f"{label}: {key}: found what looks like a token (not shown); a token is never "
                "written in the file: name its variable with token_variable"
            )


def _why(key: str, value: Any) -> str:
    why = check_url(value) if KEYS[key].expected == URL and isinstance(value, str) else ""
    hint = ""
    if key == "backend" and isinstance(value, str):
        near = difflib.get_close_matches(value.lower(), NAMES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
    return f"{KEYS[key].expected}{f': {why}' if why else ''}{hint}"


def _entry_mistakes(
    label: str, entry: Mapping[str, Any], merged: Mapping[str, Any]
) -> Iterator[str]:
    yield from _key_mistakes(label, entry)
    for key in ("name", "url"):
        if key not in entry:
            yield f"{label}: {key}: it is missing, expected {KEYS[key].expected}"
    found = [key for key in _SOURCES if key in entry]
    if len(found) != 1:
        what = " and ".join(found) or "none of them"
        yield f"{label}: found {what}, expected one of dsn, dsn_variable, project (with base)"
    elif found == ["project"] and "base" not in merged:
        yield f"{label}: base: it is missing, expected {URL}: project is a number at this address"
    if "release" in entry and "release_variable" in entry:
        yield f"{label}: found release and release_variable, expected one of them"


def _duplicates(entries: list[dict[str, Any]]) -> Iterator[str]:
    names = [str(entry.get("name")).strip() for entry in entries]
    for at, (label, name) in enumerate(zip(_labels(entries), names, strict=True)):
        if "name" in entries[at] and name in names[:at]:
            number = names.index(name) + 1
            yield f"{label}: name: found twice (also in entry {number}), expected another one"


def _target(label: str, entry: Mapping[str, Any], environ: Mapping[str, str]) -> Target:
    def variable(key: str, default: str = "") -> str:
        name = entry.get(key, default)
        value = environ.get(name, "").strip() if name else ""
        if name and not value:
            text = f"{label}: {key}: the variable {name} is not set"
            raise Failure(Verdict.USAGE, text, f"set {name}")
        return value

    file, service = entry.get("token_file"), entry.get("service", entry["name"]).strip()
    return Target(
        entry["name"].strip(),
        _dsn(label, entry, variable),
        read_token(environ, Path(file) if file else None, entry.get("token_variable")),
        entry["url"].strip(),
        variable("debug_token_variable", TOKEN_VARIABLE),
        Expected(
            service=service,
            environment=entry.get("environment", ""),
            release=variable("release_variable") or entry.get("release", ""),
            server_name=entry.get("server_name", service),
        ),
        entry.get("backend"),
        entry.get("api_url", "").rstrip("/"),
        entry.get("org", ""),
        timeout=entry.get("timeout"),
    )


def _dsn(label: str, entry: Mapping[str, Any], variable: Callable[[str], str]) -> Dsn:
    if "project" in entry:
        base = entry["base"].rstrip("/")
        return Dsn(base, urlsplit(base).hostname or "", "", str(entry["project"]))
    if "dsn" in entry:
        return parse_dsn(entry["dsn"], f"{label}: dsn")
    return parse_dsn(variable("dsn_variable"), f"{label}: {entry['dsn_variable']}")


def _key(name: str) -> str:
    """Return *name*, which is not ours, for a message."""
    return "a key that looks like a token (not shown)" if looks_secret(name) else name[:60]


def _shown(key: str, value: Any) -> str:
    """Return *value* for a message: nothing that may be a secret."""
    text = repr(value)
    if key in {"dsn", "url", "base", "api_url"} or "token" in key or looks_secret(text):
        return (
            f"{'an empty' if value == '' else 'a'} {_KINDS.get(type(value), 'value')} (not shown)"
        )
    return text if len(text) <= 60 else f"{text[:57]}..."


_KINDS = {str: "text", int: "number", float: "number", bool: "boolean", list: "list", dict: "table"}


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name.lower(), list(known), 1, 0.4)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
