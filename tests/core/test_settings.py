"""Settings: argument, then environment, then default; what is wrong is said, and no secret is."""

from __future__ import annotations

import os.path
import re
import socket
from dataclasses import dataclass
from encodings.aliases import aliases
from typing import Any

import pytest
from sentry_sdk.consts import DEFAULT_OPTIONS

from sentryinit._config.options import TABLE
from sentryinit._config.settings import OWNED, backend, check_arguments, resolve, variables

KEY = "0123456789abcdef0123456789abcdef"
DSN = f"https://{KEY}@backend.example/17"
NOTHING = object()
LINGER = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]


@dataclass
class Row:
    """What is promised of an option; NOTHING where every value of the kind is good."""

    default: Any
    text: str
    parsed: Any
    argument: Any
    checked: Any
    wrong: Any = NOTHING
    wrong_text: Any = NOTHING
    expected: str = ""


def flag(default: Any) -> Row:
    return Row(default, "off", False, True, True, 1, "maybe", "true or false")


def count(default: Any) -> Row:
    return Row(default, "7", 7, 9, 9, -1, "many", "a whole number, 0 or more")


def names() -> Row:
    return Row((), " a, b ,,c", ("a", "b", "c"), ["a"], ("a",), "a", expected="a list of names")


def text(default: Any) -> Row:
    return Row(default, "some text", "some text", "other", "other", 5, expected="text")


def hook() -> Row:
    words = "a callable (in the environment: module:name)"
    return Row(None, "os.path:basename", os.path.basename, len, len, 5, "no.such:thing", words)


def thing(expected: str, path: str, parsed: Any, good: Any) -> Row:
    words = f"{expected} (in the environment: module:name)"
    checked = tuple(good) if isinstance(good, list) else good
    return Row(None, path, parsed, good, checked, 5, "math:pi", words)


def word(default: Any, limit: int) -> Row:
    words = f"1 to {limit} visible characters without blanks"
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
    )


NUMBER = "a number, 0 or more"
ROWS = {
    "service": word("unknown_service", 200),
    "dsn": text(""),
    "environment": word("production", 64),
    "release": word("", 200),
    "debug_token": text(""),
    "server_name": word("", 200),
    "flush_timeout": Row(2.0, "1.5", 1.5, 3, 3.0, "2", "soon", NUMBER),
    "ignore_errors": Row(
        (),
        "app.errors.Gone,KeyError",
        ("app.errors.Gone", "KeyError"),
        [ValueError],
        (ValueError,),
        [int],
        "nosuchbuiltin",
        "a list of exception classes or dotted names of such",
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
        "a list of statuses from 100 to 599, or spans such as 502-504",
    ),
    "ignore_paths": names(),
    "mask_keys": names(),
    "mask_patterns": patterns(),
    "mask_path_parameters": names(),
    "mask_ip": Row(
        "whole", " Network ", "network", "network", "network", "none", "none", "whole or network"
    ),
    "mask_hash_key": text(""),
    "collect": Row(
        (),
        "query,locals",
        ("query", "locals"),
        ["argv"],
        ("argv",),
        ["body"],
        "query,body",
        "a list of some of query, cookies, client_address, host_name, locals, argv",
    ),
    "collect_headers": names(),
    "storm_guard": flag(True),
    "storm_burst": count(20),
    "log_breadcrumbs": count(20),
    "storm_per_minute": Row(60.0, "30", 30.0, 0.5, 0.5, -1, "-1", NUMBER),
    "before_send": hook(),
    "before_breadcrumb": hook(),
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
    "dist": word(None, 200),
    "custom_repr": hook(),
    "http_proxy": proxy(),
    "https_proxy": proxy(),
    "proxy_headers": thing(
        "a mapping of names to text", "encodings.aliases:aliases", aliases, {"a": "b"}
    ),
    "ca_certs": text(None),
    "cert_file": text(None),
    "key_file": text(None),
    "keep_alive": flag(None),
    "socket_options": thing(
        "a list of (level, option, value)", f"{__name__}:LINGER", (LINGER[0],), LINGER
    ),
    "transport": thing("a transport of sentry-sdk", "os.path:basename", os.path.basename, len),
    "transport_queue_size": count(None),
    "send_client_reports": flag(False),
    "spotlight": thing("true, false or a URL", "os.path:sep", "/", True),
    "debug": flag(None),
}
for _name in ("in_app_include", "in_app_exclude"):
    ROWS[_name].default = None
