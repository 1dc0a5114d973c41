"""Settings: argument, then environment, then default; messages name the option, and no secret."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
import sentry_sdk.utils
from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.integrations.dedupe import DedupeIntegration

from sentryinit._config.checks import problems
from sentryinit._config.option_types import DottedName
from sentryinit._config.options import REFUSED, TABLE
from sentryinit._config.settings import (
    Settings,
    backend_host,
    check_arguments,
    parse_texts,
    resolve,
    variables,
)

KEY = "0123456789abcdef0123456789abcdef"
DSN = f"https://{KEY}@backend.example/17"
NOTHING = object()
LINGER = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]


@dataclass
class Row:
    """What the tests expect of an option.

    *text* and *parsed* are NOTHING if it is set in code only; *wrong* and *wrong_text* if every
    value of the type is valid. *item*: what a list expects of the item that is wrong.
    """

    default: Any
    text: Any
    parsed: Any
    argument: Any
    checked: Any
    wrong: Any = NOTHING
    wrong_text: Any = NOTHING
    expected: str = ""
    item: str = ""

    def must(self, name: str, *, is_list: bool) -> str:
        """Return the start of a message about a wrong value."""
        what = f"{name}[0] must be {self.item}" if self.item and is_list else ""
        return what or f"{name} must be {self.expected}"


def flag(default: Any) -> Row:
    return Row(default, "off", False, True, True, 1, "maybe", "true or false")


def count(default: Any) -> Row:
    return Row(default, "7", 7, 9, 9, -1, "many", "a whole number, 0 or more")


def names() -> Row:
    words = "a list of names"
    return Row((), " a, b ,,c", ("a", "b", "c"), ["a"], ("a",), "a,b", expected=words)


def text(default: Any) -> Row:
    return Row(default, "some text", "some text", "other", "other", 5, expected="text")


def in_code(expected: str, good: Any, default: Any = None) -> Row:
    checked = tuple(good) if isinstance(good, list) else good
    return Row(default, NOTHING, NOTHING, good, checked, 5, expected=expected)


def hook() -> Row:
    name = "shop.hooks:scrub"
    return Row(None, name, DottedName(name), len, len, name, expected="a callable")


def word(default: Any, limit: int, marks: str) -> Row:
    words = f"1 to {limit} letters, digits or any of _{marks}"
    return Row(default, "shop-1.2", "shop-1.2", "shop", "shop", "a b", "a b", words)


def proxy() -> Row:
    words = "the URL of a proxy, such as http://proxy:3128"
    good, other = "http://proxy:3128", "socks5://proxy"
    return Row(None, good, good, other, other, "proxy:3128", "ftp://proxy", words)


def patterns() -> Row:
    return Row(
        (),
        "^Gone,again$",
        (re.compile("^Gone"), re.compile("again$")),
        ["a,b"],
        (re.compile("a,b"),),
        ["("],
        "(",
        "a list of regular expressions",
        "a regular expression",
    )


NUMBER = "a number, 0 or more"
LEVEL = "a level of logging, by name or number, or off"
ROWS = {
    "service": word("unknown_service", 200, ".:/@+~-"),
    "dsn": text(""),
    "enabled": flag(True),
    "required": flag(False),
    "environment": word("production", 64, ".:@+~-"),
    "release": word("", 200, ".:@+~()-"),
    "debug_token": text(""),
    "server_name": word("", 200, ".:/@+~-"),
    "tags": Row(
        {},
        "region=eu, team = orders,empty=,team=a=b",
        {"region": "eu", "empty": "", "team": "a=b"},
        {"region": "eu", "shard": 3, "share": 0.5, "canary": True, "unset": None},
        {"region": "eu", "shard": "3", "share": "0.5", "canary": "True"},
        {"region": ["eu"]},
        "region",
        "a mapping of names to texts, such as region=eu,team=orders",
        "name=value",
    ),
    "flush_timeout": Row(2.0, "1.5", 1.5, 3, 3.0, "2", "soon", NUMBER),
    "flush_on_sigterm": flag(True),
    "max_retry_after": Row(300.0, "1.5", 1.5, 3, 3.0, "2", "soon", NUMBER),
    "ignore_errors": Row(
        (),
        "app.errors.Gone,KeyError",
        ("app.errors.Gone", "KeyError"),
        [ValueError],
        (ValueError,),
        [int],
        "nosuchbuiltin",
        "a list of exception classes or their dotted names",
        "an exception class, a dotted name, or the name of a builtin exception",
    ),
    "ignore_messages": patterns(),
    "ignore_statuses": Row(
        (),
        "503,520-529",
        (range(503, 504), range(520, 530)),
        [503, "502-504", range(520, 530)],
        (range(503, 504), range(502, 505), range(520, 530)),
        [600],
        "5xx",
        "a list of statuses from 100 to 599, or ranges such as 502-504",
        "a status from 100 to 599, or a range such as 502-504",
    ),
    "ignore_paths": Row(
        (),
        "/a, */b",
        ("/a", "*/b"),
        ["/a,b"],
        ("/a,b",),
        ["a"],
        "a",
        "a list of paths, with / or * first",
        "a path, with / or * first",
    ),
    "ignore_loggers": names(),
    "mask_keys": names(),
    "mask_patterns": patterns(),
    "mask_path_parameters": names(),
    "mask_ip": Row(
        "whole",
        " Network ",
        "network",
        "public",
        "public",
        "none",
        "none",
        "whole, network or public",
    ),
    "mask_hash_key": text(""),
    "collect": Row(
        (),
        "query,locals",
        ("query", "locals"),
        ["argv"],
        ("argv",),
        ["body"],
        "body,query",
        "a list with any of query, cookies, client_address, host_name, locals, argv, user",
        "query, cookies, client_address, host_name, locals, argv or user",
    ),
    "collect_headers": names(),
    "storm_guard": flag(True),
    "storm_burst": count(20),
    "log_breadcrumbs": count(20),
    "log_level": Row(40, " warning", 30, "CRITICAL", 50, 0, "loud", LEVEL),
    "log_record_timeout": Row(2.0, "0.5", 0.5, 3, 3.0, "2", "soon", NUMBER),
    "report_logged_4xx": flag(False),
    "log_events": Row(
        "all", " Failed ", "failed", "failed", "failed", "some", "some", "all, failed or none"
    ),
    "grouping": Row(None, " Place ", "place", "place", "place", "none", "none", "backend or place"),
    "storm_per_minute": Row(60.0, "30", 30.0, 0.5, 0.5, -1, "-1", NUMBER),
    "before_send": hook(),
    "before_breadcrumb": hook(),
    "integrations": in_code("a list of integrations", [DedupeIntegration()], ()),
    "sample_rate": Row(None, "0.25", 0.25, 1, 1.0, 1.1, "2", "a number from 0 to 1"),
    "error_sampler": hook(),
    "max_breadcrumbs": count(None),
    "max_value_length": count(8192),
    "max_stack_frames": count(None),
    "include_source_context": flag(True),
    "attach_stacktrace": flag(None),
    "add_full_stack": flag(None),
    "in_app_include": names(),
    "in_app_exclude": names(),
    "project_root": text(None),
    "dist": word(None, 200, ".:@+~()-"),
    "custom_repr": hook(),
    "http_proxy": proxy(),
    "https_proxy": proxy(),
    "proxy_headers": in_code("a mapping of names to text", {"a": "b"}),
    "ca_certs": text(None),
    "cert_file": text(None),
    "key_file": text(None),
    "keep_alive": flag(None),
    "socket_options": in_code("a list of (level, option, value)", LINGER),
    "transport": in_code("a transport of sentry-sdk", len),
    "transport_queue_size": count(None),
    "send_client_reports": flag(False),
    "spotlight": in_code("true, false or a URL", True),
    "debug": flag(None),
}
for _name in ("in_app_include", "in_app_exclude"):
    ROWS[_name].default = None
VARIABLES = {
    "service": ("SENTRYINIT_SERVICE", "OTEL_SERVICE_NAME"),
    "dsn": ("SENTRYINIT_DSN", "SENTRY_DSN"),
    "environment": ("SENTRY_ENVIRONMENT", "ENV"),
    "release": (
        "SENTRY_RELEASE",
        "HEROKU_BUILD_COMMIT",
        "HEROKU_SLUG_COMMIT",
        "SOURCE_VERSION",
        "CODEBUILD_RESOLVED_SOURCE_VERSION",
        "CIRCLE_SHA1",
        "GAE_DEPLOYMENT_ID",
        "K_REVISION",
    ),
}

# What other programs read: sentry-sdk, sentry-cli, Sentry's other SDKs and bundler plugins,
# self-hosted Sentry; and what applications use for Sentry by custom.
FOREIGN = """
SENTRY_DEBUG SENTRY_SPOTLIGHT SENTRY_SPOTLIGHT_ON_ERROR SENTRY_KEEP_ALIVE SENTRY_TRACE
SENTRY_BAGGAGE SENTRY_USE_ENVIRONMENT SENTRY_PRINT_ENVELOPES SENTRY_INITIAL_HANDLER
SENTRY_AUTH_TOKEN SENTRY_TOKEN SENTRY_API_KEY SENTRY_ORG SENTRY_PROJECT SENTRY_URL SENTRY_HEADER
SENTRY_LOG_LEVEL SENTRY_NO_PROGRESS_BAR SENTRY_PIPELINE SENTRY_PROPERTIES SENTRY_VCS_REMOTE
SENTRY_HTTP_MAX_RETRIES SENTRY_DISABLE_UPDATE_CHECK SENTRY_LOAD_DOTENV SENTRY_DOTENV_PATH
SENTRY_ALLOW_FAILURE SENTRY_CONFIG_DIR SENTRY_CLIENT_ID SENTRYCLI_CDNURL SENTRYCLI_SKIP_DOWNLOAD
SENTRY_SKIP_AUTO_RELEASE SENTRY_MONITOR_SLUG SENTRY_INGEST_URL SENTRY_TIMEOUT_WARNING
SENTRY_SAMPLE_RATE SENTRY_TRACES_SAMPLE_RATE SENTRY_PROFILES_SAMPLE_RATE SENTRY_ERROR_SAMPLE_RATE
SENTRY_PROFILE_SESSION_SAMPLE_RATE SENTRY_REPLAYS_SESSION_SAMPLE_RATE SENTRY_SEND_DEFAULT_PII
SENTRY_DIST SENTRY_SERVERNAME SENTRY_SERVER_NAME SENTRY_TAGS SENTRY_ATTACH_STACKTRACE
SENTRY_MAX_BREADCRUMBS SENTRY_ENABLE_TRACING SENTRY_ENABLE_LOGS SENTRY_ENABLED
SENTRY_LARAVEL_DSN SENTRY_JS_DSN SENTRY_PUBLIC_DSN SENTRY_FRONTEND_DSN SENTRY_DSN_FRONTEND
SENTRY_EVENT_RETENTION_DAYS SENTRY_BIND SENTRY_IMAGE SENTRY_MAIL_HOST SENTRY_SECRET_KEY
SENTRY_SYSTEM_SECRET_KEY SENTRY_POSTGRES_HOST SENTRY_DB_NAME SENTRY_DB_USER SENTRY_REDIS_HOST
SENTRY_REDIS_DB SENTRY_SERVER_EMAIL SENTRY_EMAIL_HOST SENTRY_FILESTORE_DIR SENTRY_CONF
SENTRY_SINGLE_ORGANIZATION SENTRY_WEB_HOST SENTRY_WEB_PORT SENTRY_LOG_FILE SENTRY_KEY
"""

every = pytest.mark.parametrize("name", sorted(ROWS))
with_text = pytest.mark.parametrize(
    "name", sorted(name for name, row in ROWS.items() if row.text is not NOTHING)
)
in_code_only = pytest.mark.parametrize(
    "name", sorted(name for name, row in ROWS.items() if row.text is NOTHING)
)
with_wrong_argument = pytest.mark.parametrize(
    "name", sorted(name for name, row in ROWS.items() if row.wrong is not NOTHING)
)
with_wrong_text = pytest.mark.parametrize(
    "name", sorted(name for name, row in ROWS.items() if row.wrong_text is not NOTHING)
)


def is_of_type(value: Any, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(value, DottedName):
        return origin is UnionType  # it is loaded if reporting is on
    if hint is Any or origin in {Union, UnionType}:
        return hint is Any or any(is_of_type(value, each) for each in arguments)
    if origin is type:
        return isinstance(value, type) and issubclass(value, arguments)
    if origin is tuple and isinstance(value, tuple):
        each = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        return all(map(is_of_type, value, each)) and len(value) == len(each)
    return isinstance(value, origin or hint)


def variable(name: str) -> str:
    return VARIABLES.get(name, (f"SENTRYINIT_{name.upper()}",))[0]


# -- the table -----------------------------------------------------------------------------------


def test_every_option_has_a_row_in_these_tests() -> None:
    """Every option of the table has a row in these tests."""
    assert set(ROWS) == set(TABLE)


def test_every_option_of_the_sdk_is_taken_or_refused() -> None:
    """Every option of the installed sentry-sdk is in the table or refused with a reason."""
    taken = {name for name, option in TABLE.items() if option.passed_to_sdk} | set(REFUSED)
    ours = {
        "dsn",
        "environment",
        "release",
        "server_name",
        "integrations",
        "before_send",
        "before_breadcrumb",
        "ignore_errors",
        "max_value_length",
    }

    assert set(DEFAULT_OPTIONS) - taken - ours == set()


def test_no_option_is_both_taken_and_refused() -> None:
    """No option is both in the table and refused."""
    assert set(TABLE) & set(REFUSED) == set()


def test_settings_are_typed() -> None:
    """Settings has the attributes of the table, in its order."""
    assert list(get_type_hints(Settings)) == list(TABLE)


@every
def test_values_have_the_type_of_the_attribute(name: str) -> None:
    """The default, the parsed text and the checked argument are what type checkers read."""
    row, hint = ROWS[name], get_type_hints(Settings)[name]

    for value in (row.default, row.parsed, row.checked):
        assert value is NOTHING or is_of_type(value, hint)


@every
def test_the_default(name: str) -> None:
    """An option that is not set has its default."""
    settings = resolve({}, {})

    assert (getattr(settings, name), settings.sources[name]) == (ROWS[name].default, "default")


@with_text
def test_the_environment(name: str) -> None:
    """Every option is read from its variable."""
    settings = resolve({}, {variable(name): ROWS[name].text})

    assert getattr(settings, name) == ROWS[name].parsed
    assert settings.sources[name] == variable(name)
    assert settings.warnings == []


@every
def test_the_argument(name: str) -> None:
    """Every option is taken from its argument, after its check."""
    settings = resolve({name: ROWS[name].argument}, {})

    assert (getattr(settings, name), settings.sources[name]) == (ROWS[name].checked, "argument")


@with_text
def test_the_argument_goes_before_the_environment(name: str) -> None:
    """An argument counts, even if the variable is wrong."""
    row = ROWS[name]
    text = row.text if row.wrong_text is NOTHING else row.wrong_text
    settings = resolve({name: row.argument}, {variable(name): text})

    assert (getattr(settings, name), settings.warnings) == (row.checked, [])


@with_text
def test_none_is_not_given(name: str) -> None:
    """An argument of None leaves the option to the environment."""
    settings = resolve({name: None}, {variable(name): ROWS[name].text})

    assert getattr(settings, name) == ROWS[name].parsed


@with_text
def test_an_empty_variable_is_not_set(name: str) -> None:
    """A variable that is empty or blank counts as not set."""
    settings = resolve({}, {variable(name): "  "})

    assert (getattr(settings, name), settings.sources[name]) == (ROWS[name].default, "default")


@every
def test_the_variables_by_name(name: str) -> None:
    """Each option has its documented variables, in that order; code-only options have none."""
    names = VARIABLES.get(name, (f"SENTRYINIT_{name.upper()}",))

    assert variables(name) == (() if ROWS[name].text is NOTHING else names)


@pytest.mark.parametrize("name", sorted(name for name, known in VARIABLES.items() if known[1:]))
def test_the_second_variable_counts_if_the_first_is_not_set(name: str) -> None:
    """The second variable is read if the first is not set."""
    settings = resolve({}, {VARIABLES[name][1]: "from-second"})

    assert (getattr(settings, name), settings.sources[name]) == ("from-second", VARIABLES[name][1])


@pytest.mark.parametrize("name", sorted(name for name, known in VARIABLES.items() if known[1:]))
def test_the_first_variable_goes_before_the_second(name: str) -> None:
    """Of two variables that are set, the first counts."""
    first, second = VARIABLES[name][:2]

    assert getattr(resolve({}, {second: "two", first: "one"}), name) == "one"


def test_an_empty_first_variable_leaves_it_to_the_second() -> None:
    """An empty variable does not hide the next one."""
    assert resolve({}, {"SENTRY_ENVIRONMENT": "", "ENV": "staging"}).environment == "staging"


def test_the_releases_of_platforms_are_those_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable that sentry-sdk reads for the release is one of ours, in its order."""
    asked: list[str] = []

    class Environ(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.append(name)
            return default

    monkeypatch.setattr(sentry_sdk.utils.os, "environ", Environ())
    monkeypatch.setattr(sentry_sdk.utils, "get_git_revision", lambda: None)
    sentry_sdk.utils.get_default_release()

    known = [name for name in VARIABLES["release"] if name in asked]
    assert [name for name in asked if name in VARIABLES["release"] or "SENTRY" not in name] == known
    assert len(known) > 4


@pytest.mark.parametrize("name", VARIABLES["release"][1:])
def test_the_release_of_a_platform(name: str) -> None:
    """Every platform's variable is the release; an odd one is made valid, with a warning."""
    settings = resolve({}, {name: "1f2e3d"})
    odd = resolve({}, {name: "refs/heads/main"})

    assert (settings.release, settings.sources["release"], settings.warnings) == (
        "1f2e3d",
        name,
        [],
    )
    assert (odd.release, len(odd.warnings)) == ("refs-heads-main", 1)


def test_the_name_of_the_application() -> None:
    """The framework's name of the application is the service if nobody configured one."""
    settings = resolve({}, {}, default_service="flask-app")
    named = resolve({}, {"OTEL_SERVICE_NAME": "shop"}, default_service="flask-app")

    assert (settings.service, settings.sources["service"]) == ("flask-app", "application")
    assert (named.service, named.sources["service"]) == ("shop", "OTEL_SERVICE_NAME")


def test_texts_of_a_framework() -> None:
    """Text in a framework's configuration is parsed, but for what is set in code only."""
    config = {"Storm_Burst": "7", "storm_guard": "maybe", "collect": ["argv"], "before_send": "a:b"}
    lower = {**config, "storm_burst": 7}
    del lower["Storm_Burst"]

    assert parse_texts(config, "here") == lower
    assert parse_texts(None, "here") == {}


@pytest.mark.parametrize("config", [["x"], "x", 5, b"x", {"service"}, [], ""])
def test_a_configuration_that_is_no_dict_is_refused(config: object) -> None:
    """A framework's configuration of another type is refused: the message says where it is."""
    expected = f"here must be a dict of options, not a value of type {type(config).__name__}"
    with pytest.raises(TypeError, match=expected):
        parse_texts(config, "here")


@pytest.mark.parametrize("name", [1, None, b"service", ("service",)])
def test_a_name_that_is_no_text_is_refused(name: object) -> None:
    """The names in a framework's configuration are text."""
    with pytest.raises(TypeError, match="here: each name must be text, not a value of type"):
        parse_texts({name: "x"}, "here")


# -- wrong arguments -----------------------------------------------------------------------------


@with_wrong_argument
def test_a_wrong_argument_raises_at_once(name: str) -> None:
    """A wrong argument raises; the message names the option and what is expected."""
    row = ROWS[name]

    with pytest.raises((TypeError, ValueError)) as caught:
        resolve({name: row.wrong}, {})

    must = row.must(name, is_list=isinstance(row.wrong, list))
    assert str(caught.value).startswith(f"argument: {must}, not ")


@pytest.mark.parametrize(
    ("name", "value", "kind", "message"),
    [
        (
            "flush_timeout",
            "2",
            TypeError,
            "argument: flush_timeout must be a number, 0 or more, not '2'",
        ),
        (
            "flush_timeout",
            True,
            TypeError,
            "argument: flush_timeout must be a number, 0 or more, not True",
        ),
        (
            "flush_timeout",
            float("nan"),
            ValueError,
            "argument: flush_timeout must be a number, 0 or more, not nan",
        ),
        (
            "flush_timeout",
            float("inf"),
            ValueError,
            "argument: flush_timeout must be a number, 0 or more, not inf",
        ),
        (
            "storm_burst",
            1.5,
            TypeError,
            "argument: storm_burst must be a whole number, 0 or more, not 1.5",
        ),
        (
            "storm_burst",
            True,
            TypeError,
            "argument: storm_burst must be a whole number, 0 or more, not True",
        ),
        (
            "mask_keys",
            b"key",
            TypeError,
            "argument: mask_keys must be a list of names, not b'key'",
        ),
        ("mask_keys", 5, TypeError, "argument: mask_keys must be a list of names, not 5"),
        (
            "service",
            "",
            ValueError,
            "argument: service must be 1 to 200 letters, digits or any of _.:/@+~-, not ''",
        ),
        ("dsn", 5, TypeError, "argument: dsn must be text, not a value of type int (not shown)"),
    ],
)
def test_the_message_of_a_wrong_argument(
    name: str, value: object, kind: type[Exception], message: str
) -> None:
    """The message says what the value was and what is expected."""
    with pytest.raises(kind) as caught:
        resolve({name: value}, {})

    assert str(caught.value) == message


def test_a_long_wrong_value_is_cut() -> None:
    """A long value is truncated in the message."""
    with pytest.raises(ValueError, match=r"^.{0,160}$") as caught:
        resolve({"service": "x" * 201}, {})

    assert str(caught.value).endswith("not '" + "x" * 76 + "...")


@pytest.mark.parametrize("value", [1.5, None, b"503", [503], "503-", "504-502", "99", True])
def test_a_wrong_status_names_the_option(value: object) -> None:
    """What is neither a status nor a range is refused; the message names the option."""
    with pytest.raises((TypeError, ValueError), match=r"argument: ignore_statuses\[0\] must be a"):
        resolve({"ignore_statuses": [value]}, {})


@pytest.mark.parametrize("value", [b"bytes", re.compile(b"bytes"), None, 5])
def test_a_pattern_that_cannot_match_text_is_refused(value: object) -> None:
    """A pattern of bytes is refused at the start: it would fail at the first event."""
    with pytest.raises((TypeError, ValueError), match=r"argument: ignore_messages\[0\] must be a"):
        resolve({"ignore_messages": [value]}, {})


def test_a_compiled_pattern_is_taken() -> None:
    """A pattern may be compiled, and keeps its flags."""
    pattern = re.compile("gone", re.IGNORECASE)

    assert resolve({"ignore_messages": [pattern]}, {}).ignore_messages == (pattern,)


@pytest.mark.parametrize("name", ["flush_timeout", "storm_per_minute", "sample_rate"])
def test_a_number_too_large_for_a_float_is_refused(name: str) -> None:
    """An integer that is too large for a float is a wrong value."""
    with pytest.raises((TypeError, ValueError), match=f"argument: {name} must be "):
        resolve({name: 10**400}, {})


@pytest.mark.parametrize("name", ["print", "int", ""])
def test_a_builtin_that_is_no_exception_is_refused(name: str) -> None:
    """A name without a dot is refused if it is not the name of a builtin exception."""
    with pytest.raises(ValueError, match=r"argument: ignore_errors\[0\] must be an exception"):
        resolve({"ignore_errors": [name]}, {})


def test_an_unknown_option_names_the_nearest() -> None:
    """The message of an unknown option suggests the most similar one."""
    with pytest.raises(TypeError) as caught:
        check_arguments({"enviroment": "x"}, "argument")

    assert str(caught.value) == "unknown option enviroment; did you mean environment?"


def test_an_unknown_option_like_no_other_names_none() -> None:
    """Nothing is suggested if no option is similar."""
    with pytest.raises(TypeError) as caught:
        check_arguments({"qqq": 1}, "argument")

    assert str(caught.value) == "unknown option qqq"


def test_an_unknown_option_of_none_is_refused_as_well() -> None:
    """An unknown option is refused even if its value is None."""
    with pytest.raises(TypeError, match="unknown option qqq"):
        check_arguments({"qqq": None}, "argument")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "send_default_pii",
            "option send_default_pii cannot be set: personal data is not collected by "
            "default; name what you need with collect=[...] and collect_headers=[...]",
        ),
        (
            "data_collection",
            "option data_collection cannot be set: personal data is not collected by "
            "default; name what you need with collect=[...] and collect_headers=[...]",
        ),
        (
            "event_scrubber",
            "option event_scrubber cannot be set: sentryinit masks events itself; add names "
            "with mask_keys=[...]",
        ),
        (
            "default_integrations",
            "option default_integrations cannot be set: integrations are listed one by one; add "
            "yours with integrations=[...]",
        ),
        (
            "include_local_variables",
            "option include_local_variables cannot be set: use collect=['locals']",
        ),
        (
            "max_request_body_size",
            "option max_request_body_size cannot be set: bodies are never read",
        ),
        ("shutdown_timeout", "option shutdown_timeout cannot be set: use flush_timeout"),
        (
            "traces_sample_rate",
            "option traces_sample_rate cannot be set: sentryinit reports errors only; use "
            "OpenTelemetry for the rest",
        ),
        (
            "auto_session_tracking",
            "option auto_session_tracking cannot be set: sentryinit reports errors only; use "
            "OpenTelemetry for the rest",
        ),
    ],
)
def test_an_option_that_is_ours_is_refused_with_the_reason(name: str, message: str) -> None:
    """A refused option raises; the message says what to do instead."""
    with pytest.raises(TypeError) as caught:
        check_arguments({name: False}, "argument")

    assert str(caught.value) == message


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_an_option_that_is_ours_cannot_be_set_to_none_either(name: str) -> None:
    """A refused option raises even if its value is None, which may have a meaning in sentry-sdk."""
    with pytest.raises(TypeError, match=f"option {name} cannot be set: "):
        check_arguments({name: None}, "argument")


