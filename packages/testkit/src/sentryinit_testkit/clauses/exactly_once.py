"""Cases of clause C: exactly one event."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import sentry_sdk

from sentryinit.wsgi import SentryInitMiddleware
from sentryinit_testkit import _bridges, _events, _isolated, behaviours
from sentryinit_testkit._contract import Contract, Param, param, params, requires
from sentryinit_testkit._driver import (
    MOUNT,
    PATH,
    Behaviour,
    HandledError,
    Request,
    ResponseSpec,
)
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call

# As applications log it, with an id that is another one each time.
LOGGED = "Error with id Tx51IiiL"


def _unavailable(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [])
    return [b"sorry"]


def _captures_and_raises(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError as error:
        sentry_sdk.capture_exception(error)
        raise


def _captures_and_raises_another(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError as error:
        sentry_sdk.capture_exception(error)
        raise RuntimeError("cannot order") from error


def _captures_and_quotes(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError as error:
        sentry_sdk.capture_exception(error)
        raise RuntimeError(f"cannot order: {error}")  # noqa: B904 # as many applications do


def _captures_and_has_a_bug(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError as error:
        sentry_sdk.capture_exception(error)
        return error.response  # type: ignore[attr-defined,no-any-return] # it is the bug


def _captures_and_has_a_bug_of_that_name(_request: Request) -> ResponseSpec:
    orders: dict[str, ResponseSpec] = {}
    try:
        return orders["order_id"]
    except KeyError as error:
        sentry_sdk.capture_exception(error)
        return error.order_id  # type: ignore[attr-defined,no-any-return] # it is the bug


def _is_noise(event: Any, _hint: object) -> Any:
    return None if (event.get("tags") or {}).get("noise") else event


def _renewed(error: BaseException) -> BaseException:
    made = type(error)(*error.args)
    made.__dict__ = error.__dict__
    return made


def _logs_and_raises(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError:
        behaviours.log.exception("cannot order")
        raise


def _logs_and_raises_another(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError as error:
        behaviours.log.exception("cannot order")
        raise RuntimeError("cannot order") from error


def _logs_text_and_raises(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError as error:
        behaviours.log.error("cannot order: %s", error)  # not log.exception(): without a traceback
        raise


def _logs_and_answers(status: int) -> Behaviour:
    def behaviour(_request: Request) -> ResponseSpec:
        try:
            behaviours.fails()
        except behaviours.ShopError:
            behaviours.log.exception("cannot order")
        return ResponseSpec(status)

    return behaviour


def _logs_text_and_answers(status: int) -> Behaviour:
    def behaviour(_request: Request) -> ResponseSpec:
        behaviours.log.error("out of %s", "stock")
        return ResponseSpec(status)

    return behaviour


def _logs_an_id_and_raises(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError:
        behaviours.log.error(LOGGED)  # not log.exception(): a line of its own
        raise


def _logs_an_id_and_raises_another(_request: Request) -> ResponseSpec:
    try:
        behaviours.fails()
    except behaviours.ShopError as error:
        behaviours.log.error(LOGGED)  # likewise
        raise RuntimeError("cannot order") from error


def _has_a_handler_that_logs(_request: Request) -> ResponseSpec:
    raise LoggedByItsHandler


class LoggedByItsHandler(HandledError):
    """Its handler logs a line without the exception, as it makes the response."""

    def __init__(self) -> None:
        Exception.__init__(self, "no stock")

    @property
    def response(self) -> ResponseSpec:  # type: ignore[override] # read by the handler, once
        """Log, and return the response."""
        behaviours.log.error(LOGGED)
        return ResponseSpec(503)


class ExactlyOnce(Contract):
    """Clauses C1 to C6."""

    @pytest.mark.parametrize("behaviour", [_captures_and_raises, _captures_and_raises_another])
    def test_c1_captured_and_raised_is_one_event(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """C1: An exception that is captured, then raised or raised from, gives one event."""
        harness.serve(behaviour)
        assert "ShopError" in _events.types(harness.one_event())

    def test_c1_captured_and_quoted_is_one_event(self, harness: Harness) -> None:
        """C1: An exception that is captured, and quoted by another one that is raised then."""
        if "raised-abort" in harness.driver.all_unsupported():
            pytest.skip("a BaseHTTPMiddleware of Starlette 0.37 replaces the context")
        harness.serve(_captures_and_quotes)
        assert "ShopError" in _events.types(harness.one_event())

    @requires("chain")
    def test_c1_bug_in_an_except_block_is_an_event_of_its_own(self, harness: Harness) -> None:
        """C1: A new exception in the handling of one that is captured gives an event as well."""
        harness.serve(_captures_and_has_a_bug)
        captured, failure = harness.events
        assert _events.types(captured) == ["ShopError"]
        assert _events.types(failure) == ["ShopError", "AttributeError"]
        assert _events.mechanism(failure) == (harness.driver.name, False)

    @requires("chain")
    def test_c1_bug_that_names_the_key_is_an_event_of_its_own(self, harness: Harness) -> None:
        """C1: The text of the interpreter has the key of a captured KeyError; nobody quotes it."""
        harness.serve(_captures_and_has_a_bug_of_that_name)
        captured, failure = harness.events
        assert _events.types(captured) == ["KeyError"]
        assert _events.types(failure) == ["KeyError", "AttributeError"]

    @params(param("raised", False, "chain"), param("captured", True))
    @pytest.mark.parametrize("options", [{"before_send": _is_noise}, {}], ids=["hook", "processor"])
    def test_c1_dropped_event_is_no_event(
        self, harness: Harness, options: dict[str, Any], param: Param
    ) -> None:
        """C1: If a hook drops an event of an exception, the next one of it is not a second."""
        harness.start(**options)

        def fail(_request: Request) -> ResponseSpec:
            if not options:
                sentry_sdk.get_isolation_scope().add_event_processor(_is_noise)
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                sentry_sdk.capture_exception(error, tags={"noise": "yes"})
                if param.value:
                    sentry_sdk.capture_exception(error)
                raise

        harness.serve(fail)
        event = harness.one_event()
        assert (_events.types(event), _events.tags(event).get("noise")) == (["ShopError"], None)

    @pytest.mark.parametrize(
        "duplicate",
        [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy, _renewed],  # noqa: S301 # of this test
        ids=["pickle", "copy", "deepcopy", "same-attributes"],
    )
    def test_c1_copy_of_a_captured_exception_is_an_event(
        self, harness: Harness, duplicate: Callable[[BaseException], BaseException]
    ) -> None:
        """C1: A copy of a captured exception, as from another process, gives an event."""

        def fail(_request: Request) -> ResponseSpec:
            error = behaviours.ShopError("no stock")
            error.sku = 17  # type: ignore[attr-defined] # the application's own
            with ThreadPoolExecutor(1) as pool:  # where no request is known
                pool.submit(sentry_sdk.capture_exception, error).result()
            other = duplicate(error)
            assert vars(other) == vars(error) == {"sku": 17}
            assert json.dumps(vars(error)) == '{"sku": 17}'
            raise other

        harness.serve(fail)
        assert harness.titles == ["ShopError: no stock"] * 2

    @pytest.mark.parametrize(
        "behaviour", [_logs_and_raises, _logs_and_raises_another, _logs_text_and_raises]
    )
    def test_c2_logged_and_raised_is_one_event_of_ours(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """C2: An exception that is logged, then raised or raised from, gives one event, ours."""
        harness.serve(behaviour)
        assert _events.mechanism(harness.our_event()) == (harness.driver.name, False)

    def test_c2_logged_and_answered_500_is_one_event_of_ours(self, harness: Harness) -> None:
        """C2: An exception that is logged, then answered 500, gives one event, ours."""
        harness.serve(_logs_and_answers(500))
        event = harness.our_event()
        assert (_events.types(event), _events.mechanism(event)) == (
            ["ShopError"],
            (harness.driver.name, True),
        )

    def test_c2_logged_and_handled_into_503_is_one_event_of_ours(self, harness: Harness) -> None:
        """C2: An exception that is logged, and answered by its handler, gives one event, ours."""

        def fail(request: Request) -> ResponseSpec:
            try:
                return behaviours.handled(503)(request)  # type: ignore[return-value] # it raises
            except Exception:
                behaviours.log.exception("cannot order")
                raise

        harness.serve(fail)
        assert _events.types(harness.our_event())[-1:] == ["HandledError"]

    @pytest.mark.parametrize(
        "behaviour",
        [_logs_an_id_and_raises, _logs_an_id_and_raises_another, _has_a_handler_that_logs],
    )
    def test_c2_line_in_the_handling_of_the_failure_is_a_breadcrumb(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """C2: What is logged while the failure is being handled is a breadcrumb of its event."""
        harness.serve(behaviour)
        crumbs = harness.our_event()["breadcrumbs"]["values"]
        assert LOGGED in [crumb["message"] for crumb in crumbs]

    def test_c2_line_in_the_handling_of_another_exception_is_an_event(
        self, harness: Harness
    ) -> None:
        """C2: What was logged while another exception was being handled is about that one."""

        def fail(request: Request) -> ResponseSpec:
            try:
                behaviours.count_stock()
            except behaviours.ShopError:
                behaviours.log.error(LOGGED)  # not log.exception(): a line of its own
            return behaviours.fails(request)

        harness.serve(fail)
        assert sorted(harness.titles) == sorted([LOGGED, "ShopError: no stock"])

    def test_c2_logged_and_answered_200_is_the_log_event(self, harness: Harness) -> None:
        """C2: An exception that is logged in a good request gives one event, of the log record."""
        harness.serve(_logs_and_answers(200))
        event = harness.one_event()
        assert (event["logger"], _events.types(event)) == ("shop", ["ShopError"])

    def test_c2_text_logged_and_answered_200_is_the_log_event(self, harness: Harness) -> None:
        """C2: An error that is logged in a good request gives one event, of the log record."""
        harness.serve(_logs_text_and_answers(200))
        event = harness.one_event()
        assert (event["logger"], _events.message(event)) == ("shop", "out of stock")

    def test_c2_server_that_logs_it_adds_none(self, harness: Harness) -> None:
        """C2: The log record of the server or framework about the exception gives no event."""
        harness.serve(behaviours.fails, Call(server_logs=True))
        harness.our_event()

    @pytest.mark.parametrize(
        "name", ["django.request", "aiohttp.server", "falcon", "uvicorn.error", "gunicorn.error"]
    )
    def test_c2_known_loggers_add_none(self, harness: Harness, name: str) -> None:
        """C2: The loggers of known servers and frameworks give no event."""

        def fail(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError:
                logging.getLogger(name).exception("Internal Server Error: /orders/17")
                raise

        harness.serve(fail)
        harness.our_event()

    @pytest.mark.parametrize("behaviour", [behaviours.fails, behaviours.answers(503)])
    def test_c3_installed_twice_is_one_event(self, harness: Harness, behaviour: Behaviour) -> None:
        """C3: An adapter that is installed twice reports once."""
        harness.serve(behaviour, copies=2)
        harness.our_event()

    @pytest.mark.parametrize("behaviour", [behaviours.fails, behaviours.answers(503)])
    def test_c3_mounted_application_is_one_event(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """C3: An adapter in both an application and a mounted one reports once."""
        exchange = harness.serve(call=Call(path=MOUNT + PATH), mounted=harness.app(behaviour))
        assert exchange.status in {500, 503}
        harness.our_event()

    @requires("gateway")
    @pytest.mark.parametrize("behaviour", [behaviours.fails, behaviours.answers(503)])
    def test_c3_generic_middleware_around_is_one_event(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """C3: With the generic middleware around it, only the adapter reports."""
        harness.server.serve(harness.generic(harness.app(behaviour)), Call())
        harness.our_event()

    @requires("gateway")
    @pytest.mark.parametrize("behaviour", [behaviours.fails, behaviours.answers(503)])
    @pytest.mark.parametrize("bridge", ["a2wsgi", "asgiref"])
    def test_c3_behind_a_bridge_from_the_other_protocol_is_one_event(
        self, harness: Harness, behaviour: Behaviour, bridge: str
    ) -> None:
        """C3: Inside the generic middleware of the other protocol, only the adapter reports."""
        app = harness.app(behaviour)
        exchange = _bridges.serve(bridge, harness.driver.protocol, app)
        # Of two generic ones, the outer reports.
        is_generic = "route" in harness.driver.all_unsupported()
        event = harness.one_event() if is_generic else harness.our_event()
        assert _events.tags(event)["status_code"] == str(exchange.status)

    @requires("gateway")
    @pytest.mark.parametrize("bridge", ["a2wsgi", "asgiref"])
    def test_c3_good_request_behind_a_bridge_is_no_event(
        self, harness: Harness, bridge: str
    ) -> None:
        """C3: A good request behind a bridge gives no event."""
        exchange = _bridges.serve(bridge, harness.driver.protocol, harness.app())
        assert (exchange.status, exchange.body) == (200, b"ok")
        harness.no_event()

    def test_c3_same_path_of_another_application_is_another_request(self, harness: Harness) -> None:
        """C3: A handler that asks another application for its own path: two requests fail."""

        def ask(_request: Request) -> ResponseSpec:
            environ: dict[str, Any] = {"PATH_INFO": PATH}
            setup_testing_defaults(environ)
            SentryInitMiddleware(_unavailable)(environ, lambda *_: len)
            return ResponseSpec(503)

        harness.serve(ask)
        assert sorted(harness.titles) == sorted(
            ["HTTP 503 GET <unknown>", f"HTTP 503 GET {harness.route}"]
        )

    def test_c4_one_instance_raised_by_three_requests_is_three_events(
        self, harness: Harness
    ) -> None:
        """C4: One exception object, raised by three requests, gives three events."""
        error = behaviours.ShopError("made at import")
        app = harness.app(behaviours.raises(lambda: error))
        harness.server.serve(app, Call(), Call(), Call())
        assert harness.titles == ["ShopError: made at import"] * 3

    @requires("sdk-integration")
    def test_c5_integration_of_the_sdk_is_one_event_and_a_warning(self, harness: Harness) -> None:
        """C5: With sentry-sdk's own integration active: one warning, and one event."""
        result = _isolated.run("integration", harness.driver)
        assert len(result["titles"]) == 1, result["titles"]
        assert result["mechanism"] == harness.driver.name
        warned = [text for level, text in result["records"] if level == "WARNING"]
        assert len(warned) == 1, result["records"]
        assert all(name.partition(":")[2] in warned[0] for name in harness.driver.sdk_integrations)

    def test_c6_error_from_a_thread_is_one_event(self, harness: Harness) -> None:
        """C6: An exception that was raised in a thread gives one event."""
        harness.serve(behaviours.in_thread(behaviours.fails))
        harness.our_event()

    def test_c6_error_from_a_child_task_is_one_event(self, harness: Harness) -> None:
        """C6: An exception that was raised in a child task gives one event."""
        harness.serve(behaviours.in_task(behaviours.fails))
        harness.our_event()

    def test_c6_captured_in_a_child_task_and_raised_is_one_event(self, harness: Harness) -> None:
        """C6: An exception that is captured in a child task, and raised, gives one event."""
        harness.serve(behaviours.in_task(lambda: _captures_and_raises(None)))  # type: ignore[arg-type] # it does not look at its request
        harness.one_event()

    def test_c6_logged_in_a_thread_and_raised_is_one_event(self, harness: Harness) -> None:
        """C6: An exception that is logged in a thread, and raised, gives one event."""
        harness.serve(behaviours.in_thread(lambda: _logs_and_raises(None)))  # type: ignore[arg-type] # it does not look at its request
        harness.our_event()

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups are of Python 3.11")
    def test_c6_error_from_a_task_group_is_one_event(self, harness: Harness) -> None:
        """C6: An exception in a task group gives one event, which contains it."""
        harness.serve(behaviours.in_task_group)
        assert "ShopError" in _events.types(harness.our_event())