VARIABLES = {
    "service": ("SENTRYINIT_SERVICE", "OTEL_SERVICE_NAME"),
    "dsn": ("SENTRY_DSN",),
    "environment": ("SENTRY_ENVIRONMENT", "ENV"),
    "release": ("SENTRY_RELEASE", "ELIDO_VERSION"),
    "debug_token": ("SENTRYINIT_DEBUG_TOKEN", "ELIDO_SENTRY_DEBUG_TOKEN"),
}

every = pytest.mark.parametrize("name", sorted(ROWS))
with_wrong_argument = pytest.mark.parametrize(
    "name", sorted(name for name, row in ROWS.items() if row.wrong is not NOTHING)
)
with_wrong_text = pytest.mark.parametrize(
    "name", sorted(name for name, row in ROWS.items() if row.wrong_text is not NOTHING)
)


def variable(name: str) -> str:
    return VARIABLES.get(name, (f"SENTRYINIT_{name.upper()}",))[0]


# -- the table -----------------------------------------------------------------------------------


def test_every_option_has_a_row_in_these_tests() -> None:
    """No option is without its promise: integrations have tests of their own below."""
    assert {*ROWS, "integrations"} == set(TABLE)


def test_every_option_of_the_sdk_is_taken_or_refused() -> None:
    """A user who passes any option that this sentry-sdk knows gets it, or hears why not."""
    taken = {name for name, option in TABLE.items() if option.sdk} | set(OWNED)
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
    """An option is in the table or owned, never both."""
    assert set(TABLE) & set(OWNED) == set()


@every
def test_the_default(name: str) -> None:
    """Where nothing is given, an option has its default."""
    settings = resolve({}, {})

    assert (settings[name], settings.sources[name]) == (ROWS[name].default, "default")


@every
def test_the_environment(name: str) -> None:
    """Every option is read from its variable."""
    settings = resolve({}, {variable(name): ROWS[name].text})

    assert settings[name] == ROWS[name].parsed
    assert settings.sources[name] == variable(name)
    assert settings.warnings == []


@every
def test_the_argument(name: str) -> None:
    """Every option is taken from its argument, in the core's terms."""
    settings = resolve({name: ROWS[name].argument}, {})

    assert (settings[name], settings.sources[name]) == (ROWS[name].checked, "argument")


@every
def test_the_argument_goes_before_the_environment(name: str) -> None:
    """An argument counts, whatever the variable says, and be it nonsense."""
    row = ROWS[name]
    said = row.text if row.wrong_text is NOTHING else row.wrong_text
    settings = resolve({name: row.argument}, {variable(name): said})

    assert (settings[name], settings.warnings) == (row.checked, [])


@every
def test_none_is_not_given(name: str) -> None:
    """An argument of None leaves the option to the environment."""
    settings = resolve({name: None}, {variable(name): ROWS[name].text})

    assert settings[name] == ROWS[name].parsed


@every
def test_an_empty_variable_is_not_set(name: str) -> None:
    """A variable that is empty or blank is as good as none."""
    settings = resolve({}, {variable(name): "  "})

    assert (settings[name], settings.sources[name]) == (ROWS[name].default, "default")


@every
def test_the_variables_by_name(name: str) -> None:
    """Each option has the variables that the reference says, in that order."""
    assert variables(name) == VARIABLES.get(name, (f"SENTRYINIT_{name.upper()}",))