# -- wrong variables -----------------------------------------------------------------------------


@with_wrong_text
def test_a_wrong_variable_is_one_warning(name: str) -> None:
    """A wrong value in the environment is one warning, which names the variable."""
    settings = resolve({}, {variable(name): ROWS[name].wrong_text})

    (warning,) = settings.warnings
    assert warning.startswith(f"{variable(name)}: {ROWS[name].must(name, is_list=True)}, not ")


@with_wrong_text
def test_a_wrong_variable_falls_back(name: str) -> None:
    """Names and versions are repaired, lists keep valid items; everything else gets its default."""
    repaired = dict.fromkeys(("service", "environment", "release", "server_name", "dist"), "a-b")
    settings = resolve({}, {variable(name): ROWS[name].wrong_text})

    # Whoever sets required wants it.
    others = {"collect": ("query",), "ignore_paths": ("/a",), "required": True}
    assert getattr(settings, name) == (repaired | others).get(name, ROWS[name].default)


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("mask_patterns", r"shop-\d+,(", (re.compile(r"shop-\d+"),)),
        ("ignore_errors", "nosuchbuiltin, KeyError", ("KeyError",)),
        ("ignore_statuses", "503,5xx,99", (range(503, 504),)),
        ("tags", "region=eu,team,=x", {"region": "eu"}),
    ],
)
def test_a_list_keeps_what_is_good(name: str, text: str, kept: object) -> None:
    """The valid items of a list stay: what they mask is still masked."""
    settings = resolve({}, {variable(name): text})

    assert getattr(settings, name) == kept
    assert len(settings.warnings) == 1


