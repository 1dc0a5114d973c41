"""``is_on()`` and ``status()``: whether this process reports, and if not, why."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from conftest import DSN, KEY, Nowhere
from sentryinit import adapters, testing
from sentryinit._sdk import scopes

EXPECTED = "https://<key>@<host>/<project number>"
OFF = {"backend": "", "sdk": "", "scope": ""}
Begin = Callable[..., adapters.Capture[Any]]


# -- on --------------------------------------------------------------------------------------------


def test_on_it_says_what_reports_where() -> None:
    """Service, environment, release, backend, versions and scope; counts; as JSON."""
    options = {"environment": "staging", "release": "1.2", "dsn": f"https://{KEY}@a.example:90/b/7"}
    with testing.capture("shop", **options):
        found = sentryinit.status()
        assert sentryinit.is_on()

    assert found == {
        "on": True,
        "reason": "",
        "service": "shop",
        "environment": "staging",
        "release": "1.2",
        "backend": "a.example",
        "sdk": sentry_sdk.VERSION,
        "scope": "lazy",
        "counts": sentryinit.stats(),
    }
    assert KEY not in json.dumps(found)


def test_fallback_of_the_scope_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the private names of sentry-sdk have changed, the scope is not lazy."""
    monkeypatch.setattr(scopes, "force_fallback", True)
    with testing.capture("shop"):
        assert sentryinit.status()["scope"] == "fallback"


def test_counts_are_those_of_stats(mailbox: testing.Mailbox) -> None:
    """The counts are there at the moment of the call."""
    sentry_sdk.capture_message("x")

    assert sentryinit.status()["counts"] == sentryinit.stats()
    assert sentryinit.status()["counts"]["delivered"] == 1


def test_in_a_request_it_forks_no_scope(begin: Begin, mailbox: testing.Mailbox) -> None:
    """F1: a health page is a good request, and costs no more than one."""
    with testing.count_work() as work:
        begin()
        assert sentryinit.is_on()
        assert sentryinit.status()["on"]

    assert work == testing.Work()


def test_ignored_init_of_another_leaves_it_on(mailbox: testing.Mailbox, said: Any) -> None:
    """Another ``sentry_sdk.init()`` that is ignored changes nothing."""
    sentry_sdk.init(default_integrations=False, auto_enabling_integrations=False)

    assert sentryinit.is_on()
    assert len(said()) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a platform without fork")
def test_forked_process_is_on(child: Any) -> None:
    """A forked process reports, and counts from 0."""
    done = child(f"""
import os, sys, sentryinit, sentry_sdk
sentryinit.init("shop", dsn={DSN!r}, transport=Pipe)
sentry_sdk.capture_message("x")
if os.fork():
    os.wait()
else:
    print(sentryinit.is_on(), sentryinit.status()["counts"]["delivered"], file=sys.stderr)
    os._exit(0)
""")
    assert done.err == "True 0\n"


# -- on no more ------------------------------------------------------------------------------------


def test_client_of_another_takes_its_place(said: Any) -> None:
    """A client with a transport of its own replaces ours: it gets the events, and we are off."""
    with testing.capture("shop"):
        options: Any = {"default_integrations": False, "auto_enabling_integrations": False}
        sentry_sdk.init(dsn=DSN, transport=Nowhere(), **options)
        found = sentryinit.status()

    assert not found["on"]
    assert "was replaced: another client is active" in found["reason"]
    assert found.items() >= OFF.items()
    said()


@pytest.mark.parametrize("what", ["closed", "removed"])
def test_client_is_gone(mailbox: testing.Mailbox, what: str) -> None:
    """Code of the application closes or removes the client: nothing leaves any more."""
    if what == "closed":
        sentry_sdk.get_client().close()
    else:
        sentry_sdk.get_global_scope().set_client(None)

    assert not sentryinit.is_on()
    assert f"was {what}" in sentryinit.status()["reason"]


