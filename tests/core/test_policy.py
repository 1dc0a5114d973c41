"""What counts as a failure, as an abort, and as ignored: chains, aborts and ignore rules."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import io
import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentryinit._policy import ignore_rules
from sentryinit._policy.aborts import NO_REQUEST, RequestState, is_abort, raised_by
from sentryinit._policy.exceptions import (
    causes,
    exit_code,
    group_members,
    iter_chain,
    text_of,
    unwrap_response,
)
from sentryinit._policy.ignore_rules import IgnoreRules, matches

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup


class Gone(Exception):
    """A framework's exception for a client that disconnected."""


class Response(Exception):
    """A framework's exception that is a response."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Mute(Exception):
    """An exception whose __str__ raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def from_(exc: BaseException, cause: BaseException) -> BaseException:
    exc.__cause__ = cause
    return exc


def during(exc: BaseException, context: BaseException) -> BaseException:
    exc.__context__ = context
    return exc


def status_of(exc: BaseException) -> int | None:
    return exc.status if isinstance(exc, Response) else None


LEAVES: tuple[type[BaseException], ...] = (
    ValueError,
    ConnectionResetError,
    TimeoutError,
    asyncio.CancelledError,
    KeyboardInterrupt,
    GeneratorExit,
    SystemExit,
    Gone,
    RuntimeError,
)


@st.composite
def linked_exceptions(draw: st.DrawFn) -> BaseException:
    """Build exceptions with any links: chains, groups, and cycles through both."""
    made: list[BaseException] = [
        draw(st.sampled_from(LEAVES))("text") for _ in range(draw(st.integers(1, 5)))
    ]
    for _ in range(draw(st.integers(0, 3))):
        inside = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))
        made.append(BaseExceptionGroup("group", inside))
    for exc in made:
        for name in ("__cause__", "__context__"):
            link = draw(st.sampled_from([None, *made]))
            setattr(exc, name, link)
        exc.__suppress_context__ = draw(st.booleans())
    return draw(st.sampled_from(made))


# -- causes and groups -----------------------------------------------------------------------------


def test_cause_is_preferred_to_context() -> None:
    """If an exception has a cause, its context is ignored."""
    cause, context = ValueError(), KeyError()

    assert causes(during(from_(OSError(), cause), context)) == [cause]


def test_suppressed_context_is_ignored() -> None:
    """``raise X from None`` means that X has no cause."""
    exc = during(OSError(), KeyError())
    exc.__suppress_context__ = True

    assert causes(exc) == []


def test_members_are_the_causes_of_a_group() -> None:
    """The causes of a group are its members."""
    one, two = ValueError(), KeyError()

    assert causes(ExceptionGroup("both", [one, two])) == [one, two]


@pytest.mark.parametrize("value", [None, [ValueError()], ("text",), "text", 5])
def test_attribute_named_exceptions_makes_no_group(value: object) -> None:
    """An exception with an attribute ``exceptions`` of its own is no group."""
    exc = ValueError()
    exc.exceptions = value  # type: ignore[attr-defined] # the application's own

    assert group_members(exc) == ()


def test_iter_chain_yields_members_and_cause_of_a_group() -> None:
    """The chain of a group contains its cause as well as its members."""
    cause, member = KeyError(), ValueError()
    group = from_(ExceptionGroup("g", [member]), cause)

    assert set(map(id, iter_chain(group))) == {id(group), id(member), id(cause)}


@given(linked_exceptions())
def test_iter_chain_yields_each_exception_once(exc: BaseException) -> None:
    """With any links, cycles as well, iter_chain ends."""
    found = [id(link) for link in iter_chain(exc)]

    assert len(found) == len(set(found))


def test_unwrap_response_returns_the_cause() -> None:
    """An error that a response was raised from is the one to report."""
    error = ValueError()

    assert unwrap_response(from_(Response(503), error), status_of) is error


def test_unwrap_response_returns_the_context() -> None:
    """A response that was raised in an except block has the error as its context."""
    error = ValueError()

    assert unwrap_response(during(Response(503), error), status_of) is error