def test_the_message_of_a_wrong_secret() -> None:
    """The warning does not show the value of a secret, but the default that is used."""
    assert resolve({}, {"SENTRYINIT_HTTP_PROXY": "hunter2"}).warnings == [
        "SENTRYINIT_HTTP_PROXY: http_proxy must be the URL of a proxy, such as http://proxy:3128, "
        "not a value of type str (not shown); using None"
    ]


def test_the_message_of_a_wrong_variable() -> None:
    """The warning says what the value was, what is expected, and what is used."""
    assert resolve({}, {"SENTRYINIT_FLUSH_TIMEOUT": "soon"}).warnings == [
        "SENTRYINIT_FLUSH_TIMEOUT: flush_timeout must be a number, 0 or more, not 'soon'; using 2.0"
    ]


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("my shop", "my-shop"),
        ("shop\x00\x1b[31m", "shop---31m"),
        ("caf\u00e9", "caf\u00e9"),
        ("shop\U0001f600", "shop-"),
        ("a" * 300, "a" * 200),
        ("shop,till", "shop-till"),
        ("\udcff", "-"),
    ],
)
def test_odd_characters_in_the_service(given: str, used: str) -> None:
    """Characters that are not allowed in a name become dashes; a long name is truncated."""
    assert resolve({}, {"SENTRYINIT_SERVICE": given}).service == used


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "Yes", "on", " on "])
def test_words_for_true(text: str) -> None:
    """A flag is true for 1, true, yes and on, in any case."""
    assert resolve({}, {"SENTRYINIT_ATTACH_STACKTRACE": text}).attach_stacktrace is True


