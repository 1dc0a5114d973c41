"""All verdicts about a set-up: those from inside of its process, the network, the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sentryinit.testing import DSN as MADE_UP
from sentryinit_cli.doctor import dsn_form, network, servers, versions
from sentryinit_cli.doctor.catalog import GROUPS, LEVELS, Finding, found
from sentryinit_cli.dsn import DSN_VARIABLES

PATH = "/debug/sentry-panic"
# What the checks here need of the settings.
_VALUES = "ca_certs cert_file debug_token dsn flush_timeout http_proxy https_proxy key_file".split()
_VALUES += ["proxy_headers", "enabled", "mask_hash_key"]
_FROM_APPLICATION = {"application", "debug route", "logging"}


class Order(NamedTuple):
    """What is asked. *flask_app*: what Flask's command was given, if it is that."""

    target: str = ""
    command: Sequence[str] = ()
    is_offline: bool = False
    host: str = ""
    path: str = PATH
    flask_app: str | None = None
    seconds: float = 60.0


class Report(NamedTuple):
    """What came out. *settings*: name, shown value, source, whether it is secret."""

    findings: list[Finding]
    settings: list[Any]
    secrets: list[str]

    @property
    def is_fine(self) -> bool:
        """Return True if there is no error."""
        return all(each.level != "error" for each in self.findings)


def make(order: Order) -> Report:
    """Return the report; sends no event."""
    result, problem = _run(order, {})
    if result is None:
        # Its settings are still worth a look.
        result, _ = _run(order._replace(target="", flask_app=None), {})
        result = result or {"findings": [], "settings": [], "values": {}, "status": {"on": False}}
        result["findings"] = [each for each in result["findings"] if each[0] != "no-target"]
        findings = [*_findings(result), *problem]
    else:
        findings = [*_findings(result), *_assumed(order, result)]
    values = result["values"]
    sources = {name: source for name, _, source, _ in result["settings"]}
    findings += [*_dsn(values, sources, is_offline=order.is_offline), *versions.check()]
    if order.command:
        flush, sigterm = float(values.get("flush_timeout") or 0), result.get("sigterm", "")
        findings += servers.check(order.command, flush, os.environ, sigterm=sigterm)
    return Report(_sorted(findings), result["settings"], _secrets(values))


def _run(order: Order, environ: Mapping[str, str]) -> tuple[Any, list[Finding]]:
    """Return what the process with the application says; None and a finding if it says nothing."""
    argument: dict[str, Any] = {
        "target": order.target,
        "flask_app": order.flask_app,
        "host": order.host,
    }
    argument |= {"path": order.path, "values": _VALUES}
    process = subprocess.Popen(  # noqa: S603 # this Python, and a module of ours
        [sys.executable, "-m", "sentryinit_cli.doctor.inside", json.dumps(argument)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environ},
    )
    timer = threading.Timer(order.seconds, process.kill)
    timer.start()
    try:
        with process:
            line = process.stdout.readline() if process.stdout else b""
            is_late = not timer.is_alive() and not line
            _end(process)
    finally:
        timer.cancel()
        timer.join()
    name = order.target or "the application"
    if line:
        return json.loads(line), []
    if is_late:
        return None, [found("import-hangs", target=name, seconds=round(order.seconds))]
    facts = {"target": name, "module": name.partition(":")[0], "status": process.returncode}
    return None, [found("import-dies", **facts)]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let *process* end; threads of the application may keep it."""
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _findings(result: Any) -> list[Finding]:
    return [Finding(*each) for each in result["findings"]]


def _assumed(order: Order, result: Any) -> list[Finding]:
    """Return what the application is like if there were a DSN: without one it is unchanged."""
    asked = order.target or order.flask_app is not None
    is_loaded = any(each[0] == "loaded" for each in result["findings"])
    if result["status"]["on"] or not asked or not is_loaded:
        return []
    again, _ = _run(order, {**dict.fromkeys(DSN_VARIABLES, MADE_UP), "SENTRYINIT_ENABLED": "1"})
    if again is None or not again["status"]["on"]:
        return []
    known = {each[0] for each in result["findings"]}
    found_there = [each for each in _findings(again) if each.group in _FROM_APPLICATION]
    return [found("wiring-assumed"), *(each for each in found_there if each.id not in known)]


def _dsn(
    values: Mapping[str, Any], sources: Mapping[str, str], *, is_offline: bool
) -> Iterable[Finding]:
    dsn, source = values.get("dsn") or "", sources.get("dsn", "")
    if not dsn:
        return
    # The settings have it without quotes and blanks already.
    findings = [*dsn_form.check(os.environ.get(source, dsn), source)]
    yield from findings
    if is_offline:
        yield found("offline")
    elif values["enabled"] and not any(each.level == "error" for each in findings):
        yield from network.check(dsn, values, sources)


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings* by their groups, the worst of each first."""
    unique = list(dict.fromkeys(findings))
    return sorted(unique, key=lambda each: (GROUPS.index(each.group), -LEVELS.index(each.level)))


def _secrets(values: Mapping[str, Any]) -> list[str]:
    """Return what must not be shown, wherever it comes from."""
    texts = [values.get(name) or "" for name in ("debug_token", "mask_hash_key")]
    texts += (values.get("proxy_headers") or {}).values()
    for name in ("dsn", "http_proxy", "https_proxy"):
        texts += _credentials(values.get(name) or "")
    for name in DSN_VARIABLES:
        texts += _credentials(os.environ.get(name, ""))
    return [each for each in texts if each]


def _credentials(address: str) -> list[str]:
    try:
        url = urlsplit(address.strip().strip("'\""))
    except ValueError:
        return [address]
    found_there = [url.username or "", url.password or ""]
    # Without a scheme there is no user: what is in front of the host is.
    return found_there if any(found_there) or "@" not in address else [address.partition("@")[0]]
