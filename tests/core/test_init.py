"""init(): what it logs, installs and leaves alone; most tests run in their own process."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.integrations import Integration

import sentryinit
from sentryinit import _init, _process, testing
from sentryinit._sdk.testing import disconnect
from sentryinit._state import STATE

KEY = "0123456789abcdef0123456789abcdef"
DSN = f"https://{KEY}@backend.example/17"

# The state of a process in which init() has not been called.
LOOK = """
import logging, os, sys, threading
def look():
    return [
        sys.excepthook is sys.__excepthook__,
        threading.excepthook is threading.__excepthook__,
        logging.Logger.callHandlers.__module__,
        logging.root.handlers,
        threading.active_count(),
        "sentry_sdk" in sys.modules,
    ]
BARE = [True, True, "logging", [], 1, False]
"""
# The same, with the INFO lines of sentryinit on stdout.
LOGGED = """
import logging, sys
class Lines(logging.Handler):
    def emit(self, record):
        print(record.levelname, record.getMessage())
logging.getLogger("sentryinit").addHandler(Lines())
logging.getLogger("sentryinit").setLevel("INFO")
logging.getLogger("sentryinit").propagate = False
"""


class Unwilling:
    """An integration whose set-up fails."""

    identifier = "unwilling"

    @staticmethod
    def setup_once() -> None:
        raise ZeroDivisionError


@pytest.fixture
def clean() -> Iterator[None]:
    """The state of a process in which init() has not been called."""
    restore = STATE.reset()
    yield
    if STATE.reporter is not None:
        disconnect()
    restore()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return the INFO lines of the logger ``sentryinit``."""
    caplog.set_level(logging.INFO, "sentryinit")
    return lambda: [
        record.getMessage() for record in caplog.records if record.levelno == logging.INFO
    ]


# -- off -------------------------------------------------------------------------------------------


def test_importing_has_no_side_effect(child: Any) -> None:
    """Importing the modules that need no SDK changes nothing in the process."""
    done = child(
        LOOK
        + """
before, environ = look(), dict(os.environ)
import sentryinit, sentryinit.adapters, sentryinit.wsgi, sentryinit.asgi, sentryinit.testing
import sentryinit._init, sentryinit._policy.ignore_rules
import sentryinit._redaction.redactor, sentryinit._policy.rate_limit
print(look() == before == BARE, dict(os.environ) == environ)
""",
        prelude="",
    )

    assert (done.out, done.err) == ("True True\n", "")


def test_importing_every_module_has_no_side_effect(child: Any) -> None:
    """Importing the others starts no thread, opens no socket, runs no program, installs no hook."""
    done = child(
        LOOK
        + """
seen = []
sys.addaudithook(lambda name, args: seen.append(name) if name.startswith(
    ("socket.connect", "socket.getaddrinfo", "subprocess", "os.fork", "os.exec", "os.system")
) else None)
import importlib, pkgutil, sentryinit
names = [each.name for each in pkgutil.walk_packages(sentryinit.__path__, "sentryinit.")]
for name in names:
    if name != "sentryinit._pytest":
        importlib.import_module(name)
print(len(names) > 15, seen, look()[:5] == BARE[:5])
""",
        prelude="",
    )

    assert (done.out, done.err) == ("True [] True\n", "")


def test_without_a_dsn_nothing_is_installed(child: Any) -> None:
    """Without a DSN sentry_sdk is not imported, and no hook of the process is changed."""
    done = child(
        LOOK
        + """
import sentryinit, sentryinit.wsgi, sentryinit.asgi
with sentryinit.init("shop", storm_burst=3) as handle:
    handle()
print(look() == BARE)
""",
        prelude="",
    )

    assert (done.out, done.err) == ("True\n", "")


def test_without_a_dsn_one_line_is_logged(child: Any) -> None:
    """One INFO line says that reporting is off, for which service and environment."""
    done = child(LOGGED + "import sentryinit; sentryinit.init('shop')", prelude="")

    assert done.out == (
        "INFO off: service=shop (argument) environment=production (default) "
        "release=none (default) no usable DSN\n"
    )


def test_malformed_dsn_is_one_warning(child: Any) -> None:
    """One warning names the service and not the key; reporting is off."""
    done = child(
        LOGGED + "import sentryinit; sentryinit.init('shop'); print('sentry_sdk' in sys.modules)",
        prelude="",
        SENTRY_DSN=f"https://{KEY}@backend.example/not-a-number",
    )

    assert done.out.splitlines() == [
        (
            "WARNING the DSN of service shop (from SENTRY_DSN) is malformed: expected "
            "https://<key>@<host>/<project number>; reporting is off"
        ),
        (
            "INFO off: service=shop (argument) environment=production (default) "
            "release=none (default) no usable DSN"
        ),
        "False",
    ]


