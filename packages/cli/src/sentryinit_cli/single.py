"""Verify one service: from the options and the environment, or as the application is set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sentryinit_cli.backends import Backend
from sentryinit_cli.compare import Expected
from sentryinit_cli.dsn import DSN_VARIABLES, Dsn, parse_dsn
from sentryinit_cli.http import Http
from sentryinit_cli.output import Output
from sentryinit_cli.remote import TOKEN_VARIABLE, check_url
from sentryinit_cli.target import OneBackend, Target, by_url, check, host_of
from sentryinit_cli.tokens import read_token
from sentryinit_cli.verdicts import Failure, Verdict
from sentryinit_cli.verify import Outcome, Sent

DEFAULT_SERVICE = "sentryinit-verify"


@dataclass(frozen=True)
class Options:
    """The options of ``verify`` for one service."""

    url: str = ""
    dsn: str = ""
    service: str = ""
    environment: str = ""
    release: str = ""
    server_name: str = ""
    backend: str | None = None
    api_url: str = ""
    org: str = ""
    project: str = ""
    token_file: Path | None = None
    timeout: float | None = None
    ca_certs: str | None = None
    nonce: str = ""


def host_application(ctx: click.Context) -> bool:
    """Return True if an application of a framework runs the command; load it.

    ``flask`` leaves an object with ``load_app`` in the context, ``manage.py`` any other one.
    """
    load = getattr(ctx.obj, "load_app", None)
    if load is not None:
        load()
    return ctx.obj is not None


def verify_one(
    options: Options, environ: Mapping[str, str], output: Output, *, is_hosted: bool = False
) -> Outcome:
    """Return what came out for one service. *is_hosted*: its application has called ``init``."""
    name = options.service or (host_of(options.url) if options.url else _name(environ, is_hosted))
    with output.progress(f"{name}: reading the settings") as show:
        try:
            target = _target(name, options, environ, is_hosted=is_hosted)
            output.hide(target.token, target.debug_token, target.dsn.key)
            http = Http(ca_certs=options.ca_certs)
            send = by_url(target, http) if options.url else _sender(options, environ, is_hosted)
        except Failure as failure:
            return Outcome(name, failure.verdict, failure.text, failure.remedy)
        try:
            return check(target, OneBackend(http), send, lambda step: show(f"{name}: {step}"))
        finally:
            http.close()


def _name(environ: Mapping[str, str], is_hosted: bool) -> str:  # noqa: FBT001 # private
    if is_hosted:
        import sentryinit  # not for the help

        return str(sentryinit.status()["service"] or DEFAULT_SERVICE)
    variables = "SENTRYINIT_SERVICE", "OTEL_SERVICE_NAME"
    return next((environ[each] for each in variables if environ.get(each)), DEFAULT_SERVICE)


def _target(name: str, options: Options, environ: Mapping[str, str], *, is_hosted: bool) -> Target:
    if options.url and (wrong := check_url(options.url)):
        raise Failure(Verdict.USAGE, f"--url: {wrong}", "expected https://<host>/<path>")
    if options.api_url and (wrong := check_url(options.api_url)):
        raise Failure(Verdict.USAGE, f"--api-url: {wrong}", "expected https://<host>")
    dsn = _dsn(options, environ, is_hosted=is_hosted)
    debug_token = environ.get(TOKEN_VARIABLE, "").strip()
    if options.url and not debug_token:
        remedy = f"set {TOKEN_VARIABLE} to the token that the service has"
        raise Failure(Verdict.CONFIGURATION, f"{TOKEN_VARIABLE} is not set", remedy)
    return Target(
        name,
        dsn,
        read_token(environ, options.token_file),
        options.url,
        debug_token,
        Expected(
            options.service,
            options.environment,
            options.release,
            options.server_name or options.service,
            nonce=options.nonce,
        ),
        options.backend,
        options.api_url.rstrip("/"),
        options.org,
        options.project,
        options.timeout,
    )


def _dsn(options: Options, environ: Mapping[str, str], *, is_hosted: bool) -> Dsn:
    if options.dsn:
        return parse_dsn(options.dsn, "--dsn")
    if is_hosted:
        import sentry_sdk  # not for the help

        from sentryinit_cli.send import is_on, not_on

        if not is_on():
            raise not_on()
        return parse_dsn(sentry_sdk.get_client().options["dsn"], "the application")
    name = next((each for each in DSN_VARIABLES if environ.get(each)), DSN_VARIABLES[-1])
    return parse_dsn(environ.get(name, ""), name)


def _sender(
    options: Options,
    environ: Mapping[str, str],
    is_hosted: bool,  # noqa: FBT001 # private
) -> Callable[[Backend], Sent]:
    from sentryinit_cli.send import send_from_here  # it imports sentry_sdk, as init() does

    if not is_hosted:
        _init(options, environ)
    names = ("service", "environment", "release") if is_hosted else ()
    overrides = {name: getattr(options, name) for name in names}
    return lambda backend: send_from_here(backend, overrides)


def _init(options: Options, environ: Mapping[str, str]) -> None:
    """Run ``init`` with *options*; what is not among them is from the environment."""
    import sentryinit  # not for the help

    given: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("dsn", "environment", "release", "ca_certs")
        if getattr(options, name)
    }
    try:
        sentryinit.init(options.service or _name(environ, is_hosted=False), **given)
    except (TypeError, ValueError, RuntimeError) as error:
        # Messages of init() have no secret.
        raise Failure(Verdict.USAGE, str(error), "correct the option or the variable") from None
