"""The command ``sentryinit doctor``."""

from __future__ import annotations

import os
from typing import Any

import click

from sentryinit_cli.doctor import report, servers
from sentryinit_cli.doctor.catalog import Finding

_TONES = {"ok": "good", "note": "", "warning": "warning", "error": "bad"}
EXAMPLES = """\b
Examples:
  sentryinit doctor
  sentryinit doctor shop:app
  sentryinit doctor 'shop:create_app()' --offline
  sentryinit doctor shop.settings
  sentryinit doctor shop:app -- gunicorn -k gevent --preload shop:app
  sentryinit doctor shop:app --json
"""


_COMMAND = "sentryinit.command"


class _Doctor(click.Command):
    """Takes what comes after ``--`` for the command of the server."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse what comes before ``--``."""
        end = args.index("--") if "--" in args else len(args)
        context.meta[_COMMAND] = args[end + 1 :]
        return super().parse_args(context, args[:end])


@click.command(cls=_Doctor, epilog=EXAMPLES, options_metavar="[OPTIONS]")
@click.argument("target", default="", metavar="[MODULE:APP] [-- SERVER COMMAND ...]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: findings, settings.")
@click.option("--offline", is_flag=True, help="Do not look at the network.")
@click.option("--all", "shows_all", is_flag=True, help="Show the settings at their defaults, too.")
@click.option("--host", default="", help="Host that the application accepts, for the debug route.")
@click.option(
    "--debug-path", default=report.PATH, show_default=True, help="Path of the debug route."
)
@click.option("--timeout", default=60.0, show_default=True, help="Seconds for the import.")
@click.pass_context
def doctor(  # noqa: PLR0913, PLR0917 # one for each option
    context: click.Context,
    target: str,
    as_json: bool,  # noqa: FBT001 # click's
    offline: bool,  # noqa: FBT001 # likewise
    shows_all: bool,  # noqa: FBT001 # likewise
    host: str,
    debug_path: str,
    timeout: float,
) -> None:
    """Explain the wiring of a service, without sending an event.

    Looks at the settings, the DSN, the network, sentry-sdk, and the application as a server takes
    it: MODULE:APP, MODULE:FACTORY(), or the settings module of Django. The application is imported
    in a process of its own. After -- comes the command that starts the server.
    """
    if not debug_path.startswith("/") or len(debug_path) == 1:
        raise click.BadParameter("it begins with / and is not the root", param_hint="--debug-path")
    command: list[str] = context.meta[_COMMAND]
    target = target or servers.target_in(command) or _default_target(context)
    order = report.Order(
        target, command, offline, host, debug_path, _flask_app(context, target), timeout
    )
    from sentryinit_cli.output import Output  # rich, which the help does not need

    output = Output(as_json=as_json)
    with output.progress("looking at the set-up"):
        made = report.make(order)
    output.hide(*made.secrets)
    _show(made, output, shows_all=shows_all)
    context.exit(0 if made.is_fine else 1)


def _default_target(context: click.Context) -> str:
    """Return what is meant where no application is named: what ``run`` wraps, or Django's."""
    if _flask_app(context, "") is not None:
        return ""
    return os.environ.get("SENTRYINIT_APP") or os.environ.get("DJANGO_SETTINGS_MODULE") or ""


def _flask_app(context: click.Context, target: str) -> str | None:
    """Return what Flask's command was given as its application; None if this is not Flask's."""
    info: Any = context.find_root().obj
    if target or not hasattr(info, "load_app"):
        return None
    return info.app_import_path or ""


def _show(made: report.Report, output: Any, *, shows_all: bool) -> None:
    if output.as_json:
        output.json(_as_json(made))
        return
    hidden = 0
    for name, shown, source, _ in made.settings:
        if source == "default" and not shows_all:
            hidden += 1
            continue
        output.line(f"setting  {name} = {shown} ({source})")
    if hidden:
        output.line(f"setting  {hidden} others have their defaults: --all shows them")
    for finding in made.findings:
        output.line(_line(finding), _TONES[finding.level])
    levels = [each.level for each in made.findings]
    output.line(f"{levels.count('error')} errors, {levels.count('warning')} warnings")


def _line(finding: Finding) -> str:
    number = f", {finding.number}" if finding.number is not None else ""
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    return f"{finding.level:<8} {finding.group}: {finding.text}{remedy} [{finding.id}{number}]"


def _as_json(made: report.Report) -> dict[str, Any]:
    names = "name", "value", "source", "secret"
    return {
        "ok": made.is_fine,
        "findings": [each._asdict() for each in made.findings],
        "settings": [dict(zip(names, each, strict=True)) for each in made.settings],
    }
