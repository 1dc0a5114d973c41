"""What is a failure, what an abort, what is ignored: exceptions in, a verdict out."""

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
    """A framework's own for a client that went away."""


class Response(Exception):
    """A framework's own that is an answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Mute(Exception):
    """Cannot say what it is."""

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
def webs(draw: st.DrawFn) -> BaseException:
    """Exceptions that are linked in any way: chains, groups, rings through both."""
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


# -- what an exception came from -----------------------------------------------------------------


def test_the_cause_goes_before_the_context() -> None:
    """What an error was raised from says more than what it was raised during."""
    cause, context = ValueError(), KeyError()

    assert causes(during(from_(OSError(), cause), context)) == [cause]


def test_a_context_that_was_suppressed_does_not_count() -> None:
    """`raise X from None` says that X did not come from anything."""
    exc = during(OSError(), KeyError())
    exc.__suppress_context__ = True

    assert causes(exc) == []


def test_a_group_comes_from_its_members() -> None:
    """A group stands for what is in it."""
    one, two = ValueError(), KeyError()

    assert causes(ExceptionGroup("both", [one, two])) == [one, two]


@pytest.mark.parametrize("value", [None, [ValueError()], ("text",), "text", 5])
def test_an_attribute_called_exceptions_makes_no_group(value: object) -> None:
    """An exception that has such an attribute for reasons of its own is none."""
    exc = ValueError()
    exc.exceptions = value  # type: ignore[attr-defined] # the application's own

    assert group_members(exc) == ()


def test_a_tree_has_the_cause_of_a_group_as_well() -> None:
    """A group's own cause is part of the story beside its group_members."""
    cause, member = KeyError(), ValueError()
    group = from_(ExceptionGroup("g", [member]), cause)

    assert set(map(id, iter_chain(group))) == {id(group), id(member), id(cause)}


@given(webs())
def test_a_tree_yields_each_exception_once(exc: BaseException) -> None:
    """Whatever the links, and be they rings, a tree ends."""
    found = [id(link) for link in iter_chain(exc)]

    assert len(found) == len(set(found))


def test_the_real_error_behind_a_response() -> None:
    """A response that was raised because of an error is not the evidence: the error is."""
    error = ValueError()

    assert unwrap_response(from_(Response(503), error), status_of) is error


def test_the_real_error_during_which_a_response_was_raised() -> None:
    """It need not be raised from the error: in an except block is enough."""
    error = ValueError()

    assert unwrap_response(during(Response(503), error), status_of) is error


def test_a_response_alone_has_no_error_behind_it() -> None:
    """A response that nothing led to is an answer, no error."""
    assert unwrap_response(Response(503), status_of) is None


def test_no_exception_has_no_error_behind_it() -> None:
    """Nothing comes from nothing."""
    assert unwrap_response(None, status_of) is None


def test_responses_in_a_ring_have_no_error_behind_them() -> None:
    """A ring of responses ends."""
    one, two = Response(500), Response(503)
    one.__cause__, two.__cause__ = two, one

    assert unwrap_response(one, status_of) is None


# -- exit codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (SystemExit(), 0),
        (SystemExit(None), 0),
        (SystemExit(0), 0),
        (SystemExit(False), 0),  # what it is about
        (SystemExit(3), 3),
        (SystemExit("message"), 1),
        (SystemExit(""), 1),
        (ValueError(), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_the_exit_code(exc: BaseException, code: int | None) -> None:
    """The code is what the interpreter would exit with; a text makes it 1."""
    assert exit_code(exc) == code


# -- aborts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "exc", [asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt(), SystemExit(0)]
)
def test_an_abort_by_its_class(exc: BaseException) -> None:
    """Cancellation, closing, interruption and a clean exit are nobody's failure."""
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
def test_a_failure_by_its_class(exc: BaseException) -> None:
    """An error is a failure, a connection's and a timeout included, unless more is known."""
    assert not is_abort(exc)


def test_a_subclass_of_an_abort_is_one() -> None:
    """Libraries derive their own cancellations."""

    class Cancelled(asyncio.CancelledError):
        pass

    assert is_abort(Cancelled())


