"""The client of sentry_sdk: its options, and what it sends."""

from __future__ import annotations

import logging
import socket
import sys
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.consts import DEFAULT_OPTIONS

from sentryinit import testing
from sentryinit._sdk import client_options

TOKEN = "tok-5f1c9a"


def options() -> dict[str, Any]:
    return dict(sentry_sdk.get_client().options)


# -- options ---------------------------------------------------------------------------------------


def test_integrations(mailbox: testing.Mailbox) -> None:
    """Three integrations; none patches the standard library, lists modules or reads sys.argv."""
    assert sorted(sentry_sdk.get_client().integrations) == ["atexit", "excepthook", "logging"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("default_integrations", False),
        ("auto_enabling_integrations", False),
        ("include_local_variables", False),
        ("max_request_body_size", "never"),
        ("auto_session_tracking", False),
        ("trace_propagation_targets", []),
        ("traces_sample_rate", None),
        ("traces_sampler", None),
        ("profiles_sample_rate", None),
        ("send_client_reports", False),
        ("shutdown_timeout", 2.0),
        ("max_value_length", 36864),
        ("environment", "production"),
        ("server_name", "shop"),
        ("release", ""),
        ("dsn", testing.DSN),
    ],
)
def test_client_option(mailbox: testing.Mailbox, name: str, value: object) -> None:
    """Each option of the client by default."""
    assert options()[name] == value


@pytest.mark.parametrize("name", ["send_default_pii", "enable_tracing"])
def test_option_is_never_on(mailbox: testing.Mailbox, name: str) -> None:
    """These options are off, whatever the SDK's default is."""
    assert not options().get(name)


def test_data_collection_is_not_passed(mailbox: testing.Mailbox) -> None:
    """Any value would switch data collection on in newer releases."""
    assert not (options().get("data_collection") or {}).get("provided_by_user")


def test_sdk_s_scrubber_is_off(mailbox: testing.Mailbox) -> None:
    """Our redaction runs last; the SDK's scrubber would only check keys."""
    assert not options()["event_scrubber"]


@pytest.mark.parametrize(
    ("option", "value", "name", "expected"),
    [
        ("flush_timeout", 0.5, "shutdown_timeout", 0.5),
        ("server_name", "web-1", "server_name", "web-1"),
        ("release", "1.2", "release", "1.2"),
        ("max_breadcrumbs", 7, "max_breadcrumbs", 7),
        ("in_app_include", ["shop"], "in_app_include", ("shop",)),
        ("collect", ["locals"], "include_local_variables", True),
        ("send_client_reports", True, "send_client_reports", True),
        ("http_proxy", "", "http_proxy", ""),  # none, whatever the environment says
    ],
)
def test_sdk_options_are_passed_on(option: str, value: object, name: str, expected: object) -> None:
    """Options of the SDK reach it."""
    with testing.capture("shop", **{option: value}):
        assert options()[name] == expected


def test_collect_host_name() -> None:
    """collect=["host_name"] sends the machine's name in place of the service."""
    with testing.capture("shop", collect=["host_name"]):
        assert options()["server_name"] == socket.gethostname()