@pytest.mark.parametrize("text", ["0", "false", "FALSE", "No", "off", " off "])
def test_words_for_false(text: str) -> None:
    """A flag is false for 0, false, no and off, in any case."""
    assert resolve({}, {"SENTRYINIT_STORM_GUARD": text}).storm_guard is False


@in_code_only
def test_a_variable_of_an_option_for_code_is_a_warning(name: str) -> None:
    """Objects are set in code only: a variable is one warning, and changes nothing."""
    settings = resolve({}, {variable(name): "os.path:basename"})

    assert getattr(settings, name) == ROWS[name].default
    assert settings.warnings == [f"{variable(name)} cannot be set: {name} is set in code only"]


@pytest.mark.parametrize("value", [[dict], [object()], "x", 5])
def test_a_wrong_integration_in_code_raises(value: object) -> None:
    """An integration is an object with setup_once(); a class is refused."""
    with pytest.raises((TypeError, ValueError), match=r"argument: integrations.* must be an? "):
        resolve({"integrations": value}, {})


# -- unknown variables ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SENTRYINIT_FLUSH_TIMOUT", "SENTRYINIT_FLUSH_TIMEOUT"),
        ("SENTRYINIT_SERVISE", "SENTRYINIT_SERVICE"),
        ("SENTRYINIT_DNS", "SENTRYINIT_DSN"),
        ("SENTRYINIT_ENVIRONMENT", "SENTRY_ENVIRONMENT"),
        ("SENTRYINIT_RELEASE", "SENTRY_RELEASE"),
        ("SENTRYINIT_ENV", "SENTRY_ENVIRONMENT"),
        ("SENTRYINIT_DSNS", "SENTRYINIT_DSN"),
        ("SENTRYINIT_OTEL_SERVICE_NAME", "SENTRYINIT_SERVICE"),
        ("SENTRYINIT_TAG", "SENTRYINIT_TAGS"),
        ("SENTRYINIT_BEFORESEND", "SENTRYINIT_BEFORE_SEND"),
        # Another prefix, or another spelling of it.
        ("SENTRY_DNS", "SENTRY_DSN"),
        ("SENTRYDSN", "SENTRY_DSN"),
        ("SENTY_DSN", "SENTRY_DSN"),
        ("SETNRY_DSN", "SENTRY_DSN"),
        ("sentry_dsn", "SENTRY_DSN"),
        ("Sentry_Dsn", "SENTRY_DSN"),
        ("SENTRY_ENVIROMENT", "SENTRY_ENVIRONMENT"),
        ("SENTRY_ENVIRONEMENT", "SENTRY_ENVIRONMENT"),
        ("SENTRY_ENV", "SENTRY_ENVIRONMENT"),
        ("SENTRY_RELAESE", "SENTRY_RELEASE"),
        ("SENTRY_INIT_DSN", "SENTRYINIT_DSN"),
        ("SENTRY_INIT_IGNORE_PATHS", "SENTRYINIT_IGNORE_PATHS"),
        ("SENTRY_INIT_IGNORE_PATH", "SENTRYINIT_IGNORE_PATHS"),
        ("SENTRYINT_IGNORE_PATHS", "SENTRYINIT_IGNORE_PATHS"),
        ("SENTRYNIT_SERVICE", "SENTRYINIT_SERVICE"),
        ("SENTRY_IGNORE_PATHS", "SENTRYINIT_IGNORE_PATHS"),
        ("SENTRY_MASK_KEYS", "SENTRYINIT_MASK_KEYS"),
        ("SENTRY_SERVICE", "SENTRYINIT_SERVICE"),
        ("sentryinit_service", "SENTRYINIT_SERVICE"),
    ],
)
def test_an_unknown_variable_names_the_nearest(variable: str, meant: str) -> None:
    """The warning suggests a variable: the option's own, or the one with the most similar name."""
    assert resolve({}, {variable: "x"}).warnings == [
        f"{variable} is not a setting of sentryinit; did you mean {meant}?"
    ]