def test_a_framework_s_own_abort() -> None:
    """What the adapter names as a client that went away is an abort."""
    assert is_abort(Gone(), RequestState(aborts=(Gone,)))


def test_a_framework_s_own_abort_is_an_error_elsewhere() -> None:
    """The same class is a failure where no adapter names it."""
    assert not is_abort(Gone())


@pytest.mark.parametrize(
    "abort", [asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt(), SystemExit()]
)
def test_an_error_raised_from_an_abort_is_one(abort: BaseException) -> None:
    """An error that exists only because of an abort is one."""
    assert is_abort(from_(RuntimeError("stopped"), abort))


def test_an_error_raised_while_a_client_was_leaving_is_an_abort() -> None:
    """What a framework's abort is the context of, it is the reason of."""
    assert is_abort(during(RuntimeError("stopped"), Gone()), RequestState(aborts=(Gone,)))


def test_an_error_that_happened_during_a_cancellation_is_a_failure() -> None:
    """Timeouts and task groups cancel too: what broke meanwhile is news."""
    assert not is_abort(during(ValueError(), asyncio.CancelledError()))


def test_an_error_during_a_cancellation_counts_for_little_once_the_client_is_gone() -> None:
    """A cancellation is the client's doing if the client is known to have left."""
    assert is_abort(during(ValueError(), asyncio.CancelledError()), RequestState(client_gone=True))


@pytest.mark.parametrize(
    "kind", [TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError]
)
def test_a_timeout_from_a_cancellation_is_a_failure(kind: type[BaseException]) -> None:
    """asyncio.timeout() raises from the CancelledError that it causes itself."""
    assert not is_abort(from_(kind(), asyncio.CancelledError()))


def test_an_error_from_such_a_timeout_is_a_failure() -> None:
    """The timeout ends the way back to the cancellation."""
    timeout = from_(TimeoutError(), asyncio.CancelledError())

    assert not is_abort(from_(RuntimeError(), timeout))


def test_a_real_timeout_of_wait_for_is_a_failure() -> None:
    """The exception that asyncio itself raises at a timeout is a failure."""

    async def late() -> None:
        await asyncio.wait_for(asyncio.sleep(5), 0.001)

    with pytest.raises(asyncio.TimeoutError) as caught:
        asyncio.run(late())

    assert not is_abort(caught.value)


def test_a_group_of_aborts_is_one() -> None:
    """All that is in it gave up, so it did."""
    assert is_abort(BaseExceptionGroup("g", [asyncio.CancelledError(), GeneratorExit()]))


def test_a_mixed_group_is_a_failure() -> None:
    """One error in a group makes it a failure."""
    assert not is_abort(BaseExceptionGroup("g", [asyncio.CancelledError(), ValueError()]))


def test_groups_in_groups() -> None:
    """The verdict on a group is that on all its leaves."""
    inner = BaseExceptionGroup("inner", [asyncio.CancelledError()])

    assert is_abort(BaseExceptionGroup("outer", [inner, GeneratorExit()]))


def test_an_error_from_a_group_of_aborts_is_an_abort() -> None:
    """A chain leads into a group as well."""
    group = BaseExceptionGroup("g", [asyncio.CancelledError()])

    assert is_abort(from_(RuntimeError(), group))


def test_a_member_raised_out_of_its_group_is_what_it_is() -> None:
    """Starlette takes the only member out: a ring through the group, and an ordinary error."""
    error = ValueError("x")
    with pytest.raises(ValueError, match="x") as caught:  # noqa: PT012 # the ring takes a frame
        try:
            raise ExceptionGroup("g", [error])
        except ExceptionGroup as group:
            raise group.exceptions[0]  # noqa: B904 # as Starlette does

    assert not is_abort(caught.value)


def test_no_response_returned_is_an_abort_once_the_client_is_gone() -> None:
    """BaseHTTPMiddleware's complaint about an application that a disconnect stopped."""
    assert is_abort(RuntimeError("No response returned."), RequestState(client_gone=True))


