"""The options table; ``docs/reference/settings.md`` is generated from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypedDict, get_type_hints

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


if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint
else:
    # This module reads its own types, also where sentry_sdk is not to be imported.
    Breadcrumb = BreadcrumbHint = Event = Hint = dict[str, Any]

# A hook may be annotated with the types of sentry_sdk, or with plain dicts, which these are.
_Dict = dict[str, Any]
_NewEvent = Event | _Dict | None
_NewCrumb = Breadcrumb | _Dict | None
EventHook = Callable[[Event, Hint], _NewEvent] | Callable[[_Dict, _Dict], _NewEvent]
CrumbHook = Callable[[Breadcrumb, BreadcrumbHint], _NewCrumb] | Callable[[_Dict, _Dict], _NewCrumb]
Sampler = Callable[[Event, Hint], float] | Callable[[_Dict, _Dict], float]
Repr = Callable[[Any], str | None]
SocketOption = tuple[int, int, int | bytes]
# A single item is a list of one.
Exceptions = Iterable[type[BaseException] | str] | type[BaseException]
Patterns = Iterable[str | re.Pattern[str]] | re.Pattern[str]
Statuses = Iterable[int | str | range] | int
Names = Iterable[str]
Tags = Mapping[str, str | float | bool | None]
MaskIp = Literal["whole", "network", "public"]
Grouping = Literal["backend", "place"]
LogEvents = Literal["all", "failed", "none"]
Collectable = Literal["query", "cookies", "client_address", "host_name", "locals", "argv", "user"]

# After SENTRY_RELEASE those of platforms, as sentry_sdk.utils.get_default_release() reads them
# (2.75): Heroku, AWS CodeBuild, CircleCI, Google App Engine, Google Cloud Run.
RELEASE_VARIABLES = (
    "SENTRY_RELEASE",
    "HEROKU_BUILD_COMMIT",
    "HEROKU_SLUG_COMMIT",
    "SOURCE_VERSION",
    "CODEBUILD_RESOLVED_SOURCE_VERSION",
    "CIRCLE_SHA1",
    "GAE_DEPLOYMENT_ID",
    "K_REVISION",
)


# Whoever sets it wants it: a wrong text must not leave a deployment dark.
_REQUIRED = types.FLAG._replace(repair=lambda _text: True)


class Options(TypedDict, total=False):
    """Every option of :func:`sentryinit.init`."""

    service: Annotated[
        str | None,
        Option(
            "Name of the service, a tag on every event.",
            types.SERVICE,
            "unknown_service",
            ("SENTRYINIT_SERVICE", "OTEL_SERVICE_NAME"),
        ),
    ]
    dsn: Annotated[
        str | None,
        # An application of others may start a client of its own by the second one.
        Option(
            "Backend to send to; if empty, off.", types.DSN, "", ("SENTRYINIT_DSN", "SENTRY_DSN")
        ),
    ]
    enabled: Annotated[
        bool, Option("Report failures; if false, exactly as without a DSN.", types.FLAG, True)
    ]
    required: Annotated[
        bool, Option("Fail at the start where reporting would be off.", _REQUIRED, False)
    ]
    environment: Annotated[
        str | None,
        Option(
            "Deployment that the service runs in.",
            types.ENVIRONMENT,
            "production",
            ("SENTRY_ENVIRONMENT", "ENV"),
        ),
    ]
    release: Annotated[
        str | None,
        Option("Version of the service.", types.RELEASE, "", RELEASE_VARIABLES),
    ]
    debug_token: Annotated[
        str | None,
        Option("Token of the debug route. Without it the route answers 404.", types.SECRET, ""),
    ]
    server_name: Annotated[
        str | None, Option("Name of the host on events; if empty, the service.", types.SERVICE, "")
    ]
    tags: Annotated[
        Tags | None, Option("Tags of every event; the application's own win.", types.TAGS, {})
    ]
    flush_timeout: Annotated[
        float | None, Option("Seconds that a flush may take.", types.NUMBER, 2.0)
    ]
    flush_on_sigterm: Annotated[
        bool | None, Option("Flush where SIGTERM would end the process at once.", types.FLAG, True)
    ]
    max_retry_after: Annotated[
        float | None,
        Option("Seconds of silence that the backend may ask for at most.", types.NUMBER, 300.0),
    ]
    ignore_errors: Annotated[
        Exceptions | None, Option("Exceptions not reported.", types.EXCEPTIONS, ())
    ]
    ignore_messages: Annotated[
        Patterns | None, Option("Messages not reported.", types.PATTERNS, ())
    ]
    ignore_statuses: Annotated[
        Statuses | None, Option("Statuses not reported.", types.STATUSES, ())
    ]
    ignore_paths: Annotated[
        Names | None, Option("Paths not reported; `*` matches any text.", types.PATHS, ())
    ]
    ignore_loggers: Annotated[
        Names | None, Option("Loggers not heard, with those below; `*` matches.", types.NAMES, ())
    ]
    mask_keys: Annotated[
        Names | None, Option("Names of values to mask, besides the default list.", types.NAMES, ())
    ]
    mask_patterns: Annotated[
        Patterns | None, Option("Text to mask everywhere.", types.PATTERNS, ())
    ]
    mask_path_parameters: Annotated[
        Names | None, Option("Route parameters to mask, besides the default list.", types.NAMES, ())
    ]
    mask_ip: Annotated[
        MaskIp | None,
        Option(
            "Masks addresses: `whole` all; `network` not their first 24 bits (IPv6: 48); `public` "
            "only those that the internet reaches.",
            types.one_of(MaskIp),
            "whole",
        ),
    ]
    mask_hash_key: Annotated[
        str | None,
        Option("Key of a hash in placeholders: equal values look equal.", types.SECRET, ""),
    ]
    collect: Annotated[
        Iterable[Collectable] | Collectable | None,
        Option("What is not collected by default.", types.list_from(Collectable), ()),
    ]
    collect_headers: Annotated[
        Names | None,
        Option("Request headers to collect, besides the default list.", types.NAMES, ()),
    ]
    storm_guard: Annotated[bool | None, Option("Hold back repeated failures.", types.FLAG, True)]
    storm_burst: Annotated[
        int | None, Option("Failures of one kind sent at once.", types.COUNT, 20)
    ]
    storm_per_minute: Annotated[
        float | None, Option("Failures of one kind sent per minute after that.", types.NUMBER, 60.0)
    ]
    log_breadcrumbs: Annotated[
        int | None, Option("Last log records (INFO or above) kept for a request.", types.COUNT, 20)
    ]
    log_level: Annotated[
        int | str | None,
        Option("Level from which log records are events, or `off`.", types.LOG_LEVEL, 40),
    ]
    log_events: Annotated[
        LogEvents | None,
        Option(
            "Which of these are events of their own: `all`; `failed` those of failed requests, and "
            "outside of requests; or `none`.",
            types.one_of(LogEvents),
            "all",
        ),
    ]
    log_record_timeout: Annotated[
        float | None,
        Option("Seconds that such a record waits for the end of its request.", types.NUMBER, 2.0),
    ]
    report_logged_4xx: Annotated[
        bool | None,
        Option("Report logged HTTP exceptions that are the response below 500.", types.FLAG, False),
    ]
    grouping: Annotated[
        Grouping | None,
        Option(
            "What makes one issue: `place` in the code, or what the `backend` takes for it. If not "
            "set, `backend` on sentry.io, else `place`.",
            types.one_of(Grouping),
        ),
    ]
    before_send: Annotated[EventHook | None, Option("Changes or drops an event.", types.CALLABLE)]
    before_breadcrumb: Annotated[
        CrumbHook | None, Option("Changes or drops a breadcrumb.", types.CALLABLE)
    ]
    integrations: Annotated[
        Any, Option("Integrations of sentry-sdk to add.", types.INTEGRATIONS, ())
    ]
    sample_rate: Annotated[float | None, _sdk("Fraction of events that is sent.", types.FRACTION)]
    error_sampler: Annotated[
        Sampler | None, _sdk("Returns the fraction for an event.", types.CALLABLE)
    ]
    max_breadcrumbs: Annotated[int | None, _sdk("Breadcrumbs kept.", types.COUNT)]
    max_value_length: Annotated[int | None, Option("Characters kept of a text.", types.COUNT, 8192)]
    max_stack_frames: Annotated[int | None, _sdk("Frames kept of a stack.", types.COUNT)]
    include_source_context: Annotated[
        bool | None, _sdk("Add source lines to frames.", types.FLAG, True)
    ]
    attach_stacktrace: Annotated[
        bool | None, _sdk("Add a stack to events without one.", types.FLAG)
    ]
    add_full_stack: Annotated[bool | None, _sdk("Add the frames above the handler.", types.FLAG)]
    in_app_include: Annotated[
        Names | None, _sdk("Modules of the application, also if installed.", types.NAMES)
    ]
    in_app_exclude: Annotated[
        Names | None, _sdk("Modules that are not its own; the former counts first.", types.NAMES)
    ]
    project_root: Annotated[
        str | None, _sdk("Folder of the application's code; other files are not its.", types.TEXT)
    ]
    dist: Annotated[str | None, _sdk("Build of a release.", types.RELEASE)]
    custom_repr: Annotated[
        Repr | None, _sdk("Returns the text of a value, or None.", types.CALLABLE)
    ]
    http_proxy: Annotated[str | None, _sdk("Proxy for HTTP; empty: none.", types.PROXY)]
    https_proxy: Annotated[str | None, _sdk("Proxy for HTTPS; empty: none.", types.PROXY)]
    proxy_headers: Annotated[
        Mapping[str, str] | None, _sdk("Headers for the proxy.", types.HEADERS)
    ]
    ca_certs: Annotated[str | None, _sdk("File of CA certificates.", types.TEXT)]
    cert_file: Annotated[str | None, _sdk("File of the client certificate.", types.TEXT)]
    key_file: Annotated[str | None, _sdk("File of its key.", types.TEXT)]
    keep_alive: Annotated[bool | None, _sdk("Send TCP keep-alive probes.", types.FLAG)]
    socket_options: Annotated[
        Iterable[SocketOption] | None, _sdk("Options of the sockets.", types.SOCKET_OPTIONS)
    ]
    transport: Annotated[Any, _sdk("Transport in place of HTTP.", types.TRANSPORT)]
    transport_queue_size: Annotated[
        int | None, _sdk("Events that may wait to be sent.", types.COUNT)
    ]
    send_client_reports: Annotated[
        bool | None, _sdk("Tell the backend what was dropped (Sentry only).", types.FLAG, False)
    ]
    spotlight: Annotated[
        bool | str | None, _sdk("Send events to Spotlight as well.", types.SPOTLIGHT)
    ]
    debug: Annotated[bool | None, _sdk("Log what sentry-sdk does.", types.FLAG)]


class SettingValues:
    """The type of each setting after it was read: the rows of ``Options``, in their order."""

    service: str
    dsn: str
    enabled: bool
    required: bool
    environment: str
    release: str
    debug_token: str
    server_name: str
    tags: dict[str, str]
    flush_timeout: float
    flush_on_sigterm: bool
    max_retry_after: float
    ignore_errors: tuple[type[BaseException] | str, ...]
    ignore_messages: tuple[re.Pattern[str], ...]
    ignore_statuses: tuple[range, ...]
    ignore_paths: tuple[str, ...]
    ignore_loggers: tuple[str, ...]
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
    log_level: int
    log_events: str
    log_record_timeout: float
    report_logged_4xx: bool
    grouping: str | None
    before_send: EventHook | None
    before_breadcrumb: CrumbHook | None
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
