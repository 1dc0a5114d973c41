"""The option ``required``: where reporting would be off, the start fails."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk

import sentryinit
import sentryinit.asgi
import sentryinit.wsgi
from conftest import DSN, KEY, Nowhere
from sentryinit import adapters, testing
from sentryinit._state import STATE

pytestmark = pytest.mark.usefixtures("clean")
BAD = f"https://{KEY}@backend.example"


def refused(call: Callable[[], Any]) -> str:
    """Return the text of the error of *call*, which must not show the DSN, also in a traceback."""
    with pytest.raises(RuntimeError) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    return str(caught.value)


def nothing_is_left() -> None:
    """Require that the next call is the first."""
    assert (STATE.settings, STATE.reporter, STATE.boundaries, STATE.problems) == (
        None,
        None,
        (),
        (),
    )
    assert sentryinit.status()["reason"] == "init() has not run in this process"
    sentryinit.init("till", dsn=DSN, transport=Nowhere())
    assert sentryinit.is_on()
    assert sentryinit.status()["service"] == "till"


@pytest.mark.parametrize(
    ("options", "variables", "what"),
    [
        ({}, {}, "there is no DSN; expected"),
        ({"dsn": ""}, {}, "the DSN (from argument) is empty; expected"),
        ({"dsn": BAD}, {}, "the DSN (from argument) is malformed; expected"),
        ({}, {"SENTRY_DSN": BAD}, "the DSN (from SENTRY_DSN) is malformed; expected"),
        ({"dsn": DSN, "enabled": False}, {}, "enabled=false (from argument); expected true"),
        (
            {"dsn": DSN},
            {"SENTRYINIT_ENABLED": "no"},
            "enabled=false (from SENTRYINIT_ENABLED); expected true",
        ),
    ],
)
@pytest.mark.parametrize("how", ["argument", "SENTRYINIT_REQUIRED"])
def test_start_fails_and_names_the_setting(
    options: dict[str, Any],
    variables: dict[str, str],
    what: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error says who requires it, what was found where, and what is expected."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if how == "argument":
        options = {**options, "required": True}
    else:
        monkeypatch.setenv(how, "1")

    text = refused(lambda: sentryinit.init("shop", **options))
    assert text.startswith(f"required=true (from {how}), and reporting would be off: {what}")
    for name in [*variables, "SENTRYINIT_REQUIRED"]:
        monkeypatch.delenv(name, raising=False)
    nothing_is_left()


@pytest.mark.parametrize("text", ["1", "true", "yes", '"1"', "ture", "required"])
def test_any_text_that_is_not_false_requires(
    text: str, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    """A misspelt value must not leave a deployment dark: it counts, and is a warning."""
    monkeypatch.setenv("SENTRYINIT_REQUIRED", text)

    refused(sentryinit.init)
    said()


@pytest.mark.parametrize("text", ["0", "false", "off", ""])
def test_false_does_not_require(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where reporting may be off, the start goes on."""
    monkeypatch.setenv("SENTRYINIT_REQUIRED", text)
    sentryinit.init("shop")

    assert not sentryinit.is_on()