@pytest.mark.parametrize("name", sorted(name for name, known in VARIABLES.items() if known[1:]))
def test_the_second_variable_counts_if_the_first_is_not_set(name: str) -> None:
    """The other name of a variable is read as well."""
    settings = resolve({}, {VARIABLES[name][1]: "from-second"})

    assert (settings[name], settings.sources[name]) == ("from-second", VARIABLES[name][1])


@pytest.mark.parametrize("name", sorted(name for name, known in VARIABLES.items() if known[1:]))
def test_the_first_variable_goes_before_the_second(name: str) -> None:
    """Of two variables the first that is set counts."""
    first, second = VARIABLES[name]

    assert resolve({}, {second: "two", first: "one"})[name] == "one"


def test_an_empty_first_variable_leaves_it_to_the_second() -> None:
    """A variable that is set to nothing does not hide the next one."""
    assert resolve({}, {"SENTRY_ENVIRONMENT": "", "ENV": "staging"})["environment"] == "staging"


def test_fallbacks_count_after_the_environment() -> None:
    """What an adapter knows of the application counts if nobody configured it."""
    fallbacks = {"service": "flask-app"}

    assert resolve({}, {}, fallbacks=fallbacks)["service"] == "flask-app"
    assert resolve({}, {}, fallbacks=fallbacks).sources["service"] == "application"
    assert resolve({}, {"OTEL_SERVICE_NAME": "shop"}, fallbacks=fallbacks)["service"] == "shop"


# -- wrong arguments -----------------------------------------------------------------------------


@with_wrong_argument
def test_a_wrong_argument_raises_at_once(name: str) -> None:
    """A wrong argument raises and names the option and what is expected."""
    row = ROWS[name]

    with pytest.raises((TypeError, ValueError)) as caught:
        resolve({name: row.wrong}, {})

    assert str(caught.value).startswith(f"argument: {name} must be {row.expected}, not ")


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
            "argument: service must be 1 to 200 visible characters without blanks, not ''",
        ),
        ("dsn", 5, TypeError, "argument: dsn must be text, not a int that is not shown"),
    ],
)
def test_the_message_of_a_wrong_argument(
    name: str, value: object, kind: type[Exception], message: str
) -> None:
    """The message says what the value was and what is expected, in full."""
    with pytest.raises(kind) as caught:
        resolve({name: value}, {})

    assert str(caught.value) == message


def test_a_long_wrong_value_is_cut() -> None:
    """A message stays readable, whatever was given."""
    with pytest.raises(ValueError, match=r"^.{0,160}$") as caught:
        resolve({"service": "x" * 201}, {})

    assert str(caught.value).endswith("not '" + "x" * 76 + "...")


@pytest.mark.parametrize("value", [1.5, None, b"503", [503], "503-", "504-502", "99", True])
def test_a_wrong_status_names_the_option(value: object) -> None:
    """Whatever is no status or span is refused by the option's name."""
    with pytest.raises((TypeError, ValueError), match="argument: ignore_statuses must be a list"):
        resolve({"ignore_statuses": [value]}, {})


@pytest.mark.parametrize("value", [b"bytes", re.compile(b"bytes"), None, 5])
def test_a_pattern_that_cannot_match_text_is_refused(value: object) -> None:
    """A pattern of bytes would fail on the first event: it is refused at the start."""
    with pytest.raises((TypeError, ValueError), match="argument: ignore_messages must be a list"):
        resolve({"ignore_messages": [value]}, {})


def test_a_compiled_pattern_is_taken() -> None:
    """A pattern may be compiled, with its flags."""
    pattern = re.compile("gone", re.IGNORECASE)

    assert resolve({"ignore_messages": [pattern]}, {})["ignore_messages"] == (pattern,)


@pytest.mark.parametrize("name", ["flush_timeout", "storm_per_minute", "sample_rate"])
def test_a_number_too_large_for_a_float_is_refused(name: str) -> None:
    """A whole number beyond any float is a wrong value as others are."""
    with pytest.raises((TypeError, ValueError), match=f"argument: {name} must be "):
        resolve({name: 10**400}, {})