def test_option_unknown_to_the_sdk_is_a_warning(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that this release of the SDK does not have is left out, with one warning."""
    known = {name: value for name, value in DEFAULT_OPTIONS.items() if name != "keep_alive"}
    monkeypatch.setattr(client_options, "DEFAULT_OPTIONS", known)
    with testing.capture("shop", keep_alive=True) as box:
        sentry_sdk.capture_message("a")

    assert said() == ["option keep_alive: this release of sentry-sdk does not have it"]
    assert len(box.events) == 1


def test_user_s_integrations_are_added(child: Any) -> None:
    """integrations=[...] adds to ours."""
    done = child("""
import sentry_sdk
from sentry_sdk.integrations.dedupe import DedupeIntegration
sentryinit.init("shop", dsn=DSN, transport=Pipe, integrations=[DedupeIntegration()])
print(sorted(sentry_sdk.get_client().integrations))
""")

    assert done.lines == ["['atexit', 'dedupe', 'excepthook', 'logging']"]


def test_no_program_is_run_for_the_release(child: Any) -> None:
    """sentry-sdk would run git to find one."""
    done = child("""
seen = []
sys.addaudithook(lambda name, args: name.startswith("subprocess") and seen.append(name))
sentryinit.init("shop", dsn=DSN, transport=Pipe)
print(seen)
""")

    assert done.lines == ["[]"]


def test_process_without_events_has_no_thread(child: Any) -> None:
    """A process that reports nothing has no thread of the SDK."""
    done = child("""
import threading
sentryinit.init("shop", dsn=DSN, transport=Pipe)
print(threading.active_count())
""")

    assert done.lines == ["1"]


# -- what is on an event ---------------------------------------------------------------------------


def test_keys_of_an_event_outside_requests(child: Any) -> None:
    """An event has these keys and no others: no modules, argv, locals or personal data."""
    done = child("""
sentryinit.init("shop", dsn=DSN, transport=Pipe, release="1.2")
def fail(password):
    secret_local = "hunter2" + "-local"
    raise ValueError("x")
fail("hunter2-argument")
""")
    event = done.event

    assert set(event) <= {
        "breadcrumbs",
        "contexts",
        "environment",
        "event_id",
        "exception",
        "fingerprint",
        "level",
        "platform",
        "release",
        "sdk",
        "server_name",
        "tags",
        "timestamp",
        "transaction",
        "transaction_info",
    }
    assert "vars" not in str(event["exception"])
    assert set(event["contexts"]) <= {"trace", "runtime"}


def test_collect_locals() -> None:
    """collect=["locals"] adds local variables, masked by name."""

    def fail() -> None:
        basket, password = "apples", "hunter2"
        raise ValueError(len(basket) + len(password))

    with testing.capture("shop", collect=["locals"]) as box:
        try:
            fail()
        except ValueError as error:
            sentry_sdk.capture_exception(error)

    frame = box.events[0]["exception"]["values"][0]["stacktrace"]["frames"][-1]
    assert frame["vars"] == {"basket": "'apples'", "password": "[secret]"}


def test_collect_argv(monkeypatch: pytest.MonkeyPatch) -> None:
    """collect=["argv"] adds the command line."""
    monkeypatch.setattr(sys, "argv", ["shop", "--port", "80"])
    with testing.capture("shop", collect=["argv"]) as box:
        sentry_sdk.capture_message("a")

    assert box.events[0]["extra"]["sys.argv"] == ["shop", "--port", "80"]


def test_log_records_are_no_breadcrumbs_by_default(mailbox: testing.Mailbox) -> None:
    """A breadcrumb for each record would slow each request."""
    logger = logging.getLogger("shop")
    logger.warning("one")
    sentry_sdk.capture_message("a")

    assert mailbox.events[0].get("breadcrumbs", {}).get("values", []) == []


@pytest.mark.parametrize(
    "name",
    [
        "sentryinit",
        "aiohttp.server",
        "daphne.server",
        "django.request",
        "falcon",
        "_granian",
        "_granian.utils",
        "gunicorn.error",
        "hypercorn.error",
        "uvicorn.error",
        "waitress",
        "werkzeug",
    ],
)
def test_log_records_of_servers_are_no_events(
    mailbox: testing.Mailbox, said: Any, name: str
) -> None:
    """The log record of a server repeats what the boundary has reported."""
    logging.getLogger(name).error("Exception in application")

    assert mailbox.events == []
    said()


# -- what is not sent ------------------------------------------------------------------------------


def types(box: testing.Mailbox) -> list[str]:
    import json

    found = []
    for envelope in box.envelopes:
        rest = envelope.partition(b"\n")[2]
        while rest.strip():
            header, _, rest = rest.partition(b"\n")
            item = json.loads(header)
            found.append(item["type"])
            rest = rest[item["length"] :].lstrip(b"\n") if "length" in item else b""
    return found


def flush() -> None:
    sentry_sdk.flush(timeout=1)


def test_attachments_are_dropped(mailbox: testing.Mailbox) -> None:
    """Attachments pass no hook that could mask them."""
    sentry_sdk.get_isolation_scope().add_attachment(bytes=b"hunter2", filename="a.txt")
    sentry_sdk.capture_message("a")

    assert types(mailbox) == ["event"]


def test_attachments_of_before_send_are_dropped() -> None:
    """Attachments that before_send adds are dropped as well."""
    from sentry_sdk.attachments import Attachment

    def hook(event: Any, hint: Any) -> Any:
        hint["attachments"] = [Attachment(bytes=b"hunter2", filename="a.txt")]
        return event

    with testing.capture("shop", before_send=hook) as box:
        sentry_sdk.capture_message("a")

    assert types(box) == ["event"]


def test_sessions_are_dropped() -> None:
    """Sessions contain the user and pass no hook."""
    with testing.capture("shop", release="1.2") as box:
        scope = sentry_sdk.get_isolation_scope()
        scope.set_user({"id": "ann"})
        scope.start_session()
        scope.end_session()
        flush()

    assert types(box) == []


def test_aggregated_sessions_are_dropped() -> None:
    """Sessions that the SDK's own middleware counts are dropped as well."""
    with testing.capture("shop", release="1.2") as box:
        scope = sentry_sdk.get_isolation_scope()
        scope.start_session(session_mode="request")
        scope.end_session()
        flush()

    assert types(box) == []


def test_transactions_are_dropped(mailbox: testing.Mailbox) -> None:
    """Only errors are sent."""
    with sentry_sdk.start_transaction(name="a", sampled=True):
        pass
    flush()

    assert types(mailbox) == []


def test_logs_are_dropped(mailbox: testing.Mailbox) -> None:
    """Only errors are sent."""
    logger: Any = getattr(sentry_sdk, "logger", logging.getLogger("shop"))
    logger.warning("hunter2")
    flush()

    assert types(mailbox) == []


def test_metrics_are_dropped(mailbox: testing.Mailbox) -> None:
    """Metrics are dropped, also by releases of the SDK in which they pass no hook."""
    from sentry_sdk import metrics

    count: Any = getattr(metrics, "incr", None) or metrics.count
    count("hunter2", 1)
    flush()
    sentry_sdk.get_client().close(timeout=1)

    assert types(mailbox) == []


def test_client_reports_are_dropped() -> None:
    """Only Sentry itself reads client reports."""
    with testing.capture("shop", before_send=lambda event, hint: None) as box:
        sentry_sdk.capture_message("a")
        flush()

    assert types(box) == []


def test_check_ins_are_masked() -> None:
    """A check-in is sent, and masked like an event."""
    from sentry_sdk.crons import capture_checkin

    with testing.capture("shop", debug_token=TOKEN) as box:
        capture_checkin(monitor_slug=f"nightly-{TOKEN}", status="ok")

    assert types(box) == ["check_in"]
    assert b"nightly-[secret]" in box.envelopes[0]
    assert TOKEN.encode() not in box.envelopes[0]


def test_check_ins_pass_before_send() -> None:
    """before_send gets check-ins, as the SDK documents."""
    from sentry_sdk.crons import capture_checkin

    with testing.capture("shop", before_send=lambda event, hint: None) as box:
        capture_checkin(monitor_slug="nightly", status="ok")

    assert box.envelopes == []


@pytest.mark.parametrize(
    "dsn",
    [
        "https://0123456789abcdef@backend.example/17",
        "https://public:0123456789abcdef@backend.example/17",
    ],
)
def test_dsn_parts_are_masked(dsn: str) -> None:
    """The key of the DSN, and the password of an old DSN, are masked in every text."""
    with testing.capture("shop", dsn=dsn) as box:
        sentry_sdk.capture_message(f"sending to {dsn}")

    assert "0123456789abcdef" not in str(box.events[0])


def test_debug_token_is_masked() -> None:
    """The debug token is masked in every text."""
    with testing.capture("shop", debug_token=TOKEN) as box:
        sentry_sdk.capture_message(f"opened with {TOKEN}")

    assert box.events[0]["logentry"]["formatted"] == "opened with [secret]"


def test_envelope_header_has_only_the_public_key() -> None:
    """The envelope header contains only the public key."""
    with testing.capture("shop", debug_token=TOKEN) as box:
        sentry_sdk.set_tag("a", TOKEN)
        sentry_sdk.capture_message("a")

    assert TOKEN.encode() not in box.envelopes[0]