@pytest.mark.parametrize("name", ["send_default_pii", "data_collection", "traces_sample_rate"])
def test_a_variable_for_an_option_that_is_ours_says_why(name: str) -> None:
    """A variable named after a refused option is a warning with the reason."""
    unknown = f"SENTRYINIT_{name.upper()}"

    assert resolve({}, {unknown: "1"}).warnings == [f"{unknown} cannot be set: {REFUSED[name]}"]


def test_our_variable_for_the_dsn_comes_first() -> None:
    """SENTRY_DSN would also start the own client of an application of others."""
    other = "https://0123456789abcdef0123456789abcdef@other.example/2"
    both = resolve({}, {"SENTRYINIT_DSN": DSN, "SENTRY_DSN": other})
    assert (both.dsn, both.sources["dsn"], both.warnings) == (DSN, "SENTRYINIT_DSN", [])
    assert resolve({}, {"SENTRYINIT_DSN": " ", "SENTRY_DSN": other}).dsn == other


def test_a_variable_of_others_is_none_of_our_business() -> None:
    """Variables without our prefix are ignored: they belong to other programs."""
    foreign = dict.fromkeys([*FOREIGN.split(), "OTEL_SOMETHING", "PATH", "SERVER_NAME"], "x")

    assert resolve({}, foreign).warnings == []
    assert resolve({}, foreign | {"SENTRY_DSN": DSN}).warnings == []