@pytest.mark.parametrize("name", ["print", "int", ""])
def test_a_builtin_that_is_no_exception_is_refused(name: str) -> None:
    """A name without a dot is a builtin exception's, or a mistake."""
    with pytest.raises(ValueError, match="argument: ignore_errors must be a list"):
        resolve({"ignore_errors": [name]}, {})


def test_an_unknown_option_names_the_nearest() -> None:
    """A slip of the pen is answered with the option that was meant."""
    with pytest.raises(TypeError) as caught:
        check_arguments({"enviroment": "x"}, "argument")

    assert str(caught.value) == "unknown option enviroment; did you mean environment?"


def test_an_unknown_option_like_no_other_names_none() -> None:
    """Where nothing is near, nothing is guessed."""
    with pytest.raises(TypeError) as caught:
        check_arguments({"qqq": 1}, "argument")

    assert str(caught.value) == "unknown option qqq"


def test_an_unknown_option_of_none_is_refused_as_well() -> None:
    """None leaves an option out; it does not make one of what is none."""
    with pytest.raises(TypeError, match="unknown option qqq"):
        check_arguments({"qqq": None}, "argument")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "send_default_pii",
            "option send_default_pii cannot be set: personal data is never collected wholesale; "
            "ask for single carriers with collect=[...] and collect_headers=[...]",
        ),
        (
            "data_collection",
            "option data_collection cannot be set: personal data is never collected wholesale; "
            "ask for single carriers with collect=[...] and collect_headers=[...]",
        ),
        (
            "event_scrubber",
            "option event_scrubber cannot be set: sentryinit masks events itself, last in the "
            "chain; add names with mask_keys=[...]",
        ),
        (
            "default_integrations",
            "option default_integrations cannot be set: integrations are listed one by one; add "
            "yours with integrations=[...]",
        ),
        (
            "include_local_variables",
            "option include_local_variables cannot be set: frames carry no locals unless asked "
            "for with collect=['locals']",
        ),
        (
            "max_request_body_size",
            "option max_request_body_size cannot be set: bodies are never read",
        ),
        ("shutdown_timeout", "option shutdown_timeout cannot be set: set flush_timeout"),
        (
            "traces_sample_rate",
            "option traces_sample_rate cannot be set: only errors are reported; OpenTelemetry "
            "does the rest",
        ),
        (
            "auto_session_tracking",
            "option auto_session_tracking cannot be set: only errors are reported; OpenTelemetry "
            "does the rest",
        ),
    ],
)
def test_an_option_that_is_ours_is_refused_with_the_reason(name: str, message: str) -> None:
    """Options that the promises hang on are refused by name, with what to do instead."""
    with pytest.raises(TypeError) as caught:
        check_arguments({name: False}, "argument")

    assert str(caught.value) == message


@pytest.mark.parametrize("name", sorted(OWNED))
def test_an_option_that_is_ours_cannot_be_set_to_none_either(name: str) -> None:
    """None means something to sentry-sdk for some of them: refused all the same."""
    with pytest.raises(TypeError, match=f"option {name} cannot be set: "):
        check_arguments({name: None}, "argument")


# -- wrong variables -----------------------------------------------------------------------------


@with_wrong_text
def test_a_wrong_variable_is_one_warning(name: str) -> None:
    """A wrong value in the environment is one warning, which names the variable."""
    settings = resolve({}, {variable(name): ROWS[name].wrong_text})

    (warning,) = settings.warnings
    assert warning.startswith(f"{variable(name)}: {name} must be {ROWS[name].expected}, not ")