@pytest.mark.parametrize("dsn", ["", DSN, f"https://{KEY}@backend.example/not-a-number"])
@pytest.mark.parametrize("by", ["argument", "SENTRYINIT_ENABLED"])
def test_disabled_is_as_without_a_dsn(child: Any, dsn: str, by: str) -> None:
    """enabled=False installs nothing, whatever the DSN is; the line at the start says so."""
    given = {"SENTRYINIT_ENABLED": "false"} if by == "SENTRYINIT_ENABLED" else {}
    done = child(
        LOOK
        + LOGGED
        + f"""
import sentryinit, sentryinit.wsgi
sentryinit.init("shop"{", enabled=False" if not given else ""})()
print(look() == BARE, sentryinit.wsgi.SentryInitMiddleware(print) is print)
""",
        prelude="",
        SENTRY_DSN=dsn,
        **given,
    )

    assert (done.out, done.err) == (
        "INFO off: service=shop (argument) environment=production (default) "
        f"release=none (default) enabled=false ({by})\nTrue True\n",
        "",
    )


@pytest.mark.usefixtures("clean")
def test_dsn_after_an_init_that_was_disabled_is_no_warning(said: Any) -> None:
    """A later call with a DSN is not said to be too late: reporting is off on purpose."""
    sentryinit.init("shop", enabled=False)
    sentryinit.init("shop", dsn=DSN)

    assert said() == []


@pytest.mark.parametrize("boundary", ["wsgi", "asgi"])
@pytest.mark.usefixtures("clean")
def test_without_a_dsn_the_middleware_is_removed(boundary: str) -> None:
    """The generic middleware returns the application itself."""
    module = getattr(__import__(f"sentryinit.{boundary}"), boundary)
    application = print  # it is never called

    assert module.SentryInitMiddleware(application) is application


@pytest.mark.parametrize("boundary", ["wsgi", "asgi"])
@pytest.mark.usefixtures("clean")
def test_without_a_dsn_the_debug_route_is_left_out(boundary: str) -> None:
    """The middleware does not add the debug route either."""
    module = getattr(__import__(f"sentryinit.{boundary}"), boundary)
    application = print  # it is never called

    assert module.SentryInitMiddleware(module.debug_panic(application)) is application


@pytest.mark.usefixtures("clean")
def test_with_block_does_nothing_when_off() -> None:
    """Without a DSN, a ``with init()`` block lets exceptions pass."""
    with pytest.raises(ValueError, match="x"), sentryinit.init("shop"):
        raise ValueError("x")


# -- on --------------------------------------------------------------------------------------------


def test_start_is_logged_with_the_source_of_each_value(child: Any) -> None:
    """One line names service, environment and the source of each value, and never the key."""
    done = child(
        LOGGED + "sentryinit.init(release='1.2', transport=Pipe)",
        SENTRY_DSN=DSN,
        OTEL_SERVICE_NAME="shop",
        ENV="staging",
    )

    assert done.out == (
        "INFO on: service=shop (OTEL_SERVICE_NAME) environment=staging (ENV) "
        "release=1.2 (argument) backend=backend.example (SENTRY_DSN)\n"
    )


@pytest.mark.parametrize(
    "call",
    ["sentryinit.init(transport=Pipe)", "_init.ensure_initialized('wsgi', None)"],
)
def test_service_without_a_name_is_one_warning(child: Any, call: str) -> None:
    """A service that reports and has no name is one warning, also if init() runs again."""
    start = LOGGED.replace('"INFO"', '"WARNING"') + "from sentryinit import _init\n"
    done = child(f"{start}{call}; {call}; sentryinit.init()", SENTRY_DSN=DSN)

    assert done.out == (
        "WARNING the service has no name (unknown_service): set SENTRYINIT_SERVICE\n"
    )


@pytest.mark.parametrize(
    "call,variables",
    [
        ("sentryinit.init('shop', transport=Pipe)", {}),
        ("sentryinit.init(transport=Pipe)", {"OTEL_SERVICE_NAME": "shop"}),
        ("_init.ensure_initialized('flask', 'shop')", {}),
        ("sentryinit.init(enabled=False)", {}),
        ("with sentryinit.testing.capture(): sentryinit.init()", {}),
    ],
)
def test_service_with_a_name_is_no_warning(
    child: Any, call: str, variables: dict[str, str]
) -> None:
    """There is no warning about a name from anywhere, where reporting is off, and in tests."""
    start = LOGGED.replace('"INFO"', '"WARNING"')
    start += "import sentryinit.testing; from sentryinit import _init\n"
    done = child(f"{start}{call}", SENTRY_DSN=DSN, **variables)

    assert (done.out, done.err) == ("", "")


@pytest.mark.parametrize("name", ["SENTRYINIT_SERVICE", "SENTRY_ENVIRONMENT", "SENTRY_RELEASE"])
@pytest.mark.usefixtures("clean")
def test_no_log_line_contains_the_key(
    name: str, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]], said: Any
) -> None:
    """The key is not logged, even if the DSN is in the wrong variable."""
    monkeypatch.setenv(name, DSN)
    sentryinit.init()

    assert KEY not in "".join(lines() + said())