def test_a_similar_variable_is_left_alone_if_the_meant_one_is_set() -> None:
    """A variable that is similar to one that is set belongs to the application."""
    environ = {"SENTRY_DSN": DSN, "SENTRY_DSNS": "x", "SENTRY_ENV": "y", "SENTRY_ENVIRONMENT": "z"}

    assert resolve({}, environ).warnings == []


def test_a_misspelt_prefix_with_an_option_that_is_ours_says_why() -> None:
    """The reason for a refused option is given, whatever the spelling of the prefix."""
    (warning,) = resolve({}, {"SENTRY_INIT_SEND_DEFAULT_PII": "1"}).warnings

    assert warning == f"SENTRY_INIT_SEND_DEFAULT_PII cannot be set: {REFUSED['send_default_pii']}"


# -- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"dsn"}))
def test_a_dsn_in_the_wrong_variable_is_not_shown(name: str) -> None:
    """If the DSN is in the wrong variable, no warning contains its key."""
    warnings = resolve({}, {variable(name): DSN}).warnings

    assert KEY not in "".join(warnings)


def test_a_dsn_that_is_kept_from_a_wrong_list_is_not_shown() -> None:
    """The value that is used in place of a wrong one may contain the DSN: it is not shown."""
    (warning,) = resolve({}, {"SENTRYINIT_MASK_PATTERNS": f"{DSN},("}).warnings

    assert warning.endswith("; using a value of type tuple (not shown)")
    assert KEY not in warning


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"dsn"}))
def test_a_dsn_in_the_wrong_argument_is_not_shown(name: str) -> None:
    """If the DSN is given to the wrong option, no message contains its key."""
    shown = ""
    for value in (DSN, [DSN], [f"{DSN}("]):
        try:
            resolve({name: value}, {})
        except (TypeError, ValueError) as error:  # noqa: PERF203 # three values, once
            shown += str(error)

    assert KEY not in shown


@pytest.mark.parametrize("name", ["service", "server_name", "environment", "release", "dist"])
def test_a_dsn_is_no_name(name: str) -> None:
    """A URL, which may contain a key, is refused as a name: names are logged and sent."""
    with pytest.raises(ValueError, match="not shown"):
        resolve({name: DSN}, {})


@pytest.mark.parametrize("name", ["service", "server_name", "environment", "release", "dist"])
def test_a_dsn_in_the_environment_is_no_name(name: str) -> None:
    """A name is not repaired from a URL, which may contain a key."""
    assert KEY not in str(getattr(resolve({}, {variable(name): DSN}), name))


@pytest.mark.parametrize("name", ["dsn", "debug_token"])
def test_a_secret_of_the_wrong_type_is_not_shown(name: str) -> None:
    """The message about a wrong value of a secret does not show it."""
    with pytest.raises(TypeError) as caught:
        resolve({name: ["hunter2"]}, {})

    assert (
        str(caught.value) == f"argument: {name} must be text, not a value of type list (not shown)"
    )


# -- the DSN -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dsn", "host"),
    [
        (DSN, "backend.example"),
        (f"http://{KEY}@127.0.0.1:8000/1", "127.0.0.1"),
        (f"https://{KEY}:password@backend.example/prefix/17", "backend.example"),
        (f"https://{KEY}@[::1]:9000/1", "::1"),
        (f"HTTPS://{KEY}@bug_sink:8000/a/b/1", "bug_sink"),
        (f"https://{KEY}@b\u00fccher.example/1", "b\u00fccher.example"),
    ],
)
def test_the_host_of_a_dsn(dsn: str, host: str) -> None:
    """Return the host of a valid DSN."""
    assert backend_host(dsn) == host


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "nonsense",
        "https://backend.example/17",
        f"https://{KEY}@backend.example/",
        f"https://{KEY}@backend.example/shop",
        f"https://{KEY}@backend.example:port/1",
        f"https://{KEY}@backend.example:0/1",
        f"https://{KEY}@backend.example:99999/1",
        f"ftp://{KEY}@backend.example/1",
        f"https://{KEY}@/1",
        f"https://{KEY}@[::1/1",
        f"{KEY}@backend.example/1",
        f'"https://{KEY}@backend.example/1"',
        f"https://{KEY}@backend.example/1,https://{KEY}@backend.example/2",
        f"https://{KEY}@backend.example /1",
        f"https://{KEY}@back end.example/1",
        f"https://{KEY}@backend\u200b.example/1",
        f"https://{KEY}\u00e9@backend.example/1",
        "https://a key@backend.example/1",
        f"https://:{KEY}@backend.example/1",
        f"https://{KEY}:pass word@backend.example/1",
        "https://<key>@<host>/1",
        f"https://{KEY}@backend.example/\uff11",
        f"https://{KEY}@backend.example/1_0",
        f"https://{KEY}@backend.example/-5",
        f"https://{KEY}@backend.example/+5",
        f"https://{KEY}@backend.example/ 1",
        f"https://{KEY}@backend.example//1",
    ],
)
def test_a_malformed_dsn_has_no_host(dsn: str) -> None:
    """Return None for a DSN that sentry-sdk refuses, or accepts and then loses every event."""
    assert backend_host(dsn) is None


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("form", ["{0}{1}{0}", " {0}{1}{0}\n", "{0} {1} {0}"])
def test_quotes_around_a_dsn(quote: str, form: str) -> None:
    """A DSN in quotes is used without them, and a warning says where they are, and not the DSN."""
    quoted = form.format(quote, DSN)
    by_variable = resolve({}, {"SENTRY_DSN": quoted})
    by_argument = resolve({"dsn": quoted}, {}, where="flask configuration")

    assert (by_variable.dsn, by_argument.dsn) == (DSN, DSN)
    words = "is in quotes, which docker's --env-file keeps: it is used without them"
    assert by_variable.warnings == [f"SENTRY_DSN {words}"]
    assert by_argument.warnings == [f"flask configuration: dsn {words}"]