def test_unwrap_response_without_cause_is_none() -> None:
    """A response without cause or context is not an error."""
    assert unwrap_response(Response(503), status_of) is None


def test_unwrap_response_of_none_is_none() -> None:
    """Without an exception there is no error."""
    assert unwrap_response(None, status_of) is None


def test_unwrap_response_ends_in_a_cycle() -> None:
    """A cycle of responses contains no error."""
    one, two = Response(500), Response(503)
    one.__cause__, two.__cause__ = two, one

    assert unwrap_response(one, status_of) is None


# -- exit codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (SystemExit(), 0),
        (SystemExit(None), 0),
        (SystemExit(0), 0),
        (SystemExit(False), 0),  # False is 0
        (SystemExit(3), 3),
        (SystemExit("message"), 1),
        (SystemExit(""), 1),
        (ValueError(), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_exit_code(exc: BaseException, code: int | None) -> None:
    """The code is that of the interpreter; a text means 1."""
    assert exit_code(exc) == code


# -- aborts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "exc", [asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt(), SystemExit(0)]
)
def test_class_is_an_abort(exc: BaseException) -> None:
    """Cancellation, closing, interruption and a clean exit are aborts."""
    assert is_abort(exc)


@pytest.mark.parametrize(
    "exc",
    [
        ValueError(),
        SystemExit(3),
        SystemExit("text"),
        ConnectionResetError(),
        BrokenPipeError(),
        TimeoutError(),
        asyncio.TimeoutError(),
        concurrent.futures.TimeoutError(),
        RuntimeError("No response returned."),
    ],
)
def test_class_is_a_failure(exc: BaseException) -> None:
    """Other errors are failures, connection errors and timeouts included."""
    assert not is_abort(exc)


def test_subclass_of_an_abort_is_an_abort() -> None:
    """Libraries derive their own cancellations."""

    class Cancelled(asyncio.CancelledError):
        pass

    assert is_abort(Cancelled())


def test_adapter_s_abort_is_an_abort() -> None:
    """The classes that the adapter names are aborts."""
    assert is_abort(Gone(), RequestState(aborts=(Gone,)))


def test_adapter_s_abort_is_a_failure_without_the_adapter() -> None:
    """The same class is a failure if no adapter names it."""
    assert not is_abort(Gone())


@pytest.mark.parametrize(
    "abort", [asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt(), SystemExit()]
)
def test_error_raised_from_an_abort_is_an_abort(abort: BaseException) -> None:
    """An error whose cause is an abort is an abort."""
    assert is_abort(from_(RuntimeError("stopped"), abort))


def test_error_during_an_adapter_s_abort_is_an_abort() -> None:
    """An error whose context is an adapter's abort is an abort."""
    assert is_abort(during(RuntimeError("stopped"), Gone()), RequestState(aborts=(Gone,)))


def test_error_during_a_cancellation_is_a_failure() -> None:
    """Timeouts and task groups cancel too, so an error in the meantime is reported."""
    assert not is_abort(during(ValueError(), asyncio.CancelledError()))


def test_error_during_a_cancellation_is_an_abort_if_the_client_is_gone() -> None:
    """If the client is gone, the cancellation was caused by the client."""
    assert is_abort(during(ValueError(), asyncio.CancelledError()), RequestState(client_gone=True))


@pytest.mark.parametrize(
    "kind", [TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError]
)
def test_timeout_raised_from_a_cancellation_is_a_failure(kind: type[BaseException]) -> None:
    """asyncio.timeout() raises from the CancelledError that it causes itself."""
    assert not is_abort(from_(kind(), asyncio.CancelledError()))


def test_error_raised_from_a_timeout_is_a_failure() -> None:
    """The search for an abort stops at the timeout."""
    timeout = from_(TimeoutError(), asyncio.CancelledError())

    assert not is_abort(from_(RuntimeError(), timeout))