def test_argument_counts_more_than_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every option."""
    monkeypatch.setenv("SENTRYINIT_REQUIRED", "1")
    sentryinit.init("shop", required=False)

    assert not sentryinit.is_on()


def test_value_that_sentry_sdk_refuses(monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    """The variable is named, and neither its value nor the text of the error."""
    monkeypatch.setenv("SENTRY_DSN", DSN)
    monkeypatch.setenv("SENTRYINIT_REQUIRED", "1")
    monkeypatch.setenv("SENTRYINIT_CA_CERTS", "/secret-place")

    def fails(**options: Any) -> None:
        raise ValueError(f"{options['dsn']} {options['ca_certs']}")

    monkeypatch.setattr(sentry_sdk, "init", fails)
    with pytest.raises(RuntimeError, match=r"SENTRYINIT_CA_CERTS \(ValueError\)") as caught:
        sentryinit.init("shop")

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert (STATE.settings, said()) == (None, [])


def test_adapter_fails_too_and_is_not_set_up() -> None:
    """The set-up of an adapter fails, by its options; the boundary is not remembered."""
    text = refused(lambda: adapters.ensure_initialized("flask", "shop", {"required": "yes"}))

    assert "required=true (from flask configuration)" in text
    nothing_is_left()


# -- a later set-up --------------------------------------------------------------------------------


def test_later_set_up_asks_for_it() -> None:
    """The first set-up found no DSN; what requires one fails, and the first stays."""
    sentryinit.init("shop")

    text = refused(lambda: adapters.ensure_initialized("flask", "x", {"required": True}))
    assert text.startswith("required=true (from flask configuration), and reporting would be off")
    assert "there is no DSN" in text
    assert STATE.settings is not None
    assert sentryinit.status()["service"] == "shop"


@pytest.mark.parametrize(
    ("first", "later", "what"),
    [
        ({}, {"dsn": BAD}, "the DSN (from argument) is malformed"),
        ({"dsn": BAD}, {}, "the DSN (from argument) is malformed"),
        ({"dsn": DSN, "enabled": False}, {}, "enabled=false (from argument)"),
        ({"dsn": DSN, "enabled": False}, {"enabled": True}, "enabled=false (from argument)"),
        ({"required": False}, {}, "there is no DSN"),
    ],
)
def test_later_set_up_says_why(
    first: dict[str, Any], later: dict[str, Any], what: str, said: Any
) -> None:
    """It names what was found by now."""
    sentryinit.init("shop", **first)

    assert what in refused(lambda: sentryinit.init("shop", required=True, **later))
    said()


def test_variable_that_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """``load_dotenv()`` after the first set-up: the second one fails."""
    sentryinit.init("shop")
    monkeypatch.setenv("SENTRYINIT_REQUIRED", "1")

    assert "from SENTRYINIT_REQUIRED" in refused(lambda: sentryinit.init("shop"))


def test_dsn_that_comes_late(said: Any) -> None:
    """The boundary has removed itself: a set-up that requires it fails, and names that boundary."""
    adapters.ensure_initialized("flask", "shop")

    text = refused(lambda: sentryinit.init("shop", dsn=DSN, required=True))
    assert "the first set-up (by flask) found no DSN" in text
    assert len(said()) == 1


def test_late_dsn_before_any_boundary_is_in_time() -> None:
    """Reporting starts then."""
    sentryinit.init("shop")
    sentryinit.init("shop", dsn=DSN, required=True, transport=Nowhere())

    assert sentryinit.is_on()


def test_failed_late_start_leaves_the_first(monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    """The next call is a later one again, and may succeed."""
    sentryinit.init("shop")
    monkeypatch.setenv("SENTRYINIT_CA_CERTS", "/x")
    with monkeypatch.context() as patch:
        patch.setattr(sentry_sdk, "init", lambda **_: int("x"))
        refused(lambda: sentryinit.init(dsn=DSN, required=True))
    assert "there is no DSN" in sentryinit.status()["reason"]
    sentryinit.init(dsn=DSN, required=True, transport=Nowhere())

    assert sentryinit.is_on()
    said()


def test_on_it_is_no_difference_between_set_ups(mailbox_like: Any, said: Any) -> None:
    """A later set-up that requires what is there gets it: no warning."""
    sentryinit.init("shop", required=True)
    adapters.ensure_initialized("flask", "shop", {"required": True})

    assert sentryinit.is_on()
    assert said() == []


@pytest.fixture
def mailbox_like() -> Iterator[Any]:
    """Switch reporting on for one test."""
    with testing.capture("shop") as box:
        yield box


def test_client_that_was_replaced_is_off(mailbox_like: Any) -> None:
    """A later set-up that requires reporting fails if our client is gone."""
    sentry_sdk.get_global_scope().set_client(None)

    assert "client" in refused(lambda: sentryinit.init("shop", required=True))


def test_capture_keeps_tests_working(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside of ``testing.capture()`` reporting is on, without a DSN of the test."""
    monkeypatch.setenv("SENTRYINIT_REQUIRED", "1")
    with testing.capture() as box:
        sentryinit.init("orders", required=True)
        adapters.ensure_initialized("flask", "orders", {"required": True})
        with pytest.raises(LookupError), sentryinit.init():
            raise LookupError
    assert len(box.events) == 1
    refused(sentryinit.init)


# -- boundaries ------------------------------------------------------------------------------------


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that is never called."""


@pytest.mark.parametrize("module", [sentryinit.asgi, sentryinit.wsgi])
def test_generic_boundary_fails(module: Any) -> None:
    """The middleware is not made."""
    refused(lambda: module.SentryInitMiddleware(nothing, required=True))
    nothing_is_left()


def test_boundary_that_is_built_at_the_lifespan_fails_the_start() -> None:
    """Servers take an exception there for an application without a lifespan, and go on."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def serve(scope: dict[str, Any]) -> None:
        app: Any = sentryinit.asgi.SentryInitMiddleware(nothing, required=True)
        await app(scope, receive, send)

    refused(lambda: asyncio.run(serve({"type": "lifespan"})))
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    assert "there is no DSN" in sent[0]["message"]
    refused(lambda: asyncio.run(serve({"type": "http"})))
    assert len(sent) == 1
