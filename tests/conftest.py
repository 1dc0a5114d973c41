from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


def _encodable(value: Any) -> Any:
    """Return *value* with what UTF-8 cannot have in its texts written as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_encodable, value))
    return value


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let reports have lone surrogates in them: some cases send them, and frameworks log them."""
    return _encodable((yield))