def test_timeout_of_wait_for_is_a_failure() -> None:
    """The exception that asyncio.wait_for() raises is a failure."""

    async def late() -> None:
        await asyncio.wait_for(asyncio.sleep(5), 0.001)

    with pytest.raises(asyncio.TimeoutError) as caught:
        asyncio.run(late())

    assert not is_abort(caught.value)


def test_group_of_aborts_is_an_abort() -> None:
    """A group is an abort if all its members are."""
    assert is_abort(BaseExceptionGroup("g", [asyncio.CancelledError(), GeneratorExit()]))


def test_group_with_an_error_is_a_failure() -> None:
    """One error in a group makes it a failure."""
    assert not is_abort(BaseExceptionGroup("g", [asyncio.CancelledError(), ValueError()]))


def test_nested_groups_are_judged_by_their_leaves() -> None:
    """A nested group is an abort if all its leaves are."""
    inner = BaseExceptionGroup("inner", [asyncio.CancelledError()])

    assert is_abort(BaseExceptionGroup("outer", [inner, GeneratorExit()]))


def test_error_raised_from_a_group_of_aborts_is_an_abort() -> None:
    """The search for an abort looks into groups as well."""
    group = BaseExceptionGroup("g", [asyncio.CancelledError()])

    assert is_abort(from_(RuntimeError(), group))


def test_error_raised_out_of_its_group_is_a_failure() -> None:
    """Starlette raises the only member of a group: a cycle through the group, and a failure."""
    error = ValueError("x")
    with pytest.raises(ValueError, match="x") as caught:  # noqa: PT012 # the ring takes a frame
        try:
            raise ExceptionGroup("g", [error])
        except ExceptionGroup as group:
            raise group.exceptions[0]  # noqa: B904 # as Starlette does

    assert not is_abort(caught.value)


def test_no_response_returned_is_an_abort_if_the_client_is_gone() -> None:
    """BaseHTTPMiddleware raises this if a disconnect stopped the application."""
    assert is_abort(RuntimeError("No response returned."), RequestState(client_gone=True))


def test_other_runtime_error_is_a_failure_if_the_client_is_gone() -> None:
    """Any other error is a failure, even if the client is gone."""
    assert not is_abort(RuntimeError("broken"), RequestState(client_gone=True))


@given(linked_exceptions())
def test_is_abort_never_raises(exc: BaseException) -> None:
    """With any links, is_abort returns a bool."""
    assert is_abort(exc, RequestState(aborts=(Gone,))) in {True, False}


@given(linked_exceptions())
def test_more_abort_classes_make_no_failure(exc: BaseException) -> None:
    """An abort stays one if an adapter names more classes."""
    assert not is_abort(exc) or is_abort(exc, RequestState(aborts=(Gone, ValueError)))


@given(linked_exceptions())
def test_client_gone_makes_no_failure(exc: BaseException) -> None:
    """An abort stays one if the client is gone."""
    assert not is_abort(exc) or is_abort(exc, RequestState(client_gone=True))


# -- origin ----------------------------------------------------------------------------------------


class Server:
    """Has a bound method, like uvicorn's request cycle."""

    def receive(self) -> None:
        raise ConnectionResetError("by peer")


def send(message: object = None, *rest: object) -> None:
    raise BrokenPipeError("by peer")


class Stream:
    """The input stream of a server."""

    def read(self) -> bytes:
        raise ConnectionResetError("by peer")


class Buffered:
    """A stream around another one, like werkzeug's around io.BufferedReader."""

    def __init__(self, raw: object) -> None:
        self.raw = raw


class Raw(io.RawIOBase):
    """A socket that the peer resets."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise ConnectionResetError("by peer")


def caught(function: Any) -> BaseException:
    try:
        function()
    except BaseException as exc:
        return exc
    raise AssertionError("raised nothing")


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(send, id="function"),
        pytest.param(Server().receive, id="method"),
        pytest.param(functools.partial(send, 1), id="partial"),
        pytest.param(functools.partial(functools.partial(send, 1), 2), id="partial of a partial"),
        pytest.param(functools.partial(Server().receive), id="partial of a method"),
    ],
)
def test_error_raised_by_a_server_s_callable(server: Any) -> None:
    """The traceback has a frame of the server's callable."""
    assert raised_by(caught(server), (server,))


