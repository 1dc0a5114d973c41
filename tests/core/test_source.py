"""Source lines around frames: the SDK's, for less."""

from __future__ import annotations

import linecache
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk

from sentryinit import testing
from sentryinit._events import source_context as _source

TEXT = [f"line {number}" for number in range(1, 21)]


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A file of twenty lines."""
    path = tmp_path / "shop.py"
    path.write_text("\n".join(TEXT) + "\n")
    return str(path)


def frame(**facts: Any) -> dict[str, Any]:
    return {"function": "buy", "module": "shop", **facts}


def added(*frames: Any, interface: str = "exception") -> list[Any]:
    _source.add_source_lines({interface: {"values": [{"stacktrace": {"frames": [*frames]}}]}})
    return [*frames]


def lines(one: dict[str, Any]) -> tuple[Any, Any, Any]:
    return one.get("pre_context"), one.get("context_line"), one.get("post_context")


@pytest.mark.parametrize(
    ("line", "span"),
    [(1, (0, 6)), (3, (0, 8)), (10, (4, 15)), (19, (13, 20)), (20, (14, 20))],
)
def test_five_lines_on_either_side(file: str, line: int, span: tuple[int, int]) -> None:
    """As many as there are."""
    (one,) = added(frame(abs_path=file, lineno=line))
    first, last = span

    assert lines(one) == (TEXT[first : line - 1], TEXT[line - 1], TEXT[line:last])


@pytest.mark.parametrize("line", [0, -1, 21, None, "3"])
def test_a_line_that_is_not_there(file: str, line: Any) -> None:
    """A file that has changed, or a frame that an application made up, stays as it is."""
    (one,) = added(frame(abs_path=file, lineno=line))

    assert lines(one) == (None, None, None)


@pytest.mark.parametrize("path", ["/nowhere/shop.py", "<made up>", None, 5])
def test_a_file_that_is_not_there(path: Any) -> None:
    """Likewise."""
    (one,) = added(frame(abs_path=path, lineno=1))

    assert lines(one) == (None, None, None)


def test_lines_that_are_there_are_kept(file: str) -> None:
    """What the SDK, or the application, has put into a frame stands."""
    (one,) = added(frame(abs_path=file, lineno=2, context_line="x = 1"))

    assert lines(one) == (None, "x = 1", None)


def test_lines_are_not_shared(file: str) -> None:
    """A hook may change the frame of one event."""
    (one,) = added(frame(abs_path=file, lineno=2))
    one["pre_context"].clear()
    (two,) = added(frame(abs_path=file, lineno=2))

    assert two["pre_context"] == ["line 1"]


def test_a_file_is_read_once(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that fails again costs a look."""
    added(frame(abs_path=file, lineno=7))
    monkeypatch.setattr(linecache, "getlines", lambda *_: [])
    (one,) = added(frame(abs_path=file, lineno=7))

    assert one["context_line"] == "line 7"


def test_places_without_end_are_not_remembered(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory for them has an end; the lines are there all the same."""
    monkeypatch.setattr(_source, "_known", {})
    monkeypatch.setattr(_source, "MAX_PLACES", 1)
    frames = added(*[frame(abs_path=file, lineno=line) for line in (1, 2)])

    assert [each["context_line"] for each in frames] == ["line 1", "line 2"]
    assert len(_source._known) == 1


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    """Minified code is one line."""
    path = tmp_path / "mini.py"
    path.write_text("x" * 5000)
    (one,) = added(frame(abs_path=str(path), lineno=1))

    assert one["context_line"] == "x" * _source.MAX_LENGTH


def test_code_from_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imported a module can say what is in it."""
    archive = tmp_path / "wheel.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("zipped_shop.py", "def buy():\n    return 1\n")
    monkeypatch.syspath_prepend(str(archive))
    import zipped_shop  # type: ignore[import-not-found] # made above

    (one,) = added(frame(abs_path=zipped_shop.__file__, module="zipped_shop", lineno=2))
    monkeypatch.delitem(sys.modules, "zipped_shop")

    assert one["context_line"] == "    return 1"


def test_every_stack_of_an_event_gets_its_lines(file: str) -> None:
    """Of exceptions, of threads, and that of the event itself; as a list or under ``values``."""
    frames = [frame(abs_path=file, lineno=line) for line in (1, 2, 3, 4)]
    stacks = [{"stacktrace": {"frames": [each]}} for each in frames]
    _source.add_source_lines(
        {"exception": [stacks[0]], "threads": {"values": [stacks[1]]}, **stacks[2]}
    )

    assert [each.get("context_line") for each in frames] == ["line 1", "line 2", "line 3", None]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"exception": None},
        {"exception": {"values": None}},
        {"exception": {"values": [None, {}, {"stacktrace": None}, {"stacktrace": {}}]}},
        {"threads": "text", "stacktrace": {"frames": [None, "text"]}},
    ],
)
def test_odd_events(event: dict[str, Any]) -> None:
    """What an application puts into an event may have any shape."""
    _source.add_source_lines(event)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_option(wanted: bool) -> None:
    """Lines are on every event, the application's own as well, unless switched off."""
    with testing.capture("shop", include_source_context=wanted) as box:
        try:
            raise ValueError("x")
        except ValueError as error:
            sentry_sdk.capture_exception(error)
    (one,) = box.events[0]["exception"]["values"][0]["stacktrace"]["frames"]

    assert one.get("context_line") == ('            raise ValueError("x")' if wanted else None)


def test_a_module_without_a_place() -> None:
    """A module that is in ``sys.modules`` and nowhere else has no lines."""
    sys.modules["made_up_shop"] = types.ModuleType("made_up_shop")
    (one,) = added(frame(abs_path="/made/up.py", module="made_up_shop", lineno=1))
    del sys.modules["made_up_shop"]

    assert lines(one) == (None, None, None)