@with_wrong_text
def test_a_wrong_variable_falls_back(name: str) -> None:
    """Names and versions are repaired, lists keep what is good; all else has its default."""
    repaired = dict.fromkeys(("service", "environment", "release", "server_name", "dist"), "a-b")
    settings = resolve({}, {variable(name): ROWS[name].wrong_text})

    assert settings[name] == (repaired | {"collect": ("query",)}).get(name, ROWS[name].default)


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("mask_patterns", r"shop-\d+,(", (re.compile(r"shop-\d+"),)),
        ("ignore_errors", "nosuchbuiltin, KeyError", ("KeyError",)),
        ("ignore_statuses", "503,5xx,99", (range(503, 504),)),
    ],
)
def test_a_list_keeps_what_is_good(name: str, text: str, kept: object) -> None:
    """One wrong item does not take the others with it: what they mask stays masked."""
    settings = resolve({}, {variable(name): text})

    assert settings[name] == kept
    assert len(settings.warnings) == 1


def test_the_message_of_a_wrong_variable() -> None:
    """The warning says what the value was, what is expected, and what is used instead."""
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
    """What a backend or a log line cannot take in a name is replaced by dashes, and cut."""
    assert resolve({}, {"SENTRYINIT_SERVICE": given})["service"] == used


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "Yes", "on", " on "])
def test_words_for_true(text: str) -> None:
    """A flag in the environment is true in the usual words, in any case."""
    assert resolve({}, {"SENTRYINIT_ATTACH_STACKTRACE": text})["attach_stacktrace"] is True


@pytest.mark.parametrize("text", ["0", "false", "FALSE", "No", "off", " off "])
def test_words_for_false(text: str) -> None:
    """A flag in the environment is false in the usual words, in any case."""
    assert resolve({}, {"SENTRYINIT_STORM_GUARD": text})["storm_guard"] is False


@pytest.mark.parametrize("name", ["before_send", "before_breadcrumb", "error_sampler"])
def test_a_hook_from_the_environment_must_be_callable(name: str) -> None:
    """An import path to something else is a warning now, not a failure of each event later."""
    settings = resolve({}, {variable(name): "os.path:sep"})

    assert settings[name] is None
    assert len(settings.warnings) == 1