@with_text
def test_quotes_around_a_variable(name: str) -> None:
    """Any variable in quotes is used without them, with a warning; so is a framework's text."""
    settings = resolve({}, {variable(name): f'"{ROWS[name].text}"'})

    assert getattr(settings, name) == ROWS[name].parsed
    assert [warning.partition(" ")[0] for warning in settings.warnings] == [variable(name)]
    if name != "dsn":
        parsed = parse_texts({name: f"'{ROWS[name].text}'"}, "here")
        assert parsed[name] == ROWS[name].parsed


@pytest.mark.parametrize("text", ['"[^"]+"', "'a'|'b'", "\"a'", '"', "a'b'"])
def test_quotes_that_are_no_pair_around_the_whole_stay(text: str) -> None:
    """Only one pair around the whole is removed: a pattern may begin and end with a quote."""
    settings = resolve({}, {"SENTRYINIT_MASK_PATTERNS": text})

    assert (settings.mask_patterns, settings.warnings) == ((re.compile(text),), [])


@pytest.mark.parametrize("text", ['""', "''", '" "'])
def test_empty_quotes_are_not_set(text: str) -> None:
    """A variable that is empty but for quotes counts as not set."""
    settings = resolve({}, {"SENTRY_ENVIRONMENT": text, "ENV": "staging"})

    assert (settings.environment, settings.warnings) == ("staging", [])


@pytest.mark.parametrize("path", ["/etc/.shinit", "~/.profile", '"$HOME/.kshrc"', "a/b"])
def test_the_start_up_file_of_a_shell_is_no_environment(path: str) -> None:
    """ENV with a slash is the start-up file of POSIX shells; under our own name it is repaired."""
    settings = resolve({}, {"ENV": path})

    assert (settings.environment, settings.sources["environment"]) == ("production", "default")
    assert settings.warnings == []
    assert resolve({}, {"SENTRY_ENVIRONMENT": "eu/staging"}).environment == "eu-staging"
    assert len(resolve({}, {"SENTRY_ENVIRONMENT": "eu/staging"}).warnings) == 1


@pytest.mark.parametrize("dsn", [DSN, f'"{DSN}"', f" {DSN}\n"])
@pytest.mark.parametrize("name", ["service", "environment", "ignore_errors", "flush_timeout"])
def test_a_dsn_in_the_place_of_another_option(name: str, dsn: str) -> None:
    """The message says that the value is a DSN, and what to do; it does not show it."""
    (warning,) = [
        each for each in resolve({}, {variable(name): dsn}).warnings if "quotes" not in each
    ]
    with pytest.raises((TypeError, ValueError)) as caught:
        resolve({name: dsn}, {})

    for message in (str(caught.value), warning):
        assert "(not shown); it is a DSN: pass dsn=..., or set SENTRY_DSN" in message
        assert KEY not in message


# -- lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "single", "checked"),
    [
        ("ignore_errors", KeyError, (KeyError,)),
        ("ignore_errors", "shop.errors.Gone", ("shop.errors.Gone",)),
        ("ignore_messages", "a,b", (re.compile("a,b"),)),
        ("ignore_messages", re.compile("a"), (re.compile("a"),)),
        ("ignore_statuses", 503, (range(503, 504),)),
        ("ignore_statuses", "502-504", (range(502, 505),)),
        ("ignore_statuses", range(502, 504), (range(502, 503), range(503, 504))),
        ("ignore_paths", "/healthz", ("/healthz",)),
        ("ignore_paths", "/a,/b", ("/a,/b",)),
        ("mask_keys", "iban", ("iban",)),
        ("mask_patterns", "a,b", (re.compile("a,b"),)),
        ("mask_path_parameters", "tenant", ("tenant",)),
        ("collect", "query", ("query",)),
        ("collect_headers", "X-Shop", ("X-Shop",)),
        ("in_app_include", "shop", ("shop",)),
    ],
)
def test_a_single_item_is_a_list_of_one(name: str, single: object, checked: object) -> None:
    """A single item in place of a list is a list of one; text in code is not split at commas."""
    assert getattr(resolve({name: single}, {}), name) == checked


def test_a_single_integration() -> None:
    """A single integration is a list of one."""
    integration = DedupeIntegration()

    assert resolve({"integrations": integration}, {}).integrations == (integration,)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "ignore_errors",
            [KeyError, "ValueErorr"],
            "ignore_errors[1] must be an exception class, a dotted name, or the name of a builtin "
            "exception, not 'ValueErorr'; did you mean ValueError?",
        ),
        (
            "ignore_errors",
            "ValueErorr",
            "ignore_errors must be a list of exception classes or their dotted names, not "
            "'ValueErorr'; did you mean ValueError?",
        ),
        (
            "ignore_errors",
            ["a.b,c.d"],
            "ignore_errors[0] must be an exception class, a dotted name, or the name of a builtin "
            "exception, not 'a.b,c.d'",
        ),
        (
            "ignore_paths",
            ["/a", "*/b", "healthz"],
            "ignore_paths[2] must be a path, with / or * first, not 'healthz'; did you mean "
            "/healthz?",
        ),
        (
            "mask_keys",
            "iban,passport",
            "mask_keys must be a list of names, not 'iban,passport'; did you mean "
            "['iban', 'passport']?",
        ),
        ("mask_keys", ["iban", " "], "mask_keys[1] must be a name, not ' '"),
        ("mask_keys", {"iban": True}, "mask_keys must be a list of names, not {'iban': True}"),
        (
            "integrations",
            [DedupeIntegration],
            "integrations[0] must be an integration, not <class "
            "'sentry_sdk.integrations.dedupe.DedupeIntegration'>; did you mean "
            "DedupeIntegration()?",
        ),
        (
            "integrations",
            DedupeIntegration,
            "integrations must be a list of integrations, not <class "
            "'sentry_sdk.integrations.dedupe.DedupeIntegration'>; did you mean "
            "DedupeIntegration()?",
        ),
        (
            "collect",
            ["query", "cookie"],
            "collect[1] must be query, cookies, client_address, host_name, locals, argv or user, "
            "not 'cookie'; did you mean cookies?",
        ),
        (
            "mask_ip",
            "netwrok",
            "mask_ip must be whole, network or public, not 'netwrok'; did you mean network?",
        ),
        (
            "ignore_statuses",
            [503, "5xx"],
            "ignore_statuses[1] must be a status from 100 to 599, or a range such as 502-504, "
            "not '5xx'",
        ),
    ],
)
def test_the_message_of_a_wrong_item(name: str, value: object, message: str) -> None:
    """The message names the item, what it was, what is expected, and what may be meant."""
    with pytest.raises((TypeError, ValueError)) as caught:
        resolve({name: value}, {})

    assert str(caught.value) == f"argument: {message}"