@pytest.mark.usefixtures("clean")
def test_wrong_variables_are_warnings(monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    """Each wrong or unknown environment variable is one warning, and init() returns."""
    monkeypatch.setenv("SENTRYINIT_FLUSH_TIMEOUT", "soon")
    monkeypatch.setenv("SENTRYINIT_FLUSH", "1")
    sentryinit.init("shop")

    assert said() == [
        (
            "SENTRYINIT_FLUSH_TIMEOUT: flush_timeout must be a number, 0 or more, not 'soon'; "
            "using 2.0"
        ),
        "SENTRYINIT_FLUSH is not a setting of sentryinit; did you mean SENTRYINIT_FLUSH_TIMEOUT?",
    ]


@pytest.mark.usefixtures("clean")
def test_init_after_a_wrong_argument_counts_as_the_first() -> None:
    """After an init() that raised, the next call counts as the first."""
    with pytest.raises(TypeError, match="flush_timeout"):
        sentryinit.init("shop", flush_timeout="2")  # type: ignore[arg-type] # what it is about

    assert STATE.settings is None


@pytest.mark.usefixtures("clean")
def test_service_given_twice_raises() -> None:
    """A service given by position and by name is a TypeError."""
    with pytest.raises(TypeError, match="service"):
        sentryinit.init("shop", service="till")


@pytest.mark.usefixtures("clean")
def test_service_by_name() -> None:
    """The service can be given by name."""
    sentryinit.init(service="till")

    assert STATE.settings is not None
    assert STATE.settings.service == "till"


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        pytest.param({"SENTRYINIT_HTTPS_PROXY": "proxy:3128"}, "", id="proxy without scheme"),
        pytest.param({"SENTRYINIT_HTTPS_PROXY": "ftp://proxy"}, "", id="proxy of a wrong scheme"),
        pytest.param({"SENTRYINIT_CA_CERTS": "/no/such/file"}, "", id="certificates"),
    ],
)
def test_variable_that_the_sdk_refuses_is_a_warning(
    child: Any, variables: dict[str, str], options: str
) -> None:
    """A variable that the SDK refuses does not stop the start."""
    done = child(
        f"sentryinit.init('shop'{options}); print('served')",
        SENTRY_DSN=DSN,
        SENTRYINIT_FLUSH_TIMEOUT="0.1",
        **variables,
    )

    assert (done.code, done.lines) == (0, ["served"]), done.err[-300:]


def test_argument_that_the_sdk_refuses_raises(child: Any) -> None:
    """A wrong argument raises at once."""
    done = child("sentryinit.init('shop', dsn=DSN, https_proxy='ftp://proxy')")

    assert (done.code, "https_proxy must be the URL of a proxy" in done.err) == (1, True)


def test_sdk_that_raises_for_a_variable_is_one_warning(child: Any) -> None:
    """If sentry-sdk raises for a variable, one warning is logged and the service runs."""
    done = child(
        LOGGED + "sentryinit.init('shop'); print('served')",
        SENTRY_DSN=DSN,
        SENTRYINIT_HTTPS_PROXY="http://proxy:port",
    )

    assert done.lines[-1] == "served"
    assert done.lines[0] == "WARNING SENTRYINIT_HTTPS_PROXY: LocationParseError; reporting is off"


def test_integration_that_cannot_be_set_up_raises(child: Any) -> None:
    """An integration given in code whose set-up fails raises."""
    done = child("""
from sentry_sdk.integrations import Integration
class Wrong(Integration):
    identifier = "wrong"
    @staticmethod
    def setup_once():
        raise ZeroDivisionError
sentryinit.init("shop", dsn=DSN, transport=Pipe, integrations=[Wrong()])
""")

    assert done.err.splitlines()[-1] == "ZeroDivisionError"


@pytest.mark.usefixtures("clean")
def test_init_after_one_that_the_sdk_refused_counts_as_the_first() -> None:
    """After an init() that the SDK refused, nothing is installed."""
    with pytest.raises(ZeroDivisionError):
        sentryinit.init("shop", dsn=DSN, integrations=[Unwilling()])

    assert STATE.settings is None


# -- a second init() -------------------------------------------------------------------------------


def test_second_init_with_the_same_service_changes_nothing(
    mailbox: testing.Mailbox, said: Any
) -> None:
    """A second call with the same service, or none, changes and logs nothing."""
    reporter = STATE.reporter
    sentryinit.init("shop")
    sentryinit.init()

    assert STATE.reporter is reporter
    assert said() == []