def test_another_runtime_error_is_a_failure_though_the_client_is_gone() -> None:
    """That a client left does not excuse what broke."""
    assert not is_abort(RuntimeError("broken"), RequestState(client_gone=True))


@given(webs())
def test_the_verdict_on_any_web_is_given(exc: BaseException) -> None:
    """Whatever the links, is_abort answers, and raises nothing."""
    assert is_abort(exc, RequestState(aborts=(Gone,))) in {True, False}


@given(webs())
def test_more_aborts_make_no_failure(exc: BaseException) -> None:
    """What is an abort stays one when an adapter names more classes."""
    assert not is_abort(exc) or is_abort(exc, RequestState(aborts=(Gone, ValueError)))


@given(webs())
def test_a_client_that_left_makes_no_failure(exc: BaseException) -> None:
    """What is an abort stays one when the client is known to have left."""
    assert not is_abort(exc) or is_abort(exc, RequestState(client_gone=True))


# -- origin --------------------------------------------------------------------------------------


class Server:
    """Has a bound method, as uvicorn's cycle."""

    def receive(self) -> None:
        raise ConnectionResetError("by peer")


def send(message: object = None, *rest: object) -> None:
    raise BrokenPipeError("by peer")


class Stream:
    """A server's input."""

    def read(self) -> bytes:
        raise ConnectionResetError("by peer")


class Buffered:
    """A server's input around another, as werkzeug's around io.BufferedReader."""

    def __init__(self, raw: object) -> None:
        self.raw = raw


class Raw(io.RawIOBase):
    """A socket whose peer resets."""

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
def test_an_error_of_a_server_s_callable(server: Any) -> None:
    """The frame of a server's callable in the traceback tells."""
    assert raised_by(caught(server), (server,))


def test_an_async_callable_of_the_server() -> None:
    """Servers' callables are coroutine functions."""

    async def receive() -> None:
        raise ConnectionResetError

    assert raised_by(caught(lambda: asyncio.run(receive())), (receive,))


def test_the_same_class_from_the_application() -> None:
    """A database that resets the connection is not the client."""

    def query() -> None:
        raise ConnectionResetError

    assert not raised_by(caught(query), (send, Server().receive, Stream()))


def test_an_error_of_a_server_s_stream() -> None:
    """A stream is known by being some frame's self."""
    stream = Stream()

    assert raised_by(caught(stream.read), (stream,))


def test_another_stream_of_the_same_class_is_the_application_s() -> None:
    """The object counts, not its class: an upstream may be read through the same one."""
    assert not raised_by(caught(Stream().read), (Stream(),))


def test_a_stream_behind_a_buffer() -> None:
    """A C buffer leaves no frame; what it reads from does."""
    raw = Raw()
    buffered = io.BufferedReader(raw)

    assert raised_by(caught(buffered.read), (buffered,))


def test_a_stream_with_raw_that_is_not_in_the_traceback() -> None:
    """A buffer whose source raised nothing is not to blame."""
    assert not raised_by(caught(Stream().read), (Buffered(Stream()),))


def test_uwsgi_s_stream_by_its_message() -> None:
    """UWSGI's stream is C and leaves no frame, but says what it is."""
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
def test_that_message_elsewhere(exc: BaseException, server: tuple[object, ...]) -> None:
    """The message counts for an OSError and where the server has a stream."""
    assert not raised_by(exc, server)


def uwsgi_reads() -> None:
    raise OSError("error during read(12) on wsgi.input")


def uwsgi_writes() -> None:
    raise OSError("write error")


@pytest.mark.parametrize(
    ("exc", "request_", "verdict"),
    [
        (caught(uwsgi_reads), NO_REQUEST, True),
        # Where the request is known, its stream tells.
        (caught(uwsgi_reads), RequestState(server=(send,)), False),
        (OSError("write error"), NO_REQUEST, True),
        (OSError("write error"), RequestState(server=(object(),)), True),
        (OSError("no space left"), NO_REQUEST, False),
        # Python code has raised it: it is the application's.
        (caught(uwsgi_writes), NO_REQUEST, False),
        (BlockingIOError("write error"), NO_REQUEST, False),
    ],
)
def test_uwsgi_s_errors_after_the_application(
    exc: BaseException, request_: RequestState, verdict: bool
) -> None:
    """UWSGI hands them to the hook for uncaught exceptions: no request is known by then."""
    assert is_abort(exc, request_) is verdict


