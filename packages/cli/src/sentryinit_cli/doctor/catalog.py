"""All verdicts of the doctor: the page ``docs/howto/doctor.md`` has them as a table."""

# ruff: noqa: E501 # a table: each verdict is a line
from __future__ import annotations

from typing import Any, NamedTuple

LEVELS = "ok", "note", "warning", "error"
GROUPS = "settings", "dsn", "network", "sdk", "application", "debug route", "logging", "server"

# id: level, group, text, remedy. {names} are filled in.
VERDICTS: dict[str, tuple[str, str, str, str]] = {
    "on": ("ok", "settings", "Reporting is on: service {service}, environment {environment}, release {release}.", ""),
    "off": ("error", "settings", "{text}", "{hint}"),
    "service-unnamed": ("warning", "settings", "{text}", "{hint}"),
    "release-unknown": ("warning", "settings", "{text}", "{hint}"),
    "setting-wrong": ("warning", "settings", "{text}", "{hint}"),
    "settings-differ": ("warning", "settings", "{text}", "{hint}"),
    "sample-rate-zero": ("error", "settings", "{text}", "{hint}"),
    "ignores-all": ("error", "settings", "{text}", "{hint}"),
    "start-warning": ("warning", "settings", "{text}", "Correct what it names."),
    "settings-refused": ("error", "settings", "init() failed: {text}", "Correct what it names."),
    "required": (
        "error",
        "settings",
        "The service does not start: {text}.",
        "Set what it names, or do not require it.",
    ),
    "problem": ("warning", "settings", "{text}", "{hint}"),
    "dsn": ("ok", "dsn", "The DSN is well-formed: {scheme}://{host}, project {project} (from {source}).", ""),
    "dsn-unusable": ("error", "dsn", "{text}", "{hint}"),
    "dsn-quotes": ("warning", "dsn", "The DSN (from {source}) is in quotes: they are ignored here, and other tools take them for a part of it.", "Remove the quotes: docker's --env-file keeps them."),
    "dsn-blanks": ("warning", "dsn", "The DSN (from {source}) has blanks or line ends around it: they are ignored here, but not by other tools.", "Remove them: a secret's file often ends with a line end."),
    "dsn-blank-inside": ("error", "dsn", "The DSN (from {source}) has a blank or a control character in it.", "Copy the DSN again, in one piece."),
    "dsn-scheme": ("error", "dsn", "The DSN (from {source}) has no scheme http or https{found}.", "Begin it with https://."),
    "dsn-key": ("error", "dsn", "The DSN (from {source}) has no key, or one with other characters than those of a key.", "Copy the whole DSN from the project's settings: https://KEY@HOST/PROJECT."),
    "dsn-host": ("error", "dsn", "The DSN (from {source}) has no valid host or port.", "Expected https://KEY@HOST/PROJECT."),
    "dsn-project": ("error", "dsn", "The path of the DSN (from {source}) does not end with the project's number.", "Expected https://KEY@HOST/PROJECT, without a slash at the end: PROJECT is a number."),
    "dsn-query": ("error", "dsn", "The DSN (from {source}) has a query or a fragment.", "Remove everything after the project's number."),
    "dsn-subpath": ("note", "dsn", "The DSN (from {source}) has the sub-path {path}: events go to {base}/api/{project}/envelope/.", "Right only if the backend is served below that path; else remove it."),
    "dsn-secret": ("note", "dsn", "The DSN (from {source}) has a secret key besides the public one: no backend needs it any more.", "Use the DSN without the part behind the colon."),
    "dsn-clear-text": ("warning", "dsn", "The DSN (from {source}) uses http to another machine: its key and the events can be read on the way.", "Use https."),
    "offline": ("note", "network", "The network was not looked at (--offline).", ""),
    "proxy": ("note", "network", "Events go through the proxy {proxy} (from {source}).", "If that is not wanted: set NO_PROXY={host}, or the option {option} to an empty text."),
    "proxy-unreachable": ("error", "network", "The proxy {proxy} (from {source}) does not answer: {why}.", "Correct the proxy, or exempt {host} by NO_PROXY."),
    "host": ("ok", "network", "{host} resolves.", ""),
    "host-unknown": ("error", "network", "The host {host} does not resolve: {why}.", "Correct the host in the DSN, or the DNS of this machine."),
    "tcp": ("ok", "network", "{host} port {port} accepts connections ({ms} ms).", ""),
    "tcp-refused": ("error", "network", "{host} port {port} cannot be connected to: {why}.", "Start the backend, or open the way to it: firewall, egress rule, port in the DSN."),
    "tls": ("ok", "network", "The certificate of {host} is valid for {days} more days.", ""),
    "tls-expired": ("error", "network", "The certificate of {host} has expired, or the clock of this machine is wrong.", "Renew the certificate; check the clock."),
    "tls-expires": ("warning", "network", "The certificate of {host} expires in {days} days.", "Renew it."),
    "tls-early": ("error", "network", "The certificate of {host} is not valid yet, or the clock of this machine is wrong.", "Check the clock and the certificate."),
    "tls-name": ("error", "network", "The certificate of the server is not for {host}.", "Use the host that the certificate names, or a certificate for {host}."),
    "tls-untrusted": ("error", "network", "The certificate of {host} is not trusted: {why}.", "Set SENTRYINIT_CA_CERTS to the file of its certificate authority."),
    "tls-failed": ("error", "network", "TLS with {host} fails: {why}.", "Is it http rather than https, or another port?"),
    "ca-certs-missing": ("error", "network", "The file of ca_certs (from {source}) cannot be read: {why}.", "Correct the path, or make the file readable."),
    "ingestion": ("ok", "network", "The ingestion path is there: {path} answers {status} to a GET.", ""),
    "ingestion-silent": ("error", "network", "{path} gives no answer: {why}.", "Check the backend, and what is in front of it."),
    "ingestion-redirect": ("error", "network", "{path} is redirected (to {target}): the POST of an event would be lost.", "Put the address that it leads to in the DSN: https, and the right host."),
    "ingestion-page": ("error", "network", "{path} answers {status} with a page: this is not the ingestion of a backend.", "Correct the host or the sub-path of the DSN."),
    "ingestion-refused": ("error", "network", "{path} answers {status}: something in front of the backend refuses.", "Ingestion must be reachable without a login: let {path} through."),
    "ingestion-down": ("error", "network", "{path} answers {status}: the backend is down, or what is in front of it does not reach it.", "Start the backend."),
    "ingestion-limited": ("warning", "network", "{path} answers 429: the backend takes nothing from here now{wait}.", "Wait; check quota and throttling of the project."),
    "ingestion-odd": ("warning", "network", "{path} answers {status}: no known backend answers so.", "Check the host and the sub-path of the DSN; prove it with sentryinit verify."),
    "clock": ("ok", "network", "The clock agrees with that of {host} (to {seconds} s).", ""),
    "clock-skew": ("warning", "network", "The clock of this machine is {seconds} s {way} that of {host}: events would be shown at wrong times.", "Synchronise the clock (NTP)."),
    "sdk": ("ok", "sdk", "sentry-sdk {version} (supported from {oldest}).", ""),
    "sdk-old": ("error", "sdk", "sentry-sdk {version} is older than the oldest supported, {oldest}.", "pip install -U 'sentry-sdk>={oldest}'"),
    "scope-lazy": ("ok", "sdk", "Each request gets its scope when somebody uses it.", ""),
    "scope-fallback": ("note", "sdk", "Each request gets its scope at once: the self-test fails with the private names of sentry-sdk {version}. Nothing is lost; a request costs more.", "Upgrade sentryinit, or use an older sentry-sdk."),
    "event-processor": ("warning", "sdk", "{text}", "{hint}"),
    "integration-conflict": ("warning", "sdk", "{text}", "{hint}"),
    "foreign-init": ("warning", "sdk", "{text}", "{hint}"),
    "client-replaced": ("error", "sdk", "{text}", "Remove the other sentry_sdk.init()."),
    "versions": ("ok", "sdk", "All wheels of sentryinit have the version {version}.", ""),
    "versions-differ": ("warning", "sdk", "The wheels of sentryinit have different versions: {found}.", "Install the same version of all: pip install -U {names}"),
    "loaded": ("ok", "application", "{target} is a {kind} application.", ""),
    "no-target": ("note", "application", "No application was given: its wiring was not looked at.", "sentryinit doctor module:app"),
    "import-failed": ("error", "application", "{target} cannot be imported: {error} in {place}.", "{hint}"),
    "import-hangs": ("error", "application", "{target} is not imported after {seconds} s: does its module start a server, or wait for one?", "Put that behind: if __name__ == '__main__'"),
    "import-dies": ("error", "application", "The process ended (status {status}) while it imported {target}.", "Import it by hand: python -c 'import {module}'"),
    "target-wrong": ("error", "application", "{text}", "Name the application as a server takes it."),
    "not-callable": ("error", "application", "{target} is no application: it is a {type}.", "Name the application itself, or its factory with (): module:create_app()"),
    "not-initialised": ("error", "application", "{target} was loaded and served a request, and nothing called init(): nothing is reported.", "Add the middleware of sentryinit to the application, or call sentryinit.init()."),
    "wiring-assumed": ("note", "application", "Reporting is off, so the application was looked at with a made-up DSN.", ""),
    "middleware": ("ok", "application", "The middleware of sentryinit is there{where}.", ""),
    "middleware-missing": ("error", "application", "{text}", "{hint}"),
    "middleware-order": ("warning", "application", "{text}", "{hint}"),
    "middleware-twice": ("warning", "application", "{text}", "{hint}"),
    "middleware-both": ("note", "application", "A generic boundary of sentryinit is around the one of {framework}: a failure is one event, all the same.", "The outer one is needed only for what is outside of the framework."),
    "middleware-generic": ("note", "application", "A generic boundary is around {framework}: events have no routes.", "pip install {wheel}, and use its middleware."),
    "adapter-missing": ("error", "application", "The application is one of {framework}, and {wheel} is not installed: failed requests are not reported.", "pip install {wheel}, and add its middleware."),
    "built-before-init": ("error", "application", "{text}", "{hint}"),
    "debug-route": ("ok", "debug route", "{path} is open with the token only: without it, it answers as an unknown path does.", ""),
    "debug-route-closed": ("ok", "debug route", "{path} answers as an unknown path does, without the token.", ""),
    "debug-token-unset": ("note", "debug route", "There is no debug token: the debug route is closed, and sentryinit verify --url cannot be used.", "Set SENTRYINIT_DEBUG_TOKEN to 32 random characters."),
    "debug-token-weak": ("warning", "debug route", "{text}", "{hint}"),
    "debug-route-missing": ("warning", "debug route", "There is a debug token, and {path} answers {status} with it: the debug route is not mounted there.", "Mount it, or name its path: --debug-path."),
    "debug-route-shown": ("error", "debug route", "Without the token {path} answers in another way than an unknown path ({answer}, not {unknown}): this shows that the route exists.", "Mount the debug route as the adapter's page says; let nothing in front of it answer."),
    "debug-route-guarded": ("warning", "debug route", "With the token {path} answers {status}, and raises nothing: something in front of the debug route answers.", "Mount it outside of authentication and redirects."),
    "debug-route-unreported": ("error", "debug route", "With the token {path} answers {status}, and no event was made.", "Check the middleware, and what is ignored."),
    "debug-route-unclear": ("note", "debug route", "The debug route was not proved: an unknown path answers {status}.", "Name a host that the application accepts (--host), or use sentryinit verify --url."),
    "debug-route-failed": ("note", "debug route", "The debug route was not proved: asking the application for an unknown path raises {error}.", "An application that needs its start-up cannot be asked here: use sentryinit verify --url."),
    "logging": ("ok", "logging", "No logger of sentryinit or of a server is disabled.", ""),
    "logger-disabled": ("warning", "logging", "The logging configuration disables the logger {logger}: {effect}.", 'Set "disable_existing_loggers": False in dictConfig, or name the logger in it.'),
    "server": ("ok", "server", "{server} sends what is queued when it stops, as it is started here.", ""),
    "server-unknown": ("note", "server", "This server is not in the table of tested servers: {command}.", "Send a failure, stop the server with SIGTERM, and look whether the event arrives."),
    "server-config": ("note", "server", "{file} was not read: {why}.", "Give its options on the command line, for this check."),
    "waitress-sigterm": ("warning", "server", "Neither waitress nor the service handles SIGTERM: the process is killed, and queued events are lost.", "Leave flush_on_sigterm on, and call init in the main thread. Or before it serves: signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"),
    "development-server": ("warning", "server", "{server} is a development server, and nobody handles SIGTERM: the process is killed, and queued events are lost.", "Use a production server, or leave flush_on_sigterm on."),
    "pid-1": ("note", "server", "sentryinit sends queued events when SIGTERM ends {server}; as PID 1, in a container, it is not ended by SIGTERM but killed later.", "In a container start it by an init: docker run --init, or tini."),
    "uwsgi-threads": ("error", "server", "uWSGI runs without --enable-threads: no thread runs, and no event is sent.", "Add --enable-threads."),
    "uwsgi-fork-hooks": ("warning", "server", "uWSGI forks its workers without the hooks of Python: locks and queues are those of the master process.", "Add --py-call-uwsgi-fork-hooks, or --lazy-apps."),
    "uwsgi-sigterm": ("warning", "server", "uWSGI does not stop in order at SIGTERM: {why}, and queued events are lost.", "Add --master --hook-master-start 'unix_signal:15 gracefully_kill_them_all', without --die-on-term."),
    "gevent-preload": ("note", "server", "gunicorn loads the application before gevent patches the worker: sentryinit renews its locks and its transport; other libraries do not.", "Without --preload each worker loads the application after the patches."),
    "graceful-timeout": ("warning", "server", "{server} kills a worker {grace} s after SIGTERM, and a flush may take {flush} s (flush_timeout): queued events can be lost.", "Give more time to stop than flush_timeout."),
    "gunicorn-hung-worker": ("note", "server", "gunicorn kills a {worker} worker that hangs longer than --timeout without a trace in it: this gives no event.", "A sync worker raises SystemExit where it hangs, which is reported."),
    "daphne-sigterm": ("note", "server", "daphne cancels the handlers at SIGTERM at once, and has no lifespan: queued events are sent, cancelled requests give no event.", "Take the service out of its load balancer before it stops."),
    "granian-kill": ("note", "server", "granian runs without --workers-kill-timeout: a worker that does not end keeps the process until it is killed.", "Add --workers-kill-timeout 10s."),
}  # fmt: skip # one row, one line

