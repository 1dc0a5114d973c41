"""The commands and their options."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import click

from sentryinit_cli.backends import NAMES
from sentryinit_cli.doctor.command import doctor
from sentryinit_cli.guard import GuardedGroup, arguments_of, guarded, secret_arguments
from sentryinit_cli.verdicts import Failure, Verdict

VERIFY_EXAMPLES = """
Examples:

\b
  # send an event from here, and read it back
  export SENTRY_DSN=https://<key>@glitchtip.example/17
  export SENTRYINIT_AUTH_TOKEN=...        # of the API; scopes event:read, project:read
  sentryinit verify

\b
  # have a running service send one, after its deployment
  export SENTRYINIT_DEBUG_TOKEN=...       # that of the service
  sentryinit verify --url https://orders.example/debug/sentry-panic \\
      --service orders --environment production --release 1.4.2

\b
  # many services, in CI
  sentryinit verify --fleet services.toml --junit verify.xml
"""
EXAMPLES = """
Examples:

\b
  sentryinit doctor shop:app                 # is the service wired?
  sentryinit verify                          # does an event from here arrive?
  sentryinit verify --url https://orders.example/debug/sentry-panic
  sentryinit verify --fleet services.toml    # many services, one table
"""
_ONE_SERVICE = (
    *"url dsn service environment release server_name backend api_url org".split(),
    *"project token_file nonce".split(),
)


@click.group(cls=GuardedGroup, epilog=EXAMPLES)
@click.version_option(package_name="sentryinit-cli")
def cli() -> None:
    """Explain how a service reports its errors, and prove that they arrive."""


def _seconds(_ctx: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter("it is no number of seconds above 0")
    return value


EXIT_CODES = "\n\nExit codes:\n\n\b\n" + "\n".join(
    f"  {each.exit_code:3}  {each.word}: {each.meaning}" for each in Verdict
)


@cli.command(epilog=VERIFY_EXAMPLES + EXIT_CODES, short_help="Prove that an event arrives.")
@click.option("--url", help="Debug route of a running service, which then sends the event.")
@click.option("--dsn", help="DSN of the project; else SENTRYINIT_DSN, or SENTRY_DSN.")
@click.option("--service", help="Name of the service; with --url, the expected one.")
@click.option("--environment", help="Environment; with --url, the expected one.")
@click.option("--release", help="Release; with --url, the expected one.")
@click.option(
    "--server-name",
    metavar="NAME",
    help="With --url, the expected name of the server, * for any.  [default: the service]",
)
@click.option("--backend", type=click.Choice(NAMES), help="Which backend; else it is recognised.")
@click.option("--api-url", metavar="URL", help="Address of pages and API, if not that of the DSN.")
@click.option("--org", metavar="SLUG", help="Organisation, if it is not found (Sentry).")
@click.option("--project", metavar="SLUG", help="Project, if it is not found.")
@click.option("--token-file", type=click.Path(path_type=Path), help="File with the API's token.")
@click.option("--nonce", help="Value of the tag nonce of the event, with --url; else a new one.")
@click.option(
    "--timeout",
    type=float,
    callback=_seconds,
    metavar="SECONDS",
    help="How long to wait for the event.  [default: 30; Sentry: 60]",
)
@click.option("--fleet", type=click.Path(path_type=Path), help="TOML file of many services.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 100),
    default=16,
    show_default=True,
    help="Services of a fleet at once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML to this file.")
@click.option("--ca-certs", type=click.Path(), help="File of CA certificates.")
@click.pass_context
def verify(ctx: click.Context, /, **options: Any) -> None:
    """Prove that an event arrives: send one, and read it back from the backend.

    The token of the API is SENTRYINIT_AUTH_TOKEN (or SENTRY_AUTH_TOKEN), or in the file of
    --token-file. The token of the debug route is SENTRYINIT_DEBUG_TOKEN. A token is never an
    argument.

    The exit code says what came out. With --fleet it is the number of services that are not in
    order, at most 50.
    """
    from sentryinit_cli.output import Output  # rich, which the help does not need

    output = Output(as_json=options.pop("as_json"), secrets=secret_arguments(arguments_of(ctx)))
    output.hide(*(v for k, v in os.environ.items() if "TOKEN" in k and "SENTRY" in k))
    _check_junit(options["junit"])
    fleet = options.pop("fleet")
    try:
        code = _fleet(fleet, options, output) if fleet else _one(ctx, options, output)
    except Failure as failure:
        code = _show_failure(failure, output)
    ctx.exit(code)


def _check_junit(path: Path | None) -> None:
    try:
        if path is not None:
            # Before an event is sent; what an older run has written stays until the new report.
            path.open("a").close()
    except OSError as error:
        text = f"--junit: the file cannot be written: {error.strerror}"
        raise click.UsageError(text) from None


def _one(ctx: click.Context, options: dict[str, Any], output: Any) -> int:
    from sentryinit_cli import report, single  # rich, which the help does not need

    junit, start = options.pop("junit"), time.monotonic()
    del options["jobs"]
    is_hosted = single.host_application(ctx)
    if is_hosted and options["dsn"]:
        raise click.UsageError("--dsn: the application has a DSN of its own")
    if options["nonce"] and not options["url"]:
        raise click.UsageError("--nonce is for --url")
    chosen = single.Options(**{name: each for name, each in options.items() if each is not None})
    outcome = single.verify_one(chosen, os.environ, output, is_hosted=is_hosted)
    report.show_one(output, outcome)
    if junit is not None:
        report.write_junit(junit, output, [outcome], time.monotonic() - start)
    return outcome.verdict.exit_code


def _fleet(path: Path, options: dict[str, Any], output: Any) -> int:
    from sentryinit_cli import fleet_run  # rich, which the help does not need

    given = [name for name in _ONE_SERVICE if options[name] is not None]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{names}: with --fleet this is in the file of the fleet")
    return fleet_run.run_fleet(
        path,
        output,
        jobs=options["jobs"],
        junit=options["junit"],
        timeout=options["timeout"],
        ca_certs=options["ca_certs"],
    )


def _show_failure(failure: Failure, output: Any) -> int:
    verdict = failure.verdict
    output.json(
        {
            "ok": False,
            "verdict": verdict.word,
            "exit_code": verdict.exit_code,
            "text": failure.text,
            "remedy": failure.remedy,
        }
    )
    for line in failure.text.splitlines():
        output.note(f"{verdict.word}: {line}", "bad")
    output.note(f"  what to do: {failure.remedy}")
    return int(verdict.exit_code)


cli.add_command(doctor)


def run() -> None:
    """Run the command of this process."""
    with guarded(()):
        cli(prog_name="sentryinit")