@pytest.mark.usefixtures("clean")
def test_init_in_many_threads_starts_once(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If threads call init() at once, one starts and the others wait."""
    begun = _init._start

    def slowly(settings: Any) -> None:
        time.sleep(0.05)
        begun(settings)

    monkeypatch.setattr(_init, "_start", slowly)
    threads = [threading.Thread(target=sentryinit.init, args=("shop",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(lines()) == 1


def test_second_init_with_another_service_is_a_warning(mailbox: testing.Mailbox, said: Any) -> None:
    """A second call with another service logs a warning; the first one counts."""
    sentryinit.init("till")

    assert said() == ["init() was called again with another service: till; shop stays"]


def test_wrong_argument_of_a_second_init_raises(mailbox: testing.Mailbox) -> None:
    """A wrong argument raises in every call."""
    with pytest.raises(TypeError, match="unknown option enviroment"):
        sentryinit.init("shop", enviroment="x")  # type: ignore[call-arg] # what it is about


LATE = (
    "Reporting is off: the first set-up (by {}) found {}. There is a DSN now: set it, or call "
    "sentryinit.init(), before the application is built."
)


@pytest.mark.parametrize("late", ["argument", "environment", "configuration"])
@pytest.mark.usefixtures("clean")
def test_late_dsn_starts_if_nothing_was_removed(late: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """E3: A call that finds no DSN, and after it no boundary: the next call with one starts."""
    sentryinit.init("shop", environment="staging", mask_keys=["iban_of"])
    if late == "environment":
        monkeypatch.setenv("SENTRY_DSN", testing.DSN)
    given: Any = {} if late == "environment" else {"dsn": testing.DSN}
    if late == "configuration":
        assert _init.ensure_initialized("flask", "flask-app", {**given, "mask_keys": "pet"})
    else:
        sentryinit.init(**given, mask_keys=["pet"])

    settings = STATE.settings
    assert settings is not None
    assert STATE.reporter is not None
    assert (settings.service, settings.environment) == ("shop", "staging")
    assert set(settings.mask_keys) == {"iban_of", "pet"}
    assert settings.sources["environment"] == "argument"


@pytest.mark.parametrize("late", ["argument", "environment", "configuration", "adapter"])
@pytest.mark.usefixtures("clean")
def test_late_dsn_after_a_boundary_is_one_warning(
    late: str, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E3: The boundary has removed itself: a warning names it, whatever the source of the DSN."""
    _init.ensure_initialized("wsgi")
    given: Any = {"dsn": testing.DSN} if late in {"argument", "configuration"} else {}
    if not given:
        monkeypatch.setenv("SENTRY_DSN", testing.DSN)
    for _ in range(2):
        if late in {"configuration", "adapter"}:
            assert not _init.ensure_initialized("flask", None, given)
        else:
            sentryinit.init(**given)

    assert said() == [LATE.format("wsgi", "no DSN")]
    assert [each.number for each in _init.problems() if each.number > 5] == [7]


@pytest.mark.usefixtures("clean")
def test_dsn_after_a_malformed_one_is_a_warning(said: Any) -> None:
    """E4: The first DSN was malformed: the warning says so, and not that there was none."""
    _init.ensure_initialized("flask", None, {"dsn": f"https://{KEY}@backend.example/x"})
    said()
    sentryinit.init(dsn=DSN)

    assert said() == [LATE.format("flask", "a malformed DSN (flask configuration)")]


@pytest.mark.usefixtures("clean")
def test_dsn_that_was_switched_off_by_an_argument_is_not_late(
    said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An argument counts before the environment, also in a second call."""
    monkeypatch.setenv("SENTRY_DSN", testing.DSN)
    sentryinit.init("shop", dsn="")
    _init.ensure_initialized("flask", "shop")
    sentryinit.init("shop")

    assert (STATE.reporter, said()) == (None, [])


# -- other options in a second init() --------------------------------------------------------------


def _hook(*_: Any) -> Any:
    """Stand for a hook of the application."""


OTHERS: dict[str, Any] = {
    "environment": "staging",
    "release": "2",
    "debug_token": "tok-5f1c9a",
    "mask_hash_key": "tok-5f1c9a",
    "mask_ip": "network",
    "flush_timeout": 9.0,
    "ignore_errors": [KeyError],
    "ignore_paths": ["/health"],
    "ignore_statuses": [503],
    "collect": ["query"],
    "before_send": _hook,
    "storm_burst": 3,
}


@pytest.mark.parametrize("where", ["argument", "flask configuration"])
@pytest.mark.usefixtures("clean")
def test_other_options_of_a_second_call_are_named(where: str, said: Any) -> None:
    """One warning names each option that is ignored, and no value."""
    with testing.capture("shop"):
        for _ in range(2):
            if where == "argument":
                sentryinit.init("shop", **OTHERS)
            else:
                _init.ensure_initialized("flask", "shop", OTHERS)

        assert said() == [
            f"A later set-up ({where}) has other values of {', '.join(OTHERS)}: they are ignored. "
            "The first set-up of a process counts: give them to that one."
        ]
        assert [each.number for each in _init.problems() if each.number > 5] == [8]


@pytest.mark.usefixtures("clean")
def test_equal_options_of_a_second_call_are_no_warning(
    said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two applications of one factory have equal options, also where objects are made anew."""

    class Spy(Integration):
        identifier = "spy"

        @staticmethod
        def setup_once() -> None:
            """Install nothing."""

    def options() -> dict[str, Any]:
        return {
            **OTHERS,
            "before_send": lambda event, hint: event,
            "integrations": [Spy()],
            "ignore_messages": ["no stock", "tea.*"],
        }

    with testing.capture("shop", **options()):
        monkeypatch.setenv("SENTRY_ENVIRONMENT", "elsewhere")
        sentryinit.init("shop", **options())
        _init.ensure_initialized("flask", "shop", {**options(), "ignore_statuses": "503"})

    assert said() == []


def test_masks_of_a_second_call_are_added(mailbox: testing.Mailbox, said: Any) -> None:
    """G1: What only a later set-up wants to be masked is masked."""
    sentry_sdk.capture_message("owner_of=DE12 order 17-42 pet=cat")
    sentryinit.init("shop", mask_keys=["owner_of"], mask_patterns=[r"17-\d+"])
    _init.ensure_initialized("flask", "shop", {"mask_keys": "pet"})
    sentry_sdk.capture_message("owner_of=DE12 order 17-42 pet=cat")

    texts = [event["logentry"]["message"] for event in mailbox.events]
    assert texts == [
        "owner_of=DE12 order 17-42 pet=cat",
        "owner_of=[secret] order [secret] pet=[secret]",
    ]
    assert said() == []


@pytest.mark.usefixtures("clean")
def test_application_s_first_call_in_a_test_is_not_a_second_one(said: Any) -> None:
    """In capture() the application calls init() first; what differs from that is a warning."""
    with testing.capture():
        sentryinit.init("shop", environment="staging", mask_keys=["pet"])
        sentryinit.init("shop", environment="staging")
        assert said() == []
        sentryinit.init("shop", environment="testing")

    assert [text.partition(":")[0] for text in said()] == [
        "A later set-up (argument) has other values of environment"
    ]


# -- by an adapter ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("clean")
def test_framework_s_application_name_is_the_default_service(
    lines: Callable[[], list[str]],
) -> None:
    """It is the service if none is configured; characters that are not allowed are replaced."""
    _init.ensure_initialized("flask", "my shop")

    assert lines() == [
        (
            "off: service=my-shop (application) environment=production (default) "
            "release=none (default) no usable DSN"
        )
    ]


@pytest.mark.parametrize("name", [None, "", "  "])
@pytest.mark.usefixtures("clean")
def test_empty_application_name_keeps_the_default_service(name: str | None) -> None:
    """An empty name keeps the default service."""
    _init.ensure_initialized("flask", name)

    assert STATE.settings is not None
    assert STATE.settings.service == "unknown_service"


@pytest.mark.usefixtures("clean")
def test_framework_configuration_counts_as_arguments() -> None:
    """A framework's configuration counts as arguments; text is parsed as in the environment."""
    _init.ensure_initialized(
        "flask", None, {"storm_burst": "7", "ignore_paths": "/a,/b", "max_breadcrumbs": 3}
    )

    settings = STATE.settings
    assert settings is not None
    assert (settings.storm_burst, settings.ignore_paths, settings.max_breadcrumbs) == (
        7,
        ("/a", "/b"),
        3,
    )
    assert settings.sources["storm_burst"] == "flask configuration"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"storm_burst": "many"},
            "flask configuration: storm_burst must be a whole number, 0 or more, not 'many'",
        ),
        ({"storm_bursts": "7"}, "unknown option storm_bursts; did you mean storm_burst?"),
    ],
)
@pytest.mark.usefixtures("clean")
def test_wrong_framework_configuration_raises(config: dict[str, Any], message: str) -> None:
    """A mistake in the framework's configuration raises, and the error names its place."""
    with pytest.raises((TypeError, ValueError)) as caught:
        _init.ensure_initialized("flask", None, config)

    assert str(caught.value) == message