def test_error_raised_by_a_server_s_coroutine() -> None:
    """The server's callables can be coroutine functions."""

    async def receive() -> None:
        raise ConnectionResetError

    assert raised_by(caught(lambda: asyncio.run(receive())), (receive,))


def test_error_of_the_same_class_raised_by_the_application() -> None:
    """A database that resets the connection is not the client."""

    def query() -> None:
        raise ConnectionResetError

    assert not raised_by(caught(query), (send, Server().receive, Stream()))


def test_error_raised_by_a_server_s_stream() -> None:
    """A stream is recognised as the ``self`` of a frame."""
    stream = Stream()

    assert raised_by(caught(stream.read), (stream,))


def test_error_raised_by_another_stream_of_the_same_class() -> None:
    """The object is compared, not its class: an upstream can be read through the same class."""
    assert not raised_by(caught(Stream().read), (Stream(),))


def test_error_raised_by_a_stream_behind_a_buffer() -> None:
    """A C buffer has no frame, but the stream that it reads has one."""
    raw = Raw()
    buffered = io.BufferedReader(raw)

    assert raised_by(caught(buffered.read), (buffered,))


def test_buffer_whose_raw_stream_is_not_in_the_traceback() -> None:
    """A buffer is not the origin if its raw stream is not in the traceback."""
    assert not raised_by(caught(Stream().read), (Buffered(Stream()),))


def test_uwsgi_s_stream_is_recognised_by_its_message() -> None:
    """UWSGI's stream is written in C and has no frame, but its message is known."""
    assert raised_by(OSError("error during read(12) on wsgi.input"), (object(),))


@pytest.mark.parametrize(
    ("exc", "server"),
    [
        (ValueError("error during read(12) on wsgi.input"), (object(),)),
        (OSError("error during read(12) on wsgi.input"), (send,)),
        (OSError("error during read(12) on wsgi.input"), ()),
        (OSError("error during read(12) on wsgi.input"), (None,)),
    ],
)
def test_uwsgi_s_message_needs_an_os_error_and_a_stream(
    exc: BaseException, server: tuple[object, ...]
) -> None:
    """The message counts only for an OSError, and only if the server has a stream."""
    assert not raised_by(exc, server)


def uwsgi_reads() -> None:
    raise OSError("error during read(12) on wsgi.input")


def uwsgi_writes() -> None:
    raise OSError("write error")


@pytest.mark.parametrize(
    ("exc", "request_", "verdict"),
    [
        (caught(uwsgi_reads), NO_REQUEST, True),
        # Where the request is known, its stream decides.
        (caught(uwsgi_reads), RequestState(server=(send,)), False),
        (OSError("write error"), NO_REQUEST, True),
        (OSError("write error"), RequestState(server=(object(),)), True),
        (OSError("no space left"), NO_REQUEST, False),
        # Python code raised it, so it is the application's.
        (caught(uwsgi_writes), NO_REQUEST, False),
        (BlockingIOError("write error"), NO_REQUEST, False),
    ],
)
def test_uwsgi_s_errors_without_a_request(
    exc: BaseException, request_: RequestState, verdict: bool
) -> None:
    """UWSGI passes them to sys.excepthook, where no request is known."""
    assert is_abort(exc, request_) is verdict


def test_exception_without_traceback_has_no_origin() -> None:
    """Without a traceback the origin is unknown."""
    assert not raised_by(OSError(), (send, Stream()))


def test_os_error_raised_by_the_server_is_an_abort() -> None:
    """A connection error that the server raised is an abort."""
    assert is_abort(caught(send), RequestState(server=(send,)))


def test_os_error_raised_by_the_application_is_a_failure() -> None:
    """A connection error that the application raised is a failure."""
    assert not is_abort(caught(send), RequestState(server=(Server().receive,)))