def test_an_exception_that_was_never_raised() -> None:
    """Without a traceback there is no origin."""
    assert not raised_by(OSError(), (send, Stream()))


def test_an_os_error_of_the_server_is_an_abort() -> None:
    """Origin makes an abort of a connection error."""
    assert is_abort(caught(send), RequestState(server=(send,)))


def test_an_os_error_of_the_application_is_a_failure() -> None:
    """The same class elsewhere is a failure."""
    assert not is_abort(caught(send), RequestState(server=(Server().receive,)))


def test_another_error_of_the_server_s_callable_is_a_failure() -> None:
    """A bug in a server is no client that left."""

    def broken() -> None:
        raise ValueError

    assert not is_abort(caught(broken), RequestState(server=(broken,)))


def test_an_error_raised_from_the_server_s() -> None:
    """A library that wraps the client's reset gives an abort."""

    def wraps() -> None:
        try:
            send()
        except OSError as error:
            raise RuntimeError("could not send") from error

    assert is_abort(caught(wraps), RequestState(server=(send,)))


# -- ignore lists --------------------------------------------------------------------------------


class OutOfStock(LookupError):
    """The application's own."""

    class Inner(Exception):
        """With a dotted qualified name."""


def test_a_rule_that_is_a_class() -> None:
    """A class stands for its subclasses too."""
    assert matches(OutOfStock(), LookupError)


def test_a_rule_that_is_another_class() -> None:
    """A class stands for no others."""
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
def test_a_rule_that_is_a_name(rule: str) -> None:
    """A dotted name stands for its class and the subclasses; a builtin needs no dots."""
    assert matches(OutOfStock(), rule)


@pytest.mark.parametrize(
    "rule", ["OutOfStock", "no.such.OutOfStock", "os.path", "ValueError", "sys.modules", "."]
)
def test_a_rule_that_names_something_else(rule: str) -> None:
    """A name that is no class of the exception's matches nothing and raises nothing."""
    assert not matches(OutOfStock(), rule)


def test_a_rule_by_a_nested_class_s_name() -> None:
    """A qualified name has dots of its own."""
    assert matches(OutOfStock.Inner(), f"{__name__}.OutOfStock.Inner")


def test_a_rule_by_a_public_alias() -> None:
    """The name that is documented counts, wherever the class was defined."""
    assert concurrent.futures.CancelledError.__module__ == "concurrent.futures._base"
    assert matches(concurrent.futures.CancelledError(), "concurrent.futures.CancelledError")


def test_a_rule_imports_nothing() -> None:
    """A name whose module nobody has imported matches nothing, and stays unimported."""
    sys.modules.pop("this", None)

    assert not matches(ValueError(), "this.Error")
    assert "this" not in sys.modules


def test_a_rule_matches_a_class_whose_module_is_gone() -> None:
    """The name that a class bears is enough."""
    vanished = type("Vanished", (Exception,), {"__module__": "plugins.vanished"})

    assert matches(vanished(), "plugins.vanished.Vanished")


@pytest.mark.parametrize("name", ["trio.Cancelled", "greenlet.GreenletExit"])
def test_the_default_list_by_name(name: str) -> None:
    """Work that was given up is ignored without a word of configuration."""
    module, _, attribute = name.rpartition(".")
    exc = type(attribute, (BaseException,), {"__module__": module})()

    assert IgnoreRules().ignores_error(exc)


def test_the_default_list_has_futures() -> None:
    """A future that was cancelled is work given up."""
    assert IgnoreRules().ignores_error(concurrent.futures.CancelledError())


def test_nothing_else_is_ignored_by_default() -> None:
    """An error is news unless somebody said otherwise."""
    assert not IgnoreRules().ignores_error(ValueError())