def test_a_hook_whose_module_fails_is_one_warning(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that raises while it is imported does not stop the boot."""
    (tmp_path / "broken_hooks.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = resolve({}, {"SENTRYINIT_BEFORE_SEND": "broken_hooks:hook"})

    assert settings["before_send"] is None
    assert len(settings.warnings) == 1


def test_integrations_from_the_environment_are_made() -> None:
    """A variable names classes, which are called without arguments."""
    path = "sentry_sdk.integrations.dedupe:DedupeIntegration"
    made = resolve({}, {"SENTRYINIT_INTEGRATIONS": path})["integrations"]

    assert [type(each).__name__ for each in made] == ["DedupeIntegration"]


@pytest.mark.parametrize(
    "path", ["no.such:Integration", "os.path:sep", "builtins:dict", "sentry_sdk.integrations.flask"]
)
def test_a_wrong_integration_from_the_environment_is_one_warning(path: str) -> None:
    """What cannot be imported, called or used is left out, and said."""
    settings = resolve({}, {"SENTRYINIT_INTEGRATIONS": path})

    assert settings["integrations"] == ()
    assert len(settings.warnings) == 1


@pytest.mark.parametrize("value", [[dict], [object()], "x", 5])
def test_a_wrong_integration_in_code_raises(value: object) -> None:
    """An integration is an object with setup_once; a class is a call forgotten."""
    with pytest.raises((TypeError, ValueError), match="argument: integrations must be a list"):
        resolve({"integrations": value}, {})


# -- unknown variables ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SENTRYINIT_FLUSH_TIMOUT", "SENTRYINIT_FLUSH_TIMEOUT"),
        ("SENTRYINIT_SERVISE", "SENTRYINIT_SERVICE"),
        ("SENTRYINIT_DSN", "SENTRY_DSN"),
        ("SENTRYINIT_ENVIRONMENT", "SENTRY_ENVIRONMENT"),
        ("SENTRYINIT_RELEASE", "SENTRY_RELEASE"),
        ("SENTRYINIT_ENV", "ENV"),
        ("SENTRYINIT_DSNS", "SENTRY_DSN"),
        ("SENTRYINIT_VERSION", "ELIDO_VERSION"),
        ("SENTRYINIT_OTEL_SERVICE_NAME", "OTEL_SERVICE_NAME"),
    ],
)
def test_an_unknown_variable_names_the_nearest(variable: str, meant: str) -> None:
    """One warning says which setting was probably meant: by its option, then by its letters."""
    assert resolve({}, {variable: "x"}).warnings == [
        f"{variable} is not a setting of sentryinit; did you mean {meant}?"
    ]


@pytest.mark.parametrize("name", ["send_default_pii", "data_collection", "traces_sample_rate"])
def test_a_variable_for_an_option_that_is_ours_says_why(name: str) -> None:
    """What cannot be set in code cannot be set here either."""
    unknown = f"SENTRYINIT_{name.upper()}"

    assert resolve({}, {unknown: "1"}).warnings == [f"{unknown} cannot be set: {OWNED[name]}"]


def test_a_variable_of_others_is_none_of_our_business() -> None:
    """sentry-sdk and its relatives have variables of their own."""
    assert resolve({}, {"SENTRY_AUTH_TOKEN": "x", "OTEL_SOMETHING": "y"}).warnings == []


# -- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"dsn"}))
def test_a_dsn_in_the_wrong_variable_is_not_shown(name: str) -> None:
    """Whichever variable the DSN was put in by mistake, no warning has its key."""
    warnings = resolve({}, {variable(name): DSN}).warnings

    assert KEY not in "".join(warnings)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"dsn"}))
def test_a_dsn_in_the_wrong_argument_is_not_shown(name: str) -> None:
    """Whichever option the DSN was given to by mistake, no message has its key."""
    shown = ""
    for value in (DSN, [DSN], [f"{DSN}("]):
        try:
            resolve({name: value}, {})
        except (TypeError, ValueError) as error:  # noqa: PERF203 # three values, once
            shown += str(error)

    assert KEY not in shown


@pytest.mark.parametrize("name", ["service", "server_name", "environment", "release", "dist"])
def test_a_dsn_is_no_name(name: str) -> None:
    """A name goes into log lines and onto every event: an address with a key is refused."""
    with pytest.raises(ValueError, match="that is not shown"):
        resolve({name: DSN}, {})


@pytest.mark.parametrize("name", ["service", "server_name", "environment", "release", "dist"])
def test_a_dsn_in_the_environment_is_no_name(name: str) -> None:
    """What is used in place of a wrong name has nothing of an address with a key."""
    assert KEY not in str(resolve({}, {variable(name): DSN})[name])


@pytest.mark.parametrize("name", ["dsn", "debug_token"])
def test_a_secret_of_the_wrong_type_is_not_shown(name: str) -> None:
    """Of a secret not even a wrong value is said."""
    with pytest.raises(TypeError) as caught:
        resolve({name: ["hunter2"]}, {})

    assert str(caught.value) == f"argument: {name} must be text, not a list that is not shown"


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
    """The host is all that is ever said of a DSN."""
    assert backend(dsn) == host


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
    """What sentry-sdk would refuse, or take and then lose each event; nothing raises."""
    assert backend(dsn) is None


def test_blanks_around_a_dsn() -> None:
    """They come from files, and are no part of it, in code as in the environment."""
    assert resolve({"dsn": f" {DSN}\n"}, {})["dsn"] == DSN


def test_headers_for_the_proxy_are_not_shown() -> None:
    """There may be a password in them."""
    wrong = {"SENTRYINIT_PROXY_HEADERS": "Proxy-Authorization: Basic 5f1c9a"}

    assert "5f1c9a" not in "".join(resolve({}, wrong).warnings)