def test_other_error_raised_by_the_server_is_a_failure() -> None:
    """An error of another class is a bug in the server."""

    def broken() -> None:
        raise ValueError

    assert not is_abort(caught(broken), RequestState(server=(broken,)))


def test_error_raised_from_the_server_s_error_is_an_abort() -> None:
    """A library that wraps the server's error raises an abort."""

    def wraps() -> None:
        try:
            send()
        except OSError as error:
            raise RuntimeError("could not send") from error

    assert is_abort(caught(wraps), RequestState(server=(send,)))


# -- ignore lists ----------------------------------------------------------------------------------


class OutOfStock(LookupError):
    """An exception of the application."""

    class Inner(Exception):
        """Has a dotted qualified name."""


def test_class_matches_subclasses() -> None:
    """A class matches its subclasses."""
    assert matches(OutOfStock(), LookupError)


def test_class_does_not_match_other_classes() -> None:
    """A class does not match unrelated classes."""
    assert not matches(ValueError(), LookupError)


@pytest.mark.parametrize(
    "rule",
    [
        f"{__name__}.OutOfStock",
        "builtins.LookupError",
        "LookupError",
        "Exception",
        "builtins.Exception",
    ],
)
def test_dotted_name_matches_class_and_subclasses(rule: str) -> None:
    """A dotted name matches the class and its subclasses; a builtin needs no module."""
    assert matches(OutOfStock(), rule)


@pytest.mark.parametrize(
    "rule", ["OutOfStock", "no.such.OutOfStock", "os.path", "ValueError", "sys.modules", "."]
)
def test_name_of_another_object_matches_nothing(rule: str) -> None:
    """A name that is not one of the exception's classes matches nothing and does not raise."""
    assert not matches(OutOfStock(), rule)


def test_qualified_name_matches_a_nested_class() -> None:
    """The qualified name of a nested class contains dots."""
    assert matches(OutOfStock.Inner(), f"{__name__}.OutOfStock.Inner")


def test_public_alias_matches() -> None:
    """The documented name matches, although the class was defined in another module."""
    assert concurrent.futures.CancelledError.__module__ == "concurrent.futures._base"
    assert matches(concurrent.futures.CancelledError(), "concurrent.futures.CancelledError")


def test_name_is_not_imported() -> None:
    """A name in a module that is not imported matches nothing, and is not imported."""
    sys.modules.pop("this", None)

    assert not matches(ValueError(), "this.Error")
    assert "this" not in sys.modules


def test_name_matches_a_class_without_its_module() -> None:
    """The name of the class is enough."""
    vanished = type("Vanished", (Exception,), {"__module__": "plugins.vanished"})

    assert matches(vanished(), "plugins.vanished.Vanished")


@pytest.mark.parametrize("name", ["trio.Cancelled", "greenlet.GreenletExit"])
def test_default_list_matches_by_name(name: str) -> None:
    """Abandoned work is ignored by default."""
    module, _, attribute = name.rpartition(".")
    exc = type(attribute, (BaseException,), {"__module__": module})()

    assert IgnoreRules().ignores_error(exc)


def test_default_list_has_cancelled_futures() -> None:
    """A cancelled future is abandoned work."""
    assert IgnoreRules().ignores_error(concurrent.futures.CancelledError())


def test_other_errors_are_not_ignored_by_default() -> None:
    """Any other error is reported by default."""
    assert not IgnoreRules().ignores_error(ValueError())


def test_error_with_an_ignored_cause_is_ignored() -> None:
    """An error raised from an ignored one is ignored."""
    assert IgnoreRules([OutOfStock]).ignores_error(from_(RuntimeError(), OutOfStock()))


def test_error_with_an_ignored_context_is_not_ignored() -> None:
    """An error raised during an ignored one is reported."""
    assert not IgnoreRules([OutOfStock]).ignores_error(during(RuntimeError(), OutOfStock()))


def test_group_of_ignored_errors_is_ignored() -> None:
    """A group is ignored if all its members are."""
    assert IgnoreRules([OutOfStock, KeyError]).ignores_error(
        ExceptionGroup("g", [OutOfStock(), KeyError()])
    )


