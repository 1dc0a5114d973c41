"""Radicale: a calendar server of plain WSGI, under its own server, a subclass of wsgiref's."""

from __future__ import annotations

import pytest
from real import Application, appointment, summary, wiring

from harness.sink import Event

CALENDAR = "/alice/calendar"
HALF = {"Content_Length": "100"}
ALICE = {"Authorization": "Basic YWxpY2U6c2VjcmV0"}


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Start a server, use it, provoke failures, and end it; return what it has reported."""
    server = Application("calendars", tmp_path_factory.mktemp("radicale"))
    with server.serving(
        *(*wiring("radicale"), f"--hosts=127.0.0.1:{server.port}"),
        *("--storage-filesystem-folder=data", "--config="),
    ):
        use(server)
        provoke(server)
    return server.events()


def use(server: Application) -> None:
    """Use the server as calendars and scanners do."""
    assert server.ask("GET", "/.web/").status == 200
    assert server.ask("MKCALENDAR", f"{CALENDAR}/", **ALICE).status == 201
    text = {"Content_Type": "text/calendar", **ALICE}
    assert server.ask("PUT", f"{CALENDAR}/one.ics", body=appointment("one"), **text).status == 201
    assert server.ask("PUT", f"{CALENDAR}/two.ics", body="no event", **text).status == 400
    assert server.ask("GET", f"{CALENDAR}/one.ics", **ALICE).status == 200
    assert server.ask("GET", f"{CALENDAR}/none.ics", **ALICE).status == 404
    assert server.ask("PROPFIND", f"{CALENDAR}/", body="<", **ALICE).status == 400
    assert server.ask("BREW", "/", **ALICE).status == 405


def provoke(server: Application) -> None:
    """Fail in each way that the server has, with a request id for each."""
    root = server.folder / "data/collection-root"
    properties = root / CALENDAR[1:] / ".Radicale.props"
    before = properties.read_text()
    properties.write_text("{")
    assert server.ask("GET", f"{CALENDAR}/", "exception", **ALICE).status == 500
    properties.write_text(before)
    root.rename(server.folder / "away")
    root.touch()
    assert server.ask("GET", f"{CALENDAR}/", "no-folder", **ALICE).status == 500
    root.unlink()
    (server.folder / "away").rename(root)
    for method in ("PUT", "PROPFIND"):
        path = f"{CALENDAR}/left.ics"
        with server.asking(method, path, "left-upload", **ALICE, **HALF) as connection:
            connection.sendall(b"half")
    assert server.ask("GET", f"{CALENDAR}/one.ics", **ALICE).status == 200


def test_each_failure_is_one_event(events: list[Event]) -> None:
    """Each failure is one event, also where its exception and its answer are logged."""
    assert summary(events) == [
        ("exception", "RuntimeError", "500", "<unknown>", "calendars"),
        ("no-folder", "FileExistsError", "500", "<unknown>", "calendars"),
    ]