# The verdicts of the core's problems, by their numbers.
OF_PROBLEM = {
    1: "off",
    2: "dsn-unusable",
    3: "integration-conflict",
    4: "service-unnamed",
    5: "release-unknown",
    6: "foreign-init",
    7: "built-before-init",
    8: "settings-differ",
    9: "middleware-order",
    10: "setting-wrong",
    11: "debug-token-weak",
    12: "sample-rate-zero",
    13: "ignores-all",
    14: "middleware-missing",
    15: "middleware-twice",
    16: "event-processor",
}

# What the verdicts mean whose text is that of the core.
MEANINGS = {
    "off": "There is no DSN, or reporting is switched off.",
    "dsn-unusable": "The DSN is malformed, or a value for sentry-sdk does not work here.",
    "event-processor": "The application has an event processor that sees each event, and may drop it.",
    "integration-conflict": "An integration of sentry-sdk does what our middleware does.",
    "service-unnamed": "The service has no configured name.",
    "release-unknown": "The release is not known.",
    "foreign-init": "sentry_sdk.init() was called after ours.",
    "built-before-init": "The application was built while there was no DSN: its middleware is off.",
    "settings-differ": "A later set-up has other values, which are ignored.",
    "middleware-order": "Another middleware is outside of ours.",
    "setting-wrong": "A variable is misspelt, or its value is wrong.",
    "debug-token-weak": "The debug token is shorter than 16 characters, or repeats a few.",
    "sample-rate-zero": "sample_rate is 0.",
    "ignores-all": "An ignore list, or the storm guard, matches every failure.",
    "middleware-missing": "The application has no middleware of ours.",
    "middleware-twice": "The application has our middleware twice.",
    "start-warning": "sentryinit logs a warning at the start, such as for a hook that cannot be loaded.",
    "client-replaced": "Another client of sentry-sdk has replaced ours.",
    "target-wrong": "The name of the application is wrong, or nothing has it.",
    "problem": "A problem that only a newer sentryinit knows.",
}


class Finding(NamedTuple):
    """A verdict about this set-up. *number*: of the core's problem, as Django's checks show it."""

    id: str
    level: str
    group: str
    text: str
    remedy: str
    number: int | None = None


def found(verdict: str, number: Any = None, **facts: Any) -> Finding:
    """Return the finding of *verdict*, with *facts* filled in."""
    level, group, text, remedy = VERDICTS[verdict]
    return Finding(verdict, level, group, text.format(**facts), remedy.format(**facts), number)


def of_problem(problem: Any) -> Finding:
    """Return the finding of a problem of the core; a newer core may have more of them."""
    verdict = OF_PROBLEM.get(problem.number, "problem")
    return found(verdict, problem.number, text=problem.text, hint=problem.hint)