def test_a_suggestion_is_cut_and_shows_no_secret() -> None:
    """What may be meant is as long as what was given; of a URL nothing is shown."""
    with pytest.raises(ValueError, match=r"did you mean /a{76}\.\.\.\?$"):
        resolve({"ignore_paths": ["a" * 300]}, {})
    with pytest.raises(ValueError, match=r"not a value of type str \(not shown\)$"):
        resolve({"ignore_paths": ["https://user:hunter2@shop.test/healthz"]}, {})


def test_a_path_without_a_slash_in_the_environment_gets_one() -> None:
    """In the environment the path that is meant is used, with a warning."""
    settings = resolve({}, {"SENTRYINIT_IGNORE_PATHS": "/a,healthz"})

    assert settings.ignore_paths == ("/a", "/healthz")
    assert len(settings.warnings) == 1


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("environement", "environment"),
        ("env", "environment"),
        ("sentry_dsn", "dsn"),
        ("ignore_error", "ignore_errors"),
        ("ignored_paths", "ignore_paths"),
        ("mask", "mask_ip"),
        ("collects", "collect"),
        ("flush_timout", "flush_timeout"),
    ],
)
def test_an_option_that_is_nearly_right(name: str, meant: str) -> None:
    """A misspelt option, a part of one, or more than one, names an option."""
    with pytest.raises(TypeError, match=f"^unknown option {name}; did you mean {meant}"):
        check_arguments({name: "x"}, "argument")


def test_blanks_around_a_dsn() -> None:
    """Blanks around a DSN are removed, in an argument as well: it may come from a file."""
    assert resolve({"dsn": f" {DSN}\n"}, {}).dsn == DSN


def test_headers_for_the_proxy_are_not_shown() -> None:
    """Messages do not show headers for the proxy, which may contain a password."""
    wrong = {"Proxy-Authorization": b"Basic 5f1c9a"}
    with pytest.raises(TypeError, match="argument: proxy_headers must be") as caught:
        resolve({"proxy_headers": wrong}, {})

    assert "5f1c9a" not in str(caught.value)


# -- tags ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        ["region=eu"],
        "region=eu",
        {"region": {"name": "eu"}},
        {"region": b"eu"},
        {"region": object()},
        {1: "eu"},
        {"": "eu"},
        {" ": "eu"},
    ],
)
def test_wrong_tags(wrong: object) -> None:
    """What is no mapping of names to texts raises; the message has the value."""
    with pytest.raises((TypeError, ValueError)) as caught:
        resolve({"tags": wrong}, {})

    message = str(caught.value)
    assert message.startswith("argument: tags must be a mapping of names to texts, such as ")
    assert message.endswith(f", not {wrong!r}")


def test_tags_are_copied() -> None:
    """A mapping that changes later changes no tag."""
    given = {"region": "eu"}
    settings = resolve({"tags": given}, {})
    given["region"] = "us"

    assert settings.tags == {"region": "eu"}


def test_tags_of_a_framework() -> None:
    """A framework's configuration has a mapping, or text as in the environment."""
    assert parse_texts({"tags": "region=eu"}, "flask configuration") == {"tags": {"region": "eu"}}
    assert parse_texts({"tags": {"region": "eu"}}, "flask configuration") == {
        "tags": {"region": "eu"}
    }


# -- problems ------------------------------------------------------------------------------------


def numbers(arguments: dict[str, Any], **facts: Any) -> list[int]:
    facts = {"is_on": True, "conflicting": [], **facts}
    return [problem.number for problem in problems(resolve(arguments, {}), **facts)]


COMPLETE = {"service": "shop", "dsn": DSN, "release": "1.2"}


def test_no_problems() -> None:
    """A complete configuration has no problem; neither has a process without init()."""
    assert numbers(COMPLETE) == []
    assert list(problems(None, is_on=False, conflicting=[])) == []


@pytest.mark.parametrize(
    ("missing", "facts", "number"),
    [
        ("dsn", {"is_on": False}, 1),
        ("", {"is_on": False}, 2),
        ("", {"conflicting": ["FlaskIntegration"]}, 3),
        ("service", {}, 4),
        ("release", {}, 5),
    ],
)
def test_each_problem(missing: str, facts: dict[str, Any], number: int) -> None:
    """Each mistake is one problem, with its number."""
    arguments = {name: value for name, value in COMPLETE.items() if name != missing}

    assert numbers(arguments, **facts) == [number]


@pytest.mark.parametrize("is_on", [False, True])
def test_the_problem_of_a_service_that_is_disabled(is_on: bool) -> None:
    """enabled=false is named with its source, whatever the DSN is."""
    arguments = {"service": "shop", "release": "1"}
    for environ in ({}, {"SENTRY_DSN": DSN}, {"SENTRY_DSN": "malformed"}):
        settings = resolve(arguments, {"SENTRYINIT_ENABLED": "no", **environ})
        (found,) = problems(settings, is_on=is_on, conflicting=[])

        assert (found.number, found.deployed) == (1, True)
        assert found.text == "Reporting is off: enabled=false (from SENTRYINIT_ENABLED)."


def test_the_text_of_a_problem() -> None:
    """A problem names the source of the DSN, and the integration; not the DSN itself."""
    settings = resolve({}, {"SENTRY_DSN": f"https://{KEY}@backend.example"})
    off, conflict = list(problems(settings, is_on=False, conflicting=["FlaskIntegration"]))[:2]

    assert off.text == "The DSN (from SENTRY_DSN) cannot be used: reporting is off."
    assert conflict.text == "sentry_sdk's own FlaskIntegration is active beside sentryinit."
