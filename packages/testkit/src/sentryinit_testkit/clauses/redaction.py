"""Cases of clause G: redaction, and events that are safe to store."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk

from sentryinit.testing import failing_redaction
from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract, Param, param, params, requires
from sentryinit_testkit._driver import ROUTE, Behaviour, Request
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call

# NUL, and lone surrogates.
_STRANGE = re.compile("[\0\ud800-\udfff]")

log: logging.Logger = logging.getLogger("shop")


class _Unreadable:
    """An object whose text ends the process."""

    def __str__(self) -> str:
        raise SystemExit


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


# All are made up. By kind: the text, and the part of it that must not be sent.
_JWT = ".".join([_base64('{"alg":"HS256"}'), _base64('{"sub":"c4nary"}'), "c4nary" * 4])
_PEM = "c4naryMIIEowIBAAKCAQEA"
SECRETS = {
    "mail": ("ann.c4nary@mail.example", "ann.c4nary"),
    "ipv4": ("198.51.100.27", "198.51.100.27"),
    "ipv6": ("2001:db8:85a3::8a2e:370:7334", "85a3::8a2e"),
    "card": ("4111 1111 1111 1111", "1111 1111"),
    "iban": ("DE89370400440532013000", "0532013000"),
    "key": ("AKIAC4NARYC4NARY0000", "C4NARY0000"),
    "token": ("ghp_c4naryc4naryc4naryc4naryc4naryc4nary", "ghp_"),
    "jwt": (_JWT, _JWT[-20:]),
    "pem": (f"-----BEGIN PRIVATE KEY-----\n{_PEM}\n-----END PRIVATE KEY-----", _PEM),
    "bearer": ("Bearer c4nary.7.c4nary", "c4nary.7"),
    "userinfo": ("postgresql://app:c4naryPW@db.example/shop", "c4naryPW"),
    "query": ("https://shop.example/?api_key=c4naryKEY&a=1", "c4naryKEY"),
    "named": ("password=c4naryNAMED", "c4naryNAMED"),
    "json": (json.dumps({"client_secret": "c4naryJSON"}), "c4naryJSON"),
}
ALL = " | ".join(text for text, _ in SECRETS.values())
# The kinds that can be in a path segment, and in a header.
IN_PATH = ("mail", "ipv4", "iban", "key", "token", "jwt")
IN_HEADER = tuple(kind for kind in SECRETS if kind != "pem")


def leaks(harness: Harness) -> list[str]:
    """Return the kinds of secrets that were sent."""
    sent = harness.sent_bytes().decode()
    return [kind for kind, (_, canary) in SECRETS.items() if canary in sent]


def _fails_with(text: str) -> Behaviour:
    return behaviours.raises(lambda: behaviours.ShopError(text))


def _chained(_request: Request) -> Any:
    try:
        _fails_with(ALL)(_request)
    except behaviours.ShopError as error:
        raise RuntimeError("no stock") from error


def _noted(_request: Request) -> Any:
    error = behaviours.ShopError("no stock")
    # add_note() exists from Python 3.11 on.
    error.__notes__ = [ALL]  # type: ignore[attr-defined,unused-ignore] # from 3.11 on it is there
    raise error


def _logged(_request: Request) -> Any:
    log.error("cannot order: %s, %s", ALL, None)
    log.error("%s", {"password": ALL})
    return behaviours.answers(503)(_request)


def _after(touch: Callable[[], Any]) -> Behaviour:
    def then(_request: Request) -> Any:
        touch()
        behaviours.fails()

    return then


async def _reads(request: Request) -> Any:
    raise behaviours.ShopError((await request.read()).decode())


def _with_locals(_request: Request) -> Any:
    password = f"hunter-{len(SECRETS)}"
    everything = {"a": [ALL], "password": password}
    raise behaviours.ShopError(str(len(everything)))


def _strange(_request: Request) -> Any:
    """Set on the event what makes some backend reject events."""
    sentry_sdk.set_tag("nul", "a\0b")
    sentry_sdk.set_tag("long", "x" * 500)
    sentry_sdk.set_tag("number", 17)
    sentry_sdk.set_tag("nothing", None)
    sentry_sdk.set_tag("mapping", {"a": 1})
    sentry_sdk.set_tag("half \ud800", "\udfff half")
    sentry_sdk.set_user({"id": "a\0b", "username": 17})
    sentry_sdk.set_extra("large", "x" * 3_000_000)
    sentry_sdk.set_extra("many", {f"key {number}": "x" * 900 for number in range(3000)})
    sentry_sdk.set_context("deep", {"a": [[[[[[[[[["b"]]]]]]]]]]})
    sentry_sdk.set_context("none", "no mapping")  # type: ignore[arg-type] # likewise
    raise behaviours.ShopError("a\0b \ud800" + "y" * 100_000)


def _nodes(value: Any) -> Iterator[Any]:
    yield value
    for item in value.items() if isinstance(value, dict) else ():
        yield from _nodes(list(item))
    for item in value if isinstance(value, list) else ():
        yield from _nodes(item)


class Redaction(Contract):
    """Clauses G1 to G5, in requests."""

    @params(
        param("message", (_fails_with(ALL), None)),
        param("chain", (_chained, None)),
        param("notes", (_noted, None)),
        param("log", (_logged, None)),
        param("body", (_reads, Call("POST", body=ALL.encode()))),
        param("tag", (_after(lambda: sentry_sdk.set_tag(ALL, ALL)), None)),
        param("user", (_after(lambda: sentry_sdk.set_user({"id": ALL, "note": ALL})), None)),
        param("context", (_after(lambda: sentry_sdk.set_context("a", {ALL: [ALL]})), None)),
        param("extra", (_after(lambda: sentry_sdk.set_extra(ALL, {"a": ALL})), None)),
        param("breadcrumb", (_after(lambda: sentry_sdk.add_breadcrumb(message=ALL)), None)),
        param("locals", (_with_locals, None)),
    )
    def test_g1_secret_does_not_leave(self, harness: Harness, param: Param) -> None:
        """G1: Secrets are not sent, wherever on an event the application puts them."""
        behaviour, call = param.value
        harness.start(collect=["locals"])
        harness.serve(behaviour, call)
        assert harness.events
        assert leaks(harness) == []
        assert b"hunter-" not in harness.sent_bytes()

    @pytest.mark.parametrize("behaviour", [behaviours.fails, behaviours.answers(503)])
    def test_g1_secret_in_the_path_does_not_leave(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """G1: Secrets in the path are not sent, in the URL or in the title."""
        harness.serve(
            behaviour, Call(path=f"/orders/{','.join(SECRETS[kind][0] for kind in IN_PATH)}")
        )
        assert harness.events
        assert leaks(harness) == []

    @pytest.mark.parametrize("behaviour", [behaviours.fails, behaviours.answers(503)])
    def test_g1_secret_that_was_asked_for_does_not_leave(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """G1: Secrets in collected queries, cookies and headers are not sent."""
        harness.start(
            collect=["query", "cookies", "client_address", "argv"], collect_headers=["x-shop"]
        )
        text = " | ".join(SECRETS[kind][0] for kind in IN_HEADER)
        query = "a=ann.c4nary%40mail.example&token=c4naryKEY"
        cookies = f"basket=17; session=c4naryJSON; mail={SECRETS['mail'][0]}"
        # As a session looks under a name that says nothing.
        cookies += "; shop=9d41c4naryJSON8f2e91b7"
        headers = (("x-shop", text), ("cookie", cookies), ("x-request-id", text))
        harness.serve(behaviour, Call(query=query, headers=headers))
        assert harness.events
        assert leaks(harness) == []

    def test_g2_user_s_hook_adds_nothing(self, harness: Harness) -> None:
        """G2: What ``before_send`` puts on an event is masked: redaction runs last."""

        def hook(event: Any, hint: Any) -> Any:
            event["extra"] = {"a": ALL}
            event["message"] = ALL
            return event

        harness.start(before_send=hook)
        harness.serve(behaviours.fails)
        assert harness.events
        assert leaks(harness) == []

    @pytest.mark.parametrize(
        "change",
        [
            lambda event: {"message": "anew"},
            lambda event: {**event, "exception": None, "tags": ["a", None], "event_id": 7},
        ],
    )
    @pytest.mark.parametrize("behaviour", [behaviours.fails, behaviours.answers(503)])
    def test_g3_hook_that_breaks_an_event_does_not_lose_it(
        self, harness: Harness, change: Callable[[Any], Any], behaviour: Behaviour
    ) -> None:
        """G3: An event that ``before_send`` makes anew, or breaks, is sent with its id."""
        ids: list[str] = []

        def hook(event: Any, hint: Any) -> Any:
            ids.append(event["event_id"])
            return change(event)

        harness.start(before_send=hook)
        harness.serve(behaviour)
        assert [harness.one_event()["event_id"]] == ids

    @pytest.mark.parametrize("values", [(1,), (1, _Unreadable())])
    def test_g3_record_that_cannot_be_formatted_is_not_lost(
        self, harness: Harness, values: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """G3: Of a log record whose arguments do not fit, or have no text, the template is sent."""
        # The handlers of pytest raise what logging prints.
        monkeypatch.setattr(log, "propagate", False)
        monkeypatch.setattr(log, "handlers", [logging.NullHandler()])

        def logs(request: Request) -> Any:
            log.error("sold %s of %s", *values)
            return behaviours.good(request)

        harness.serve(logs)
        assert harness.one_event()["logentry"]["message"] == "sold %s of %s"

    @pytest.mark.parametrize("dsn", ["", "https://key@other.invalid/1"])
    def test_g2_another_init_of_the_sdk_does_not_replace_ours(
        self, harness: Harness, dsn: str
    ) -> None:
        """G2: Whatever calls ``sentry_sdk.init()`` later: events leave by us, masked."""
        harness.start()
        app = harness.app(behaviours.fails)
        sentry_sdk.init(dsn, default_integrations=False, auto_enabling_integrations=False)
        sentry_sdk.capture_message(ALL)
        harness.server.serve(app, Call())
        assert len(harness.events) == 2, harness.titles
        assert leaks(harness) == []
        (complaint,) = harness.expect_complaints()
        assert "sentry_sdk.init() was called after sentryinit.init()" in complaint

    def test_g2_what_passes_no_hook_does_not_leave(self, harness: Harness) -> None:
        """G2: Attachments, sessions, transactions and logs are not sent."""

        def touch() -> None:
            scope = sentry_sdk.get_isolation_scope()
            scope.add_attachment(bytes=ALL.encode(), filename="a.txt")
            scope.set_user({"id": ALL})
            scope.start_session()
            with sentry_sdk.start_transaction(name=ALL, sampled=True):
                pass
            scope.end_session()

        harness.start(release="shop@1.2.3")
        harness.serve(_after(touch))
        harness.flush()
        assert harness.events
        assert leaks(harness) == []
        assert [kind for kind in _kinds(harness) if kind != "event"] == []

    @pytest.mark.parametrize("behaviour", [behaviours.fails, behaviours.answers(503)])
    def test_g3_failing_mask_leaves_a_minimal_event(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """G3: If redaction fails, the event has a tag for it, and no application text."""
        with failing_redaction():
            harness.serve(behaviour, Call(path="/orders/c4nary"))
        assert _events.tags(harness.one_event())["redaction_error"] == "true"
        assert b"c4nary" not in harness.sent_bytes()
        harness.expect_complaints()

    @requires("route")
    @pytest.mark.parametrize("behaviour", [_fails_with("no c4nary"), behaviours.answers(503)])
    def test_g4_parameter_of_the_path_is_hidden(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """G4: A sensitive path parameter is replaced by its name, in every text."""
        harness.start(mask_path_parameters=["Order-Id"])
        harness.serve(behaviour, Call(path="/orders/c4nary"))
        assert harness.event()["request"]["url"].endswith(ROUTE)
        assert b"c4nary" not in harness.sent_bytes()

    def test_g5_event_is_safe_to_store(self, harness: Harness) -> None:
        """G5: An event has no NUL and no lone surrogate; its tags and its size are limited."""
        harness.serve(_strange)
        event = harness.one_event()
        texts = [node for node in _nodes(event) if isinstance(node, str)]
        odd = [
            text for text in texts if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text)
        ]
        assert odd == []
        assert {type(value) for value in _events.tags(event).values()} == {str}
        assert max(len(value) for value in _events.tags(event).values()) <= 200
        assert len(harness.sent_bytes()) < 1_000_000
        assert event["contexts"]["sentryinit"]["cut"] is True

    def test_g5_parameters_are_texts(self, harness: Harness) -> None:
        """G5: The parameters of a log record are texts: some backends reject others."""

        def logs(_request: Request) -> Any:
            log.error("a %s, b %s", None, {"c": 1})
            return behaviours.good(_request)

        harness.serve(logs)
        entry = harness.one_event()["logentry"]
        assert {type(value) for value in entry["params"]} == {str}
        assert entry["formatted"] == "a None, b {'c': 1}"


def _kinds(harness: Harness) -> list[str]:
    """Return the types of the items that were sent."""
    return [
        json.loads(head)["type"]
        for envelope in harness.mailbox.envelopes
        for head in envelope.split(b"\n")[1::2]
        if head
    ]