def test_earlier_init_wins_over_an_adapter(mailbox: testing.Mailbox, said: Any) -> None:
    """An explicit earlier init() wins."""
    assert _init.ensure_initialized("flask", "flask-app") is True
    assert said() == []


def test_adapter_with_another_service_is_a_warning(mailbox: testing.Mailbox, said: Any) -> None:
    """A service that is configured twice is a warning, as for init()."""
    _init.ensure_initialized("flask", None, {"service": "till"})

    assert said() == ["init() was called again with another service: till; shop stays"]


# -- what a start imports --------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["", "import sentry_sdk", "import sentryinit.testing"])
def test_start_imports_no_framework(child: Any, tmp_path: Any, first: str) -> None:
    """E5: init() imports nothing of what sentry-sdk has integrations for."""
    package = tmp_path / "django"
    package.mkdir()
    for name in ("__init__", "conf", "http"):
        (package / f"{name}.py").write_text(f"print('import of {name}')", encoding="utf-8")
    code = """
import pkgutil, sentry_sdk.integrations
known = {each.name for each in pkgutil.iter_modules(sentry_sdk.integrations.__path__)}
print(sorted((known - sys.stdlib_module_names) & sys.modules.keys() - before))
"""
    done = child(
        f"{first}\nbefore = set(sys.modules)\nsentryinit.init('shop', dsn=DSN){code}",
        "import sentryinit, sys\nDSN = 'https://a@backend.example/1'\n",
        PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )

    # sentry-sdk 2.20 imports Django itself, if the application imports sentry-sdk first.
    expected = ["[]"] if "sentry_sdk" not in first else done.lines[-1:]
    assert (done.lines[-1:], done.err) == (expected, "")
    assert done.lines[:-1] == [] or "sentry_sdk" in first


