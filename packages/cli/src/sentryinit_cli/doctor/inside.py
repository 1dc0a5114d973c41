"""The part of the doctor that runs in a process of its own, with the application.

The application may print, end the process, start threads: the process of the command is not
touched by it. Nothing leaves: no client of sentry-sdk gets a transport that sends.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import sentryinit
from sentryinit import diagnostics
from sentryinit.testing import Mailbox
from sentryinit_cli.doctor import application, loggers, probe, route
from sentryinit_cli.doctor.catalog import Finding, found, of_problem

UNKNOWN_PATH = "/sentryinit/doctor/unknown"


class _Warnings(logging.Handler):
    """Keeps the warnings that sentryinit logs while the application starts."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of *record*: our own, without secrets."""
        self.texts.append(record.getMessage())


def main() -> None:
    """Examine what the argument, JSON, names; write the result as JSON to stdout."""
    order = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What the application prints may have secrets in it, and is not asked for.
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 # no path
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.argv[1:] = []
    with diagnostics.silenced() as mailbox:
        result = _examine(order, mailbox)
        out.write(json.dumps(result) + "\n")
        out.close()


def _examine(order: dict[str, Any], mailbox: Mailbox) -> dict[str, Any]:
    warnings = _Warnings()
    logging.getLogger("sentryinit").addHandler(warnings)
    loggers.prepare()
    findings = list(_application(order, mailbox))
    problems = list(diagnostics.problems())
    status = sentryinit.status()
    return {
        "findings": [
            *findings,
            *map(of_problem, problems),
            *_other_warnings(warnings.texts, problems),
            *_state(status),
            *loggers.check(),
        ],
        "settings": diagnostics.settings(),
        "status": status,
        # For the checks of the network, not to be shown.
        "values": {name: diagnostics.value(name) for name in order["values"]},
        "sigterm": _sigterm(),
        "events": len(mailbox.envelopes),
    }


def _sigterm() -> str:
    """Return the module whose handler SIGTERM has, empty if the process ends by it."""
    handler = signal.getsignal(signal.SIGTERM)
    if handler is signal.SIG_DFL:
        return ""
    return str(getattr(handler, "__module__", None) or "unknown")


def _application(order: dict[str, Any], mailbox: Mailbox) -> Iterator[Finding]:
    target, flask_app = order["target"], order.get("flask_app")
    if not target and flask_app is None:
        yield from _init(target)
        yield found("no-target")
        return
    try:
        app = application.load(target, flask_app)
        if inspect.isawaitable(app):
            app = asyncio.run(_awaited(app))
    except BaseException as error:  # noqa: BLE001 # the application may raise anything, SystemExit too
        yield application.import_failed(target or "the application", error)
        return
    kind = application.kind_of(app)
    if not kind:
        yield found("not-callable", target=target, type=type(app).__name__)
        return
    name = application.framework_of(application.layers(app)[-1])
    yield found("loaded", target=target or "It", kind=f"{name} ({kind})" if name else kind)
    wiring, probed = list(application.wiring(app)), list(_probe(app, kind, order, mailbox))
    if diagnostics.has_settings():
        yield from wiring if sentryinit.status()["on"] else ()
        yield from probed
    else:
        yield found("not-initialised", target=target or "The application")
        yield from wiring
        yield from probed
        yield from _init(target)


async def _awaited(app: Any) -> Any:
    return await app


def _init(target: str) -> Iterator[Finding]:
    """Start reporting, where no application did it."""
    try:
        sentryinit.init()
    except Exception as error:  # noqa: BLE001 # a wrong environment, or one that is required
        yield application.import_failed(target, error)


def _probe(app: Any, kind: str, order: dict[str, Any], mailbox: Mailbox) -> Iterator[Finding]:
    findings: list[Finding] = []

    def work(get: probe.Get) -> None:
        # Starlette makes its middlewares, and so reads our settings, at the first request.
        get(UNKNOWN_PATH, {})
        if sentryinit.status()["on"]:
            token = diagnostics.value("debug_token")
            findings.extend(route.check(get, order["path"], token, mailbox))

    try:
        probe.ask(app, kind, order["host"] or _host(), work)
    except BaseException as error:  # noqa: BLE001 # likewise
        findings.append(found("debug-route-failed", error=type(error).__name__))
    return iter(findings)


def _host() -> str:
    """Return a host that Django accepts, if the application uses it."""
    django: Any = sys.modules.get("django.conf")
    if django is not None and django.settings.configured:
        for host in django.settings.ALLOWED_HOSTS:
            if "*" not in host:
                return f"www{host}" if host.startswith(".") else str(host)
    return "localhost"


def _other_warnings(texts: list[str], problems: list[Any]) -> Iterator[Finding]:
    """Yield the logged warnings that are no problem with a number."""
    known = [problem.text.removesuffix(".") for problem in problems]
    # Each of these has a verdict of its own.
    known += ["the service has no name", "the DSN of service", "integrations: sentry_sdk's own"]
    for text in dict.fromkeys(texts):
        if not text.startswith(tuple(known)):
            yield found("start-warning", text=text)


def _state(status: Any) -> Iterator[Finding]:
    version = importlib.metadata.version("sentry-sdk")
    if status["on"]:
        facts = {name: status[name] or "none" for name in ("service", "environment", "release")}
        yield found("on", **facts)
        yield (
            found("scope-lazy")
            if status["scope"] == "lazy"
            else found("scope-fallback", version=version)
        )
    elif status["sdk"] or "client" in status["reason"]:
        yield found("client-replaced", text=status["reason"])


if __name__ == "__main__":
    main()
