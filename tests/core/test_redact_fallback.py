"""fallback_event(): the event that is sent if masking or a hook fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentryinit._redaction.fallback import fallback_event

FULL = {
    "event_id": "e" * 32,
    "timestamp": "2026-01-02T03:04:05Z",
    "level": "error",
    "platform": "python",
    "release": "1.2",
    "environment": "production",
    "server_name": "shop",
    "message": "SECRET",
    "transaction": "SECRET",
    "logentry": {"message": "SECRET"},
    "request": {"url": "SECRET"},
    "user": {"id": "SECRET"},
    "extra": {"SECRET": "SECRET"},
    "contexts": {"a": {"b": "SECRET"}},
    "breadcrumbs": {"values": [{"message": "SECRET"}]},
    "tags": {"service": "shop", "status_code": "500", "other": "SECRET"},
    "exception": {
        "values": [
            {
                "type": "ValueError",
                "module": "builtins",
                "value": "SECRET",
                "mechanism": {"type": "wsgi", "handled": False, "data": {"a": "SECRET"}},
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "app.py",
                            "function": "view",
                            "module": "app",
                            "lineno": 7,
                            "in_app": True,
                            "abs_path": "SECRET",
                            "context_line": "SECRET",
                            "pre_context": ["SECRET"],
                            "vars": {"a": "SECRET"},
                        }
                    ]
                },
            }
        ]
    },
}


def test_a_fallback_event() -> None:
    """It has the place and the type of the error, and no text of the application."""
    assert fallback_event(FULL, "redaction_error") == {
        "event_id": "e" * 32,
        "timestamp": "2026-01-02T03:04:05Z",
        "level": "error",
        "platform": "python",
        "release": "1.2",
        "environment": "production",
        "server_name": "shop",
        "tags": {"service": "shop", "status_code": "500", "redaction_error": "true"},
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "module": "builtins",
                    "value": "details withheld",
                    "mechanism": {"type": "wsgi", "handled": False},
                    "stacktrace": {
                        "frames": [
                            {
                                "filename": "app.py",
                                "function": "view",
                                "module": "app",
                                "lineno": 7,
                                "in_app": True,
                            }
                        ]
                    },
                }
            ]
        },
    }


def test_a_fallback_event_for_a_message() -> None:
    """Without an exception it has a fixed text: backends require one."""
    assert fallback_event({"message": "SECRET", "level": "error"}, "report_error") == {
        "level": "error",
        "tags": {"report_error": "true"},
        "logentry": {"message": "details withheld", "formatted": "details withheld"},
    }


def test_exceptions_as_a_plain_list() -> None:
    """Events may have their exceptions in a list, without ``values`` around it."""
    small = fallback_event({"exception": [{"type": "ValueError"}]}, "x")

    assert small["exception"] == {
        "values": [
            {
                "type": "ValueError",
                "value": "details withheld",
                "mechanism": {"type": "generic"},
            }
        ]
    }


class Hostile(dict[str, Any]):
    """A mapping that cannot be read."""

    def get(self, *_: object) -> Any:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "event", [None, True, "text", [], 5, object(), Hostile(), {"tags": Hostile()}]
)
def test_a_fallback_event_for_no_event(event: object) -> None:
    """Whatever a hook returns instead of an event, there is a fallback event."""
    assert fallback_event(event, "x") == {
        "tags": {"x": "true"},
        "logentry": {"message": "details withheld", "formatted": "details withheld"},
    }


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_like = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
keys = st.sampled_from(
    [*FULL, "values", "type", "mechanism", "stacktrace", "frames", "filename", "service"]
)


@given(st.dictionaries(keys, json_like | st.dictionaries(keys, json_like, max_size=3), max_size=6))
def test_a_fallback_event_for_anything(event: dict[str, Any]) -> None:
    """fallback_event() never raises, and the result has the reason as a tag."""
    small = fallback_event(event, "redaction_error")

    assert small["tags"]["redaction_error"] == "true"
    assert "exception" in small or "logentry" in small


def test_a_fallback_event_is_small_and_has_no_text_of_the_application() -> None:
    """G5: types, names and files are what code can be called; the last exceptions and frames."""
    frame = {"filename": "/home/ann@shop.example/password=S.py", "function": "view"}
    exception = {"type": "Lost ann@shop.example", "stacktrace": {"frames": [frame] * 1000}}
    event = {"level": "S", "release": "shop@1.2", "exception": {"values": [exception] * 1000}}
    made = fallback_event(event, "redaction_error")

    values = made["exception"]["values"]
    assert (made["release"], "level" in made) == ("shop@1.2", False)
    assert (len(values), len(values[0]["stacktrace"]["frames"])) == (50, 50)
    assert "type" not in values[0]
    assert values[0]["stacktrace"]["frames"][0] == {"function": "view"}