@pytest.mark.parametrize("order", ["init first", "Django first"])
def test_django_can_be_used_after_a_start(child: Any, order: str) -> None:
    """E5: Django is imported when the application does, also by name and in other threads."""
    pytest.importorskip("django", reason="not in the environment with the core only")
    use = """
from django.conf import settings
settings.configure(DEBUG=True)
"""
    init = "sentryinit.init('shop', dsn=DSN, transport=Pipe)"
    done = child(
        "\n".join([init, use] if order == "init first" else [use, init])
        + """
import threading
from django.utils.module_loading import import_string
def look():
    print(import_string("sentry_sdk.spotlight.SpotlightMiddleware").__name__)
    print(import_string("django.http.HttpResponse").__name__)
thread = threading.Thread(target=look)
thread.start()
thread.join()
import sentry_sdk.spotlight
print(sentry_sdk.spotlight.settings is settings, [type(each).__name__ for each in sys.meta_path if
    type(each).__module__.startswith("sentryinit")])
"""
    )

    assert done.lines == ["SpotlightMiddleware", "HttpResponse", "True []"], done.err


# -- an SDK that is already set up -----------------------------------------------------------------


def test_earlier_sentry_sdk_init_is_a_warning(child: Any) -> None:
    """An earlier sentry_sdk.init() is a warning that names the remedy."""
    done = child(
        LOGGED
        + """
import sentry_sdk
sentry_sdk.init(DSN, transport=Pipe, default_integrations=False)
sentryinit.init("shop", dsn=DSN, transport=Pipe)
"""
    )

    assert [line for line in done.lines if line.startswith("WARNING")] == [
        (
            "WARNING sentry_sdk.init() was called before sentryinit.init(); its client is "
            "replaced: remove that call"
        )
    ]


def test_conflicting_integration_is_a_warning(child: Any) -> None:
    """The SDK's own integration for a framework is a warning that names it."""
    done = child(
        LOGGED
        + """
from sentry_sdk.integrations import Integration
class FlaskIntegration(Integration):
    identifier = "flask"
    @staticmethod
    def setup_once(): pass
sentryinit.init("shop", dsn=DSN, transport=Pipe, integrations=[FlaskIntegration()])
"""
    )

    assert [line for line in done.lines if line.startswith("WARNING")] == [
        (
            "WARNING integrations: sentry_sdk's own FlaskIntegration stands beside sentryinit's "
            "middleware: remove it from integrations=[...]"
        )
    ]


@pytest.mark.parametrize("first", [False, True], ids=["by-the-adapter", "by-init"])
def test_integration_with_an_adapter_s_name_is_one_warning(child: Any, first: bool) -> None:
    """An SDK integration with the name of any adapter is one warning."""
    done = child(
        LOGGED
        + f"""
from sentry_sdk.integrations import Integration
from sentryinit import adapters
class TeahouseIntegration(Integration):
    identifier = "teahouse"
    @staticmethod
    def setup_once(): pass
config = dict(dsn=DSN, transport=Pipe, integrations=[TeahouseIntegration()])
if {first}:
    sentryinit.init("shop", **config)
for _ in range(2):
    adapters.ensure_initialized("teahouse", "shop", config)
print([problem.number for problem in adapters.problems()])
"""
    )

    assert [line for line in done.lines if line.startswith("WARNING")] == [
        (
            "WARNING integrations: sentry_sdk's own TeahouseIntegration stands beside sentryinit's "
            "middleware: remove it from integrations=[...]"
        )
    ]
    assert any(line.startswith("[3,") for line in done.lines)


# -- outside of requests ---------------------------------------------------------------------------

ON = "sentryinit.init('shop', dsn=DSN, transport=Pipe)\n"


@pytest.mark.parametrize(
    ("code", "titles", "exit_code"),
    [
        pytest.param("1 / 0", ["ZeroDivisionError"], 1, id="error"),
        pytest.param("raise KeyboardInterrupt", [], 130, id="interrupt"),
        pytest.param("sys.exit()", [], 0, id="exit"),
        pytest.param("sys.exit(0)", [], 0, id="exit 0"),
    ],
)
def test_uncaught_exception_is_one_event(
    child: Any, code: str, titles: list[str], exit_code: int
) -> None:
    """An uncaught exception is one event, unless it is a normal exit or an interrupt."""
    done = child(ON + code)

    assert (done.titles, abs(done.code) % 128) == (titles, exit_code % 128)


