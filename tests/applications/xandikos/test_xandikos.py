"""Xandikos: a calendar server on aiohttp, which starts its own ``AppRunner``, below ``run``."""

from __future__ import annotations

from pathlib import Path

import pytest
from real import Application, appointment, summary, wiring

from harness.sink import Event

CALENDAR = "/user/calendars/calendar"
XML = {"Content_Type": "text/xml", "Depth": "1"}
ALL = '<propfind xmlns="DAV:"><allprop/></propfind>'


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Start a server, use it, provoke failures, and end it; return what it has reported."""
    server = Application("calendars", tmp_path_factory.mktemp("xandikos"))
    # It logs a property that it does not have with a traceback, and goes on.
    server.environ["SENTRYINIT_IGNORE_LOGGERS"] = "xandikos"
    with server.serving(
        *(*wiring("xandikos"), "--no-detect-systemd"),
        *("--listen-address=127.0.0.1", f"--port={server.port}"),
    ):
        use(server)
        provoke(server)
    return server.events()


def put(server: Application, uid: str, request_id: str = "ordinary") -> int:
    """Store an appointment."""
    headers = {"Content_Type": "text/calendar"}
    path, body = f"{CALENDAR}/{uid}.ics", appointment(uid)
    return server.ask("PUT", path, request_id, body=body, **headers).status


def use(server: Application) -> None:
    """Use the server as calendars and scanners do."""
    assert server.ask("GET", "/").status == 200
    assert put(server, "one") == 201
    assert server.ask("GET", f"{CALENDAR}/one.ics").status == 200
    assert server.ask("GET", f"{CALENDAR}/none.ics").status == 404
    assert server.ask("PROPFIND", CALENDAR, body=ALL, **XML).status == 207
    assert server.ask("PROPFIND", CALENDAR, body="<", **XML).status == 400


def provoke(server: Application) -> None:
    """Take away what the server keeps its data in."""
    objects = server.folder / "dav" / Path(CALENDAR[1:]) / ".git/objects"
    objects.rename(server.folder / "away")
    assert server.ask("GET", f"{CALENDAR}/one.ics", "read").status == 500
    assert put(server, "two", "write") == 500
    (server.folder / "away").rename(objects)
    assert server.ask("GET", f"{CALENDAR}/one.ics").status == 200


def test_each_failure_is_one_event(events: list[Event]) -> None:
    """Each failure is one event; nothing else is. Its one route takes every path."""
    assert summary(events) == [
        ("read", "FileNotFoundError", "500", "/{path_info}", "calendars"),
        ("write", "FileNotFoundError", "500", "/{path_info}", "calendars"),
    ]
