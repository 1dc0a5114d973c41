"""Source lines of frames, cheaper than the SDK's."""

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
from sentryinit._events import source_context

TEXT = [f"line {number}" for number in range(1, 21)]


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return the path of a file of twenty lines."""
    path = tmp_path / "shop.py"
    path.write_text("\n".join(TEXT) + "\n")
    return str(path)


def frame(**facts: Any) -> dict[str, Any]:
    return {"function": "buy", "module": "shop", **facts}


def added(*frames: Any, interface: str = "exception") -> list[Any]:
    source_context.add_source_lines(
        {interface: {"values": [{"stacktrace": {"frames": [*frames]}}]}}
    )
    return [*frames]


def lines(one: dict[str, Any]) -> tuple[Any, Any, Any]:
    return one.get("pre_context"), one.get("context_line"), one.get("post_context")


@pytest.mark.parametrize(
    ("line", "span"),
    [(1, (0, 6)), (3, (0, 8)), (10, (4, 15)), (19, (13, 20)), (20, (14, 20))],
)
def test_five_lines_before_and_after(file: str, line: int, span: tuple[int, int]) -> None:
    """A frame has up to five lines before and after its line."""
    (one,) = added(frame(abs_path=file, lineno=line))
    first, last = span

    assert lines(one) == (TEXT[first : line - 1], TEXT[line - 1], TEXT[line:last])


@pytest.mark.parametrize("line", [0, -1, 21, None, "3"])
def test_missing_line_leaves_the_frame_unchanged(file: str, line: Any) -> None:
    """A line number beyond the end of the file leaves the frame unchanged."""
    (one,) = added(frame(abs_path=file, lineno=line))

    assert lines(one) == (None, None, None)


@pytest.mark.parametrize("path", ["/nowhere/shop.py", "<made up>", None, 5])
def test_missing_file_leaves_the_frame_unchanged(path: Any) -> None:
    """A file that does not exist leaves the frame unchanged."""
    (one,) = added(frame(abs_path=path, lineno=1))

    assert lines(one) == (None, None, None)


def test_existing_lines_are_kept(file: str) -> None:
    """Lines that the SDK or the application has set are kept."""
    (one,) = added(frame(abs_path=file, lineno=2, context_line="x = 1"))

    assert lines(one) == (None, "x = 1", None)


def test_lines_are_not_shared(file: str) -> None:
    """Two frames do not share their lists, because a hook may change one."""
    (one,) = added(frame(abs_path=file, lineno=2))
    one["pre_context"].clear()
    (two,) = added(frame(abs_path=file, lineno=2))

    assert two["pre_context"] == ["line 1"]


def test_file_is_read_once(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of a place are cached."""
    added(frame(abs_path=file, lineno=7))
    monkeypatch.setattr(linecache, "getlines", lambda *_: [])
    (one,) = added(frame(abs_path=file, lineno=7))

    assert one["context_line"] == "line 7"


def test_cache_of_places_is_bounded(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the size of the cache, the lines are read again."""
    monkeypatch.setattr(source_context, "_known", {})
    monkeypatch.setattr(source_context, "MAX_PLACES", 1)
    frames = added(*[frame(abs_path=file, lineno=line) for line in (1, 2)])

    assert [each["context_line"] for each in frames] == ["line 1", "line 2"]
    assert len(source_context._known) == 1


def test_long_line_is_truncated(tmp_path: Path) -> None:
    """Minified code can be one long line."""
    path = tmp_path / "mini.py"
    path.write_text("x" * 5000)
    (one,) = added(frame(abs_path=str(path), lineno=1))

    assert one["context_line"] == "x" * source_context.MAX_LENGTH


def test_lines_of_a_module_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module's loader gives the lines."""
    archive = tmp_path / "wheel.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("zipped_shop.py", "def buy():\n    return 1\n")
    monkeypatch.syspath_prepend(str(archive))
    import zipped_shop  # type: ignore[import-not-found] # made above

    (one,) = added(frame(abs_path=zipped_shop.__file__, module="zipped_shop", lineno=2))
    monkeypatch.delitem(sys.modules, "zipped_shop")

    assert one["context_line"] == "    return 1"


def test_every_stack_of_an_event_gets_its_lines(file: str) -> None:
    """Exceptions, threads and the event's own stack trace get lines, in both notations."""
    frames = [frame(abs_path=file, lineno=line) for line in (1, 2, 3, 4)]
    stacks = [{"stacktrace": {"frames": [each]}} for each in frames]
    source_context.add_source_lines(
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
def test_malformed_events_are_accepted(event: dict[str, Any]) -> None:
    """An event of the application can have any shape."""
    source_context.add_source_lines(event)


@pytest.mark.parametrize("wanted", [True, False])
def test_include_source_context(wanted: bool) -> None:
    """Every event has source lines, unless the option is off."""
    with testing.capture("shop", include_source_context=wanted) as box:
        try:
            raise ValueError("x")
        except ValueError as error:
            sentry_sdk.capture_exception(error)
    (one,) = box.events[0]["exception"]["values"][0]["stacktrace"]["frames"]

    assert one.get("context_line") == ('            raise ValueError("x")' if wanted else None)


def test_module_without_a_file_has_no_lines() -> None:
    """A module that exists only in ``sys.modules`` has no lines."""
    sys.modules["made_up_shop"] = types.ModuleType("made_up_shop")
    (one,) = added(frame(abs_path="/made/up.py", module="made_up_shop", lineno=1))
    del sys.modules["made_up_shop"]

    assert lines(one) == (None, None, None)
