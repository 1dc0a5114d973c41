"""The options table; ``docs/reference/settings.md`` is generated from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypedDict, get_type_hints

from sentryinit._config import option_types as types


class Option(NamedTuple):
    """A row of the table.

    *variables*: its environment variables, if not ``SENTRYINIT_<OPTION>``. *passed_to_sdk*:
    ``sentry_sdk.init`` gets the value as it is, under this name.
    """

    doc: str
    type: types.OptionType
    default: Any = None
    variables: tuple[str, ...] = ()
    passed_to_sdk: bool = False


def _sdk(doc: str, option_type: types.OptionType, default: Any = None) -> Option:
    return Option(doc, option_type, default, passed_to_sdk=True)


Event = dict[str, Any]
Hint = dict[str, Any]
Hook = Callable[[Event, Hint], Event | None]
Sampler = Callable[[Event, Hint], float]
Repr = Callable[[Any], str | None]
SocketOption = tuple[int, int, int | bytes]
Exceptions = Sequence[type[BaseException] | str]
Patterns = Sequence[str | re.Pattern[str]]
Statuses = Sequence[int | str | range]
Names = Sequence[str]

COLLECTABLE = ("query", "cookies", "client_address", "host_name", "locals", "argv")


class Options(TypedDict, total=False):
    """Every option of :func:`sentryinit.init`."""

    service: Annotated[
        str,
        Option(
            "Name of the service, a tag on every event.",
            types.SERVICE,
            "unknown_service",
            ("SENTRYINIT_SERVICE", "OTEL_SERVICE_NAME"),
        ),
    ]
    dsn: Annotated[
        str, Option("Backend to send to; if empty, off.", types.DSN, "", ("SENTRY_DSN",))
    ]
    environment: Annotated[
        str,
        Option(
            "Deployment that the service runs in.",
            types.ENVIRONMENT,
            "production",
            ("SENTRY_ENVIRONMENT", "ENV"),
        ),
    ]
    release: Annotated[
        str,
        Option("Version of the service.", types.RELEASE, "", ("SENTRY_RELEASE", "ELIDO_VERSION")),
    ]
    debug_token: Annotated[
        str,
        Option(
            "Token of the debug route. Without it the route answers 404.",
            types.SECRET,
            "",
            ("SENTRYINIT_DEBUG_TOKEN", "ELIDO_SENTRY_DEBUG_TOKEN"),
        ),
    ]
    server_name: Annotated[
        str, Option("Name of the host on events; if empty, the service.", types.SERVICE, "")
    ]
    flush_timeout: Annotated[float, Option("Seconds that a flush may take.", types.NUMBER, 2.0)]
    ignore_errors: Annotated[Exceptions, Option("Exceptions not reported.", types.EXCEPTIONS, ())]
    ignore_messages: Annotated[Patterns, Option("Messages not reported.", types.PATTERNS, ())]
    ignore_statuses: Annotated[Statuses, Option("Statuses not reported.", types.STATUSES, ())]
    ignore_paths: Annotated[
        Names, Option("Paths not reported; `*` matches any text.", types.NAMES, ())
    ]
    mask_keys: Annotated[
        Names, Option("Names of values to mask, besides the default list.", types.NAMES, ())
    ]
    mask_patterns: Annotated[Patterns, Option("Text to mask everywhere.", types.PATTERNS, ())]
    mask_path_parameters: Annotated[
        Names, Option("Route parameters to mask, besides the default list.", types.NAMES, ())
    ]
    mask_ip: Annotated[
        str,
        Option("`network` keeps 24 bits (IPv6: 48).", types.one_of("whole", "network"), "whole"),
    ]
    mask_hash_key: Annotated[
        str, Option("Key of a hash in placeholders: equal values look equal.", types.SECRET, "")
    ]
    collect: Annotated[
        Names, Option("What is not collected by default.", types.list_from(*COLLECTABLE), ())
    ]
    collect_headers: Annotated[
        Names, Option("Request headers to collect, besides the default list.", types.NAMES, ())
    ]
    storm_guard: Annotated[bool, Option("Hold back repeated failures.", types.FLAG, True)]
    storm_burst: Annotated[int, Option("Failures of one kind sent at once.", types.COUNT, 20)]
    storm_per_minute: Annotated[
        float, Option("Failures of one kind sent per minute after that.", types.NUMBER, 60.0)
    ]
    log_breadcrumbs: Annotated[
        int, Option("Last log records (INFO or above) kept for a request.", types.COUNT, 20)
    ]
    log_record_timeout: Annotated[
        float,
        Option("Seconds that an ERROR record waits for the end of its request.", types.NUMBER, 2.0),
    ]
    report_logged_4xx: Annotated[
        bool,
        Option("Report logged HTTP exceptions that are the response below 500.", types.FLAG, False),
    ]
    grouping: Annotated[
        Literal["backend", "place"],
        Option(
            "What makes one issue: `place` in the code, or what the `backend` takes for it. If not "
            "set, `backend` on sentry.io, else `place`.",
            types.one_of("backend", "place"),
        ),
    ]
    before_send: Annotated[Hook, Option("Changes or drops an event.", types.CALLABLE)]
    before_breadcrumb: Annotated[Hook, Option("Changes or drops a breadcrumb.", types.CALLABLE)]
    integrations: Annotated[
        Sequence[Any], Option("Integrations of sentry-sdk to add.", types.INTEGRATIONS, ())
    ]
    sample_rate: Annotated[float, _sdk("Fraction of events that is sent.", types.FRACTION)]
    error_sampler: Annotated[Sampler, _sdk("Returns the fraction for an event.", types.CALLABLE)]
    max_breadcrumbs: Annotated[int, _sdk("Breadcrumbs kept.", types.COUNT)]
    max_value_length: Annotated[int, Option("Characters kept of a text.", types.COUNT, 8192)]
    max_stack_frames: Annotated[int, _sdk("Frames kept of a stack.", types.COUNT)]
    include_source_context: Annotated[bool, _sdk("Add source lines to frames.", types.FLAG, True)]
    attach_stacktrace: Annotated[bool, _sdk("Add a stack to events without one.", types.FLAG)]
    add_full_stack: Annotated[bool, _sdk("Add the frames above the handler.", types.FLAG)]
    in_app_include: Annotated[Names, _sdk("Modules of the application.", types.NAMES)]
    in_app_exclude: Annotated[Names, _sdk("Modules that are not its own.", types.NAMES)]
    project_root: Annotated[str, _sdk("Folder of the application's code.", types.TEXT)]
    dist: Annotated[str, _sdk("Build of a release.", types.RELEASE)]
    custom_repr: Annotated[Repr, _sdk("Returns the text of a value, or None.", types.CALLABLE)]
    http_proxy: Annotated[str, _sdk("Proxy for HTTP.", types.PROXY)]
    https_proxy: Annotated[str, _sdk("Proxy for HTTPS.", types.PROXY)]
    proxy_headers: Annotated[Mapping[str, str], _sdk("Headers for the proxy.", types.HEADERS)]
    ca_certs: Annotated[str, _sdk("File of CA certificates.", types.TEXT)]
    cert_file: Annotated[str, _sdk("File of the client certificate.", types.TEXT)]
    key_file: Annotated[str, _sdk("File of its key.", types.TEXT)]
    keep_alive: Annotated[bool, _sdk("Send TCP keep-alive probes.", types.FLAG)]
    socket_options: Annotated[
        Sequence[SocketOption], _sdk("Options of the sockets.", types.SOCKET_OPTIONS)
    ]
    transport: Annotated[Any, _sdk("Transport in place of HTTP.", types.TRANSPORT)]
    transport_queue_size: Annotated[int, _sdk("Events that may wait to be sent.", types.COUNT)]
    send_client_reports: Annotated[
        bool, _sdk("Tell the backend what was dropped (Sentry only).", types.FLAG, False)
    ]
    spotlight: Annotated[bool | str, _sdk("Send events to Spotlight as well.", types.SPOTLIGHT)]
    debug: Annotated[bool, _sdk("Log what sentry-sdk does.", types.FLAG)]


class SettingValues:
    """The type of each setting after it was read: the rows of ``Options``, in their order."""

    service: str
    dsn: str
    environment: str
    release: str
    debug_token: str
    server_name: str
    flush_timeout: float
    ignore_errors: tuple[type[BaseException] | str, ...]
    ignore_messages: tuple[re.Pattern[str], ...]
    ignore_statuses: tuple[range, ...]
    ignore_paths: tuple[str, ...]
    mask_keys: tuple[str, ...]
    mask_patterns: tuple[re.Pattern[str], ...]
    mask_path_parameters: tuple[str, ...]
    mask_ip: str
    mask_hash_key: str
    collect: tuple[str, ...]
    collect_headers: tuple[str, ...]
    storm_guard: bool
    storm_burst: int
    storm_per_minute: float
    log_breadcrumbs: int
    log_record_timeout: float
    report_logged_4xx: bool
    grouping: str | None
    before_send: Hook | None
    before_breadcrumb: Hook | None
    integrations: tuple[Any, ...]
    sample_rate: float | None
    error_sampler: Sampler | None
    max_breadcrumbs: int | None
    max_value_length: int
    max_stack_frames: int | None
    include_source_context: bool
    attach_stacktrace: bool | None
    add_full_stack: bool | None
    in_app_include: tuple[str, ...] | None
    in_app_exclude: tuple[str, ...] | None
    project_root: str | None
    dist: str | None
    custom_repr: Repr | None
    http_proxy: str | None
    https_proxy: str | None
    proxy_headers: Mapping[str, str] | None
    ca_certs: str | None
    cert_file: str | None
    key_file: str | None
    keep_alive: bool | None
    socket_options: tuple[SocketOption, ...] | None
    transport: Any
    transport_queue_size: int | None
    send_client_reports: bool
    spotlight: bool | str | None
    debug: bool | None


TABLE: dict[str, Option] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Options, include_extras=True).items()
}

# Options of sentry-sdk that cannot be set, with what to do instead.
REFUSED: dict[str, str] = {
    name: reason
    for names, reason in {
        "send_default_pii data_collection": "personal data is not collected by default; name what "
        "you need with collect=[...] and collect_headers=[...]",
        "event_scrubber": "sentryinit masks events itself; add names with mask_keys=[...]",
        "default_integrations auto_enabling_integrations disabled_integrations": "integrations are "
        "listed one by one; add yours with integrations=[...]",
        "include_local_variables": "use collect=['locals']",
        "max_request_body_size": "bodies are never read",
        "shutdown_timeout": "use flush_timeout",
        "traces_sample_rate traces_sampler enable_tracing trace_propagation_targets "
        "propagate_traces functions_to_trace instrumenter trace_ignore_status_codes "
        "trace_lifecycle ignore_spans stream_gen_ai_spans strict_trace_continuation org_id "
        "profiles_sample_rate profiles_sampler profiler_mode profile_lifecycle "
        "profile_session_sample_rate auto_session_tracking enable_logs enable_metrics "
        "before_send_transaction before_send_span before_send_log before_send_metric "
        "enable_backpressure_handling enable_db_query_source db_query_source_threshold_ms "
        "enable_http_request_source http_request_source_threshold_ms _experiments": "sentryinit "
        "reports errors only; use OpenTelemetry for the rest",
    }.items()
    for name in names.split()
}