def test_an_ignored_cause() -> None:
    """An error that was raised from an ignored one is ignored."""
    assert IgnoreRules([OutOfStock]).ignores_error(from_(RuntimeError(), OutOfStock()))


def test_an_ignored_context() -> None:
    """An error that an ignored one was merely there for is news of its own."""
    assert not IgnoreRules([OutOfStock]).ignores_error(during(RuntimeError(), OutOfStock()))


def test_a_group_of_ignored_ones() -> None:
    """A group is ignored if all of it is."""
    assert IgnoreRules([OutOfStock, KeyError]).ignores_error(
        ExceptionGroup("g", [OutOfStock(), KeyError()])
    )


def test_a_group_with_an_ignored_one() -> None:
    """A group with something else in it is news."""
    assert not IgnoreRules([OutOfStock]).ignores_error(
        ExceptionGroup("g", [OutOfStock(), ValueError()])
    )


def test_a_group_that_is_a_cause() -> None:
    """Causes lead into groups."""
    group = ExceptionGroup("g", [OutOfStock()])

    assert IgnoreRules([OutOfStock]).ignores_error(from_(RuntimeError(), group))


def test_a_ring_of_causes() -> None:
    """A ring ends."""
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one

    assert not IgnoreRules([OutOfStock]).ignores_error(one)


@pytest.mark.parametrize("pattern", ["out of", "^OutOfStock: ", "stock$"])
def test_a_message_pattern(pattern: str) -> None:
    """A pattern is searched in type and message."""
    assert IgnoreRules(messages=[re.compile(pattern)]).ignores_error(OutOfStock("out of stock"))


@pytest.mark.parametrize("pattern", ["^out of", "OUT OF"])
def test_a_message_pattern_that_is_not_found(pattern: str) -> None:
    """Anchors and case mean what they mean everywhere."""
    assert not IgnoreRules(messages=[re.compile(pattern)]).ignores_error(OutOfStock("out of stock"))


def test_a_message_pattern_on_an_exception_without_text() -> None:
    """An exception that cannot say anything is matched by its type."""
    assert IgnoreRules(messages=[re.compile("^Mute: $")]).ignores_error(Mute())


def test_the_text_of_an_exception_that_has_none() -> None:
    """Somebody else's __str__ may fail; nothing comes of it."""
    assert text_of(Mute()) == ""


@pytest.mark.parametrize(
    ("status", "ignored"), [(503, True), (502, False), (520, True), (529, True), (530, False)]
)
def test_statuses(status: int, ignored: bool) -> None:  # a column of the table
    """Spans have both their ends."""
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
def test_paths(path: str, ignored: bool) -> None:  # a column of the table
    """A path is compared whole and by case; a star stands for any text."""
    assert IgnoreRules(paths=["/healthz", "/internal/*"]).ignores_path(path) is ignored


RULES = st.lists(
    st.sampled_from([ValueError, OSError, "TimeoutError", "builtins.OSError", f"{__name__}.Gone"]),
    max_size=4,
)
PATTERNS = st.lists(st.sampled_from([re.compile("text"), re.compile("^Gone")]), max_size=2)


@given(webs(), RULES, RULES, PATTERNS, PATTERNS)
def test_a_rule_more_reports_nothing_more(
    exc: BaseException, rules: list[Any], more: list[Any], patterns: list[Any], others: list[Any]
) -> None:
    """Adding to an ignore list never makes an event of what was ignored."""
    before, after = IgnoreRules(rules, patterns), IgnoreRules(rules + more, patterns + others)

    assert not before.ignores_error(exc) or after.ignores_error(exc)


def test_classes_without_end_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts are kept for so many classes; the others are judged anew."""
    monkeypatch.setattr(ignore_rules, "MAX_CLASSES", 1)
    rules = IgnoreRules(errors=(KeyError,))
    made = [type(f"Made{number}", (base,), {})() for number, base in enumerate((KeyError, OSError))]

    assert [rules.ignores_error(exc) for exc in [*made, *made]] == [True, False, True, False]
    assert len(rules._known) == 1
