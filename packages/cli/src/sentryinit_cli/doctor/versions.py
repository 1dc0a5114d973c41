"""The versions of the wheels, and of sentry-sdk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata

from sentryinit_cli.doctor.catalog import Finding, found

WHEELS = (
    "sentryinit",
    "sentryinit-aiohttp",
    "sentryinit-cli",
    "sentryinit-django",
    "sentryinit-falcon",
    "sentryinit-flask",
    "sentryinit-starlette",
    "sentryinit-testkit",
)


def check() -> Iterator[Finding]:
    """Yield whether sentry-sdk is new enough, and whether our wheels have one version."""
    yield _sdk()
    installed = {name: version for name in WHEELS if (version := _version(name))}
    if len({*installed.values()}) == 1:
        yield found("versions", version=next(iter(installed.values())))
    else:
        shown = ", ".join(f"{name} {version}" for name, version in installed.items())
        yield found("versions-differ", found=shown, names=" ".join(installed))


def _sdk() -> Finding:
    wanted = next(each for each in metadata.requires("sentryinit") or [] if "sentry-sdk" in each)
    oldest = (re.findall(r">=\s*([\d.]+)", wanted) or ["0"])[0]
    version = _version("sentry-sdk") or "0"
    is_old = _numbers(version) < _numbers(oldest)
    return found("sdk-old" if is_old else "sdk", version=version, oldest=oldest)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