@pytest.mark.parametrize(
    ("code", "titles", "level"),
    [
        pytest.param("1 / 0", ["ZeroDivisionError"], "error", id="error"),
        pytest.param("sys.exit(3)", ["SystemExit"], "fatal", id="exit 3"),
        pytest.param("sys.exit('text')", ["SystemExit"], "fatal", id="exit with a text"),
        pytest.param("sys.exit(0)", [], None, id="exit 0"),
        pytest.param("raise KeyboardInterrupt", [], None, id="interrupt"),
        pytest.param(
            "logging.getLogger().exception('x', exc_info=ValueError()); 1 / 0",
            ["ValueError", "ZeroDivisionError"],
            "error",
            id="another logged",
        ),
    ],
)
def test_exception_that_leaves_a_with_block_is_one_event(
    child: Any, code: str, titles: list[str], level: str | None
) -> None:
    """``with init()`` reports the exception once, although sys.excepthook gets it too."""
    done = child(f"with {ON.strip()}:\n    {code}")

    assert done.titles == titles
    assert all(event["level"] == level for _, event in done.items)


def test_exception_that_leaves_a_with_block_is_unhandled(mailbox: testing.Mailbox) -> None:
    """The same exception object leaves the block, and its event is unhandled."""
    error = ValueError("x")
    with pytest.raises(ValueError, match="x") as caught, sentryinit.init():
        raise error

    mechanism = mailbox.events[0]["exception"]["values"][0]["mechanism"]
    assert caught.value is error
    assert (mechanism["type"], mechanism["handled"]) == ("sentryinit", False)


def test_with_block_without_exception_is_no_event(mailbox: testing.Mailbox) -> None:
    """A block that ends normally reports nothing."""
    with sentryinit.init() as handle:
        pass

    assert isinstance(handle, sentryinit.Handle)
    assert mailbox.events == []


def test_exception_logged_in_a_with_block_is_one_event(child: Any) -> None:
    """An exception that is logged and then leaves the block is one event."""
    done = child(f"""
with {ON.strip()}:
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("shop").exception("cannot")
        raise
""")

    assert done.titles == ["ZeroDivisionError"]


def test_exception_logged_and_uncaught_is_one_event(child: Any) -> None:
    """The same holds without a block."""
    done = child(
        ON
        + """
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("shop").exception("cannot")
    raise
"""
    )

    assert done.titles == ["ZeroDivisionError"]


def test_uncaught_exception_in_a_thread_is_one_event(child: Any) -> None:
    """It is one event, and the previous threading.excepthook is called."""
    done = child(
        ON
        + """
import threading
thread = threading.Thread(target=lambda: 1 / 0)
thread.start(); thread.join()
"""
    )

    assert done.titles == ["ZeroDivisionError"]
    assert done.event["exception"]["values"][0]["mechanism"]["type"] == "threading"
    assert "Exception in thread" in done.err


def test_thread_hook_is_installed_once(mailbox: testing.Mailbox) -> None:
    """A second start does not install a second hook."""
    import threading

    hook = threading.excepthook
    _process.install_hooks()

    assert threading.excepthook is hook


def test_thread_hook_only_calls_the_previous_one_when_off(child: Any) -> None:
    """When reporting is off again, the hook only calls the previous one."""
    done = child("""
import threading
from sentryinit import testing
with testing.capture():
    pass
threading.Thread(target=int, args=("x",)).start()
""")

    assert done.code == 0
    assert "ValueError: invalid literal" in done.err


def test_system_exit_in_a_thread_is_no_event(child: Any) -> None:
    """A thread that raises SystemExit is not reported."""
    done = child(
        ON
        + """
import threading
thread = threading.Thread(target=sys.exit, args=(0,))
thread.start(); thread.join()
"""
    )

    assert (done.items, done.err) == ([], "")


def test_suppressed_failures_are_reported_at_exit(child: Any) -> None:
    """The summary of suppressed failures is sent when the process exits."""
    done = child("""
sentryinit.init("shop", dsn=DSN, transport=Pipe, storm_burst=1, storm_per_minute=0)
import threading
for _ in range(3):
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start(); thread.join()
""")

    assert done.titles == ["ZeroDivisionError", "failures held back by the storm guard"]


def test_exit_writes_nothing_on_stderr(child: Any) -> None:
    """A process that exits with queued events writes nothing on stderr."""
    done = child("""
import time
class Slow(Pipe):
    def flush(self, timeout, callback=None):
        if callback is not None:
            callback(3, timeout)
sentryinit.init("shop", dsn=DSN, transport=Slow)
import sentry_sdk
sentry_sdk.capture_message("a")
""")

    assert (done.titles, done.err) == (["a"], "")


def test_calling_the_handle_flushes(child: Any) -> None:
    """Calling the handle waits for the transport, at most for flush_timeout."""
    done = child("""
class Slow(Pipe):
    def flush(self, timeout, callback=None):
        print("flush", round(timeout, 1), flush=True)
handle = sentryinit.init("shop", dsn=DSN, transport=Slow, flush_timeout=0.5)
handle()
import os
os._exit(0)
""")

    # The second one is that of os._exit(): a transport of the application may have a queue.
    assert done.lines == ["flush 0.5", "flush 0.5"]


