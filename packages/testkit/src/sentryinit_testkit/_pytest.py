"""The pytest plugin of the testkit: reports of cases can cross from a pytest-xdist worker."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Escape lone surrogates in reports.

    The cases of G5 send them, frameworks log them, and pytest-xdist sends the log to its main
    process as UTF-8, which cannot encode them: the whole run would end with an ``INTERNALERROR``.
    """
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_encodable, value))
    return value
