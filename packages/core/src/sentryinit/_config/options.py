"""The table of settings: every option of :func:`sentryinit.init`, once.

``docs/reference/settings.md`` is rendered from it, arguments and variables are checked by it, type
checkers read it. Knows nothing of ``sentry_sdk``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypedDict, get_type_hints

from sentryinit._config import option_types as kinds


# Not a dataclass: their module imports a tenth of the standard library, also where we are off.
class Option(NamedTuple):
    """A row of the table: kind, default, variables (the first that is set), who understands it."""

    doc: str
    kind: kinds.Kind
    default: Any = None
    env: tuple[str, ...] = ()
    sdk: bool = False


Event = dict[str, Any]
Hint = dict[str, Any]
Hook = Callable[[Event, Hint], "Event | None"]

CARRIERS = ("query", "cookies", "client_address", "host_name", "locals", "argv")


class Options(TypedDict, total=False):
    """Every option of :func:`sentryinit.init`; the metadata is the settings table."""

    service: Annotated[
        str,
        Option(
            "Name of the service: tag on every event.",
            kinds.SERVICE,
            "unknown_service",
            ("SENTRYINIT_SERVICE", "OTEL_SERVICE_NAME"),
        ),
    ]
    dsn: Annotated[
        str, Option("Where events go. Without one: off.", kinds.DSN, "", ("SENTRY_DSN",))
    ]
    environment: Annotated[
        str,
        Option(
            "Deployment the service runs in.",
            kinds.ENVIRONMENT,
            "production",
            ("SENTRY_ENVIRONMENT", "ENV"),
        ),
    ]
    release: Annotated[
        str,
        Option("Version of the service.", kinds.RELEASE, "", ("SENTRY_RELEASE", "ELIDO_VERSION")),
    ]
    debug_token: Annotated[
        str,
        Option(
            "Opens the debug route. Without one the route is a 404.",
            kinds.SECRET,
            "",
            ("SENTRYINIT_DEBUG_TOKEN", "ELIDO_SENTRY_DEBUG_TOKEN"),
        ),
    ]
    server_name: Annotated[
        str, Option("Name of the host on events; the service if unset.", kinds.SERVICE, "")
    ]
    flush_timeout: Annotated[float, Option("Seconds that a flush may take.", kinds.NUMBER, 2.0)]
    ignore_errors: Annotated[
        Sequence[type[BaseException] | str],
        Option(
            "Exceptions never reported, beside aborts: classes or dotted names, with subclasses.",
            kinds.ERRORS,
            (),
        ),
    ]
    ignore_messages: Annotated[
        Sequence[str],
        Option(
            "Regular expressions, searched in `Type: message`: never reported. In the environment "
            "a comma in a pattern is written `\\x2c`.",
            kinds.PATTERNS,
            (),
        ),
    ]
    ignore_statuses: Annotated[
        Sequence[int | str | range],
        Option("Statuses whose answers are not reported.", kinds.STATUSES, ()),
    ]
    ignore_paths: Annotated[
        Sequence[str],
        Option("Paths of which nothing is reported; `*` stands for any text.", kinds.NAMES, ()),
    ]
    mask_keys: Annotated[
        Sequence[str],
        Option("Names whose values are masked, beside the default list.", kinds.NAMES, ()),
    ]
    mask_patterns: Annotated[
        Sequence[str],
        Option(
            "Regular expressions: what they match is masked in every text. In the environment a "
            "comma in a pattern is written `\\x2c`.",
            kinds.PATTERNS,
            (),
        ),
    ]
    mask_path_parameters: Annotated[
        Sequence[str],
        Option(
            "Parameters of routes whose values are masked, beside the default list.",
            kinds.NAMES,
            (),
        ),
    ]
    mask_ip: Annotated[
        str,
        Option(
            "How much of an IP address is masked: `network` leaves the first 24 bits, or 48 of "
            "IPv6.",
            kinds.choice("whole", "network"),
            "whole",
        ),
    ]
    mask_hash_key: Annotated[
        str,
        Option(
            "Key of a hash in the marks, by which equal values can be told to be equal.",
            kinds.SECRET,
            "",
        ),
    ]
    collect: Annotated[
        Sequence[str],
        Option(
            "What is otherwise never collected: some of " + ", ".join(f"`{c}`" for c in CARRIERS),
            kinds.one_of(*CARRIERS),
            (),
        ),
    ]
    collect_headers: Annotated[
        Sequence[str], Option("Request headers beside the default list.", kinds.NAMES, ())
    ]
    storm_guard: Annotated[
        bool, Option("Hold back repetitions of a failure, and count them.", kinds.FLAG, True)
    ]
    storm_burst: Annotated[
        int, Option("Failures of one kind let through at once.", kinds.COUNT, 20)
    ]
    storm_per_minute: Annotated[
        float,
        Option("Failures of one kind let through a minute after that.", kinds.NUMBER, 60.0),
    ]
    log_breadcrumbs: Annotated[
        int,
        Option("Last log lines of a request, from INFO on, on its events.", kinds.COUNT, 20),
    ]
    before_send: Annotated[Hook, Option("Your hook on each event; ours come after it.", kinds.HOOK)]
    before_breadcrumb: Annotated[
        Hook, Option("Your hook on each breadcrumb; if it fails, the crumb is lost.", kinds.HOOK)
    ]
    integrations: Annotated[
        Sequence[Any], Option("Integrations of sentry-sdk to add.", kinds.INTEGRATIONS, ())
    ]
    sample_rate: Annotated[
        float, Option("Share of events that are sent.", kinds.FRACTION, sdk=True)
    ]
    error_sampler: Annotated[
        Hook, Option("Share of events that are sent, by event.", kinds.HOOK, sdk=True)
    ]
    max_breadcrumbs: Annotated[int, Option("Breadcrumbs kept.", kinds.COUNT, sdk=True)]
    max_value_length: Annotated[int, Option("Characters kept of a text.", kinds.COUNT, 8192)]
    max_stack_frames: Annotated[int, Option("Frames kept of a stack.", kinds.COUNT, sdk=True)]
    include_source_context: Annotated[
        bool, Option("Source lines around each frame.", kinds.FLAG, True, sdk=True)
    ]
    attach_stacktrace: Annotated[
        bool, Option("A stack on events without exception.", kinds.FLAG, sdk=True)
    ]
    add_full_stack: Annotated[
        bool, Option("The stack above the handler as well.", kinds.FLAG, sdk=True)
    ]
    in_app_include: Annotated[
        Sequence[str], Option("Modules that are the application's.", kinds.NAMES, sdk=True)
    ]
    in_app_exclude: Annotated[Sequence[str], Option("Modules that are not.", kinds.NAMES, sdk=True)]
    project_root: Annotated[str, Option("Folder of the application's code.", kinds.TEXT, sdk=True)]
    dist: Annotated[str, Option("Build of a release.", kinds.RELEASE, sdk=True)]
    custom_repr: Annotated[
        Callable[[Any], str | None], Option("Text of a value.", kinds.HOOK, sdk=True)
    ]
    http_proxy: Annotated[str, Option("Proxy for http.", kinds.PROXY, sdk=True)]
    https_proxy: Annotated[str, Option("Proxy for https.", kinds.PROXY, sdk=True)]
    proxy_headers: Annotated[
        Mapping[str, str], Option("Headers for the proxy.", kinds.HEADERS, sdk=True)
    ]
    ca_certs: Annotated[str, Option("File of CA certificates.", kinds.TEXT, sdk=True)]
    cert_file: Annotated[str, Option("Client certificate.", kinds.TEXT, sdk=True)]
    key_file: Annotated[str, Option("Its key.", kinds.TEXT, sdk=True)]
    keep_alive: Annotated[bool, Option("TCP keep-alive probes.", kinds.FLAG, sdk=True)]
    socket_options: Annotated[Sequence[Any], Option("Socket options.", kinds.SOCKETS, sdk=True)]
    transport: Annotated[Any, Option("Transport in place of HTTP.", kinds.TRANSPORT, sdk=True)]
    transport_queue_size: Annotated[int, Option("Events that may wait.", kinds.COUNT, sdk=True)]
    send_client_reports: Annotated[
        bool,
        Option("Tell the backend what was dropped (Sentry only).", kinds.FLAG, False, sdk=True),
    ]
    spotlight: Annotated[Any, Option("Address of a Spotlight viewer.", kinds.SPOTLIGHT, sdk=True)]
    debug: Annotated[bool, Option("Log what sentry-sdk does.", kinds.FLAG, sdk=True)]


TABLE: dict[str, Option] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Options, include_extras=True).items()
}