def test_flush_timeout_is_used_once_at_shutdown(child: Any) -> None:
    """The time that the flush after a lifespan takes is not available again at exit."""
    done = child("""
import asyncio, time
from sentryinit.asgi import SentryInitMiddleware
class Dead(Pipe):
    def flush(self, timeout, callback=None):
        print("flush", round(timeout, 1), flush=True)
        time.sleep(timeout)
sentryinit.init("shop", dsn=DSN, transport=Dead, flush_timeout=0.5)
async def app(scope, receive, send):
    await send({"type": "lifespan.shutdown.complete"})
async def send(message):
    print(message["type"], flush=True)
asyncio.run(SentryInitMiddleware(app)({"type": "lifespan"}, None, send))
""")

    # At exit there is our hook, and that of sentry-sdk.
    assert done.lines == ["flush 0.5", "lifespan.shutdown.complete", "flush 0.0", "flush 0.0"]


def test_with_block_flushes_at_its_end(child: Any) -> None:
    """The end of a block flushes after it has reported."""
    done = child("""
class Slow(Pipe):
    def flush(self, timeout, callback=None):
        print("flush", flush=True)
import os
try:
    with sentryinit.init("shop", dsn=DSN, transport=Slow):
        1 / 0
finally:
    print("after", flush=True)
    os._exit(0)
""")

    assert [line[:5] for line in done.out.splitlines()] == ["ITEM ", "flush", "after", "flush"]


# -- names -----------------------------------------------------------------------------------------


def test_the_version() -> None:
    """``__version__`` is that of the wheel."""
    from importlib.metadata import version

    assert sentryinit.__version__ == version("sentryinit")


def test_options_type_is_public() -> None:
    """Functions that wrap init() can annotate its options."""
    assert "service" in sentryinit.Options.__annotations__


def test_unknown_name_is_an_attribute_error() -> None:
    """Any other name of the module is an AttributeError."""
    with pytest.raises(AttributeError, match="module 'sentryinit' has no attribute 'nothing'"):
        _ = sentryinit.nothing  # type: ignore[attr-defined] # what it is about


@pytest.mark.parametrize("app", ["orders", DSN, object(), None, {"dsn": DSN}, 5])
@pytest.mark.parametrize("boundary", ["wsgi", "asgi"])
def test_wrong_object_is_no_application(boundary: str, app: Any) -> None:
    """What cannot be called is refused, also where reporting is off, and is not shown."""
    module = getattr(__import__(f"sentryinit.{boundary}"), boundary)
    expected = (
        rf"^SentryInitMiddleware\(app\): app must be an? {boundary.upper()} application, not a "
    )
    with pytest.raises(TypeError, match=expected) as caught:
        module.SentryInitMiddleware(app)

    assert KEY not in str(caught.value)


@pytest.mark.parametrize("service", [["x"], b"x", 5, {"service": "x"}, DSN])
@pytest.mark.usefixtures("clean")
def test_wrong_object_is_no_service(service: Any) -> None:
    """What is no name is refused; a DSN in the place of the service says so, without its key."""
    with pytest.raises(
        (TypeError, ValueError), match=r"^argument: service must be 1 to 200"
    ) as caught:
        sentryinit.init(service)

    assert KEY not in str(caught.value)
    assert ("it is a DSN: pass dsn=..." in str(caught.value)) is (service == DSN)


# -- what is patched -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["os._exit", "os.kill", "os.execv", "signal.raise_signal"])
def test_patched_functions_can_be_pickled(child: Any, name: str) -> None:
    """An executor sends them to its processes."""
    done = child(f"""
import os, pickle, signal
before = {name}
sentryinit.init("shop", dsn=DSN)
assert {name} is not before
assert pickle.loads(pickle.dumps({name})) is {name}
print("same", flush=True)
""")

    assert done.lines == ["same"]


@pytest.mark.skipif(sys.platform != "linux", reason="the environment is read there")
@pytest.mark.parametrize(("own", "status"), [("false", 3), ("true", -9)])
def test_only_the_parent_of_a_reloader_warns_its_child(child: Any, own: str, status: int) -> None:
    """The application's own children inherit the variable, and end by SIGKILL as they should."""
    done = child(f"""
import os, subprocess, sys
if {own!r} == "true":
    os.environ["RUN_MAIN"] = "true"
sentryinit.init("shop", dsn=DSN)
code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(3)); print(1, flush=True)"
kept = subprocess.Popen(
    [sys.executable, "-c", code + "; time.sleep(30)"],
    env={{**os.environ, "RUN_MAIN": "true"}},
    stdout=subprocess.PIPE,
)
kept.stdout.readline()
kept.kill()
kept.stdout.close()
print(kept.wait(), flush=True)
""")

    assert done.lines == [str(status)]