def test_client_of_a_scope_counts_inside_of_it(mailbox: testing.Mailbox) -> None:
    """A client on a scope gets what fails there; outside of it reporting is on."""
    other = sentry_sdk.Client(dsn=DSN, transport=Nowhere(), default_integrations=False)
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(other)
        assert not sentryinit.is_on()
    assert sentryinit.is_on()
    other.close()


@pytest.mark.usefixtures("clean")
def test_after_a_capture_it_is_as_before() -> None:
    """The end of ``testing.capture()`` is the end of reporting."""
    with testing.capture("shop"):
        pass

    assert not sentryinit.is_on()
    assert sentryinit.status()["reason"] == "init() has not run in this process"


# -- off -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clean")
def test_before_init() -> None:
    """Nothing is known before the first set-up."""
    found = sentryinit.status()

    assert found.items() >= {"on": False, "service": "", "environment": "", "release": ""}.items()
    assert found["reason"] == "init() has not run in this process"
    assert set(found["counts"].values()) == {0}


@pytest.mark.parametrize(
    ("options", "variables", "reason"),
    [
        ({}, {}, f"there is no DSN; expected {EXPECTED} in SENTRY_DSN, or in the option dsn"),
        ({"dsn": ""}, {"SENTRY_DSN": DSN}, "the DSN (from argument) is empty; expected"),
        (
            {},
            {"SENTRY_DSN": f"{KEY}@backend.example"},
            f"the DSN (from SENTRY_DSN) is malformed; expected {EXPECTED}",
        ),
        ({"dsn": f"{DSN}x"}, {}, "the DSN (from argument) is malformed"),
        ({"enabled": False}, {"SENTRY_DSN": DSN}, "enabled=false (from argument); expected true"),
        (
            {},
            {"SENTRY_DSN": DSN, "SENTRYINIT_ENABLED": "0"},
            "enabled=false (from SENTRYINIT_ENABLED); expected true",
        ),
    ],
)
@pytest.mark.usefixtures("clean")
def test_reason_names_the_setting(
    options: dict[str, Any],
    variables: dict[str, str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    said: Any,
) -> None:
    """It says what was found, where, and what is expected, and never the DSN."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    sentryinit.init("shop", **options)
    found = sentryinit.status()

    assert found["reason"].startswith(reason)
    assert found.items() >= {"on": False, "service": "shop", "environment": "production"}.items()
    assert found.items() >= OFF.items()
    assert KEY not in json.dumps(found)
    said()


@pytest.mark.usefixtures("clean")
def test_value_that_sentry_sdk_refuses(monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    """The variable and the class of the error are named."""
    monkeypatch.setenv("SENTRY_DSN", DSN)
    monkeypatch.setenv("SENTRYINIT_CA_CERTS", "/there/is/no/such/file")
    monkeypatch.setattr(sentry_sdk, "init", lambda **_: int("x"))
    sentryinit.init("shop")

    reason = "sentry-sdk refuses a value of SENTRYINIT_CA_CERTS (ValueError); correct or unset it"
    assert sentryinit.status()["reason"] == reason
    assert len(said()) == 1


@pytest.mark.usefixtures("clean")
def test_dsn_that_came_late(said: Any) -> None:
    """The boundary that had removed itself is named."""
    adapters.ensure_initialized("flask", "shop")
    sentryinit.init("shop", dsn=DSN)

    assert "the first set-up (by flask) found no DSN" in sentryinit.status()["reason"]
    assert len(said()) == 1


def test_off_sentry_sdk_is_not_imported(child: Any) -> None:
    """E3: where reporting is off, asking costs nothing."""
    done = child(
        "import sys, sentryinit; sentryinit.init('shop'); sentryinit.is_on(); sentryinit.status()\n"
        "print('sentry_sdk' in sys.modules)",
        prelude="",
    )
    assert done.out == "False\n"
