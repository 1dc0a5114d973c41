from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item) -> Generator[None, Any, Any]:
    """Name the main thread after the test: pytest-timeout prints the names of threads."""
    threading.main_thread().name = f"MainThread, {item.nodeid}"
    return (yield)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_cancel_timer() -> Generator[None, Any, Any]:
    """Give the main thread its usual name."""
    threading.main_thread().name = "MainThread"
    return (yield)