def test_group_with_one_ignored_error_is_not_ignored() -> None:
    """A group with another error in it is reported."""
    assert not IgnoreRules([OutOfStock]).ignores_error(
        ExceptionGroup("g", [OutOfStock(), ValueError()])
    )


def test_cause_that_is_a_group_of_ignored_errors_is_ignored() -> None:
    """The search for an ignored cause looks into groups."""
    group = ExceptionGroup("g", [OutOfStock()])

    assert IgnoreRules([OutOfStock]).ignores_error(from_(RuntimeError(), group))


def test_ignores_ends_in_a_cycle() -> None:
    """A cycle of causes ends."""
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one

    assert not IgnoreRules([OutOfStock]).ignores_error(one)


@pytest.mark.parametrize("pattern", ["out of", "^OutOfStock: ", "stock$"])
def test_message_pattern_is_searched_in_type_and_message(pattern: str) -> None:
    """The pattern is searched in "type: message"."""
    assert IgnoreRules(messages=[re.compile(pattern)]).ignores_error(OutOfStock("out of stock"))


@pytest.mark.parametrize("pattern", ["^out of", "OUT OF"])
def test_message_pattern_that_does_not_match(pattern: str) -> None:
    """Anchors and case have their usual meaning."""
    assert not IgnoreRules(messages=[re.compile(pattern)]).ignores_error(OutOfStock("out of stock"))


def test_message_pattern_matches_the_type_if_str_fails() -> None:
    """If __str__ raises, the pattern is searched in the type only."""
    assert IgnoreRules(messages=[re.compile("^Mute: $")]).ignores_error(Mute())


def test_text_of_an_exception_whose_str_fails() -> None:
    """If __str__ raises, text_of() does not."""
    assert text_of(Mute()) == ""


@pytest.mark.parametrize(
    ("status", "ignored"), [(503, True), (502, False), (520, True), (529, True), (530, False)]
)
def test_status_ranges_include_both_ends(
    status: int, ignored: bool
) -> None:  # a column of the table
    """A range of statuses includes both its ends."""
    assert (
        IgnoreRules(statuses=[range(503, 504), range(520, 530)]).ignores_status(status) is ignored
    )


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("/healthz", True),
        ("/healthz/", False),
        ("/Healthz", False),
        ("/internal/ready", True),
        ("/internal/a/b", True),
        ("/internal", False),
        ("/", False),
    ],
)
def test_paths_match_whole_and_by_case(path: str, ignored: bool) -> None:  # a column of the table
    """A path is compared as a whole and by case; a star matches any text."""
    assert IgnoreRules(paths=["/healthz", "/internal/*"]).ignores_path(path) is ignored


RULES = st.lists(
    st.sampled_from([ValueError, OSError, "TimeoutError", "builtins.OSError", f"{__name__}.Gone"]),
    max_size=4,
)
PATTERNS = st.lists(st.sampled_from([re.compile("text"), re.compile("^Gone")]), max_size=2)


@given(linked_exceptions(), RULES, RULES, PATTERNS, PATTERNS)
def test_another_rule_reports_nothing_more(
    exc: BaseException, rules: list[Any], more: list[Any], patterns: list[Any], others: list[Any]
) -> None:
    """Another entry in an ignore list never makes an ignored error an event."""
    before, after = IgnoreRules(rules, patterns), IgnoreRules(rules + more, patterns + others)

    assert not before.ignores_error(exc) or after.ignores_error(exc)


def test_cache_of_classes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are cached for a bounded number of classes."""
    monkeypatch.setattr(ignore_rules, "MAX_CLASSES", 1)
    rules = IgnoreRules(errors=(KeyError,))
    made = [type(f"Made{number}", (base,), {})() for number, base in enumerate((KeyError, OSError))]

    assert [rules.ignores_error(exc) for exc in [*made, *made]] == [True, False, True, False]
    assert len(rules._known) == 1
