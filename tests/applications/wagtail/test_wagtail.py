"""Wagtail: a Django project as ``wagtail start`` makes it, under gunicorn as in its Dockerfile.

It returns no 5xx of its own. gunicorn sends its documents, so the application streams none.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from real import PAGE, Answer, Application, summary, without_table

from harness.sink import Event

HERE = Path(__file__).parent
DOCUMENT = b"a line of a document\n" * 200_000


@pytest.fixture(scope="module", params=["settings", "install"])
def events(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Start a site, use it, provoke failures, and end it; return what it has reported."""
    folder = tmp_path_factory.mktemp("wagtail")
    site = Application("wagtail-site", folder)
    site.run("wagtail", "start", "mysite", ".")
    local, wsgi = (HERE / "local.py").read_text(), "mysite.wsgi"
    if request.param == "install":
        wsgi = "our_wsgi"
        local = re.sub(r"(?m)^(INSTALLED_APPS|MIDDLEWARE) = .*", "", local)
        (source,) = re.findall(
            r"^# our_wsgi.py\n(.+?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE
        )
        (folder / "our_wsgi.py").write_text(source)
    (folder / "mysite/settings/local.py").write_text(local)
    site.environ |= {
        "DJANGO_SETTINGS_MODULE": "mysite.settings.production",
        "DJANGO_SUPERUSER_PASSWORD": "secret",
    }
    site.run(sys.executable, "manage.py", "migrate", "--noinput")
    site.run(sys.executable, "manage.py", "collectstatic", "--noinput")
    admin = ("--noinput", "--username=admin", "--email=admin@example.com")
    site.run(sys.executable, "manage.py", "createsuperuser", *admin)
    with site.serving("gunicorn", f"--bind=127.0.0.1:{site.port}", f"{wsgi}:application"):
        visit(site)
        provoke(site)
    return site.events()


def token(page: bytes) -> str:
    """Return the token that the form on *page* has to send back."""
    found = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found, page
    return found[1].decode()


def visit(site: Application) -> None:
    """Use the site as visitors, editors and scanners do."""
    assert site.ask("GET", "/").status == 200
    assert site.ask("HEAD", "/").status == 200
    assert site.ask("GET", "/search/?query=welcome&page=999").status == 200
    assert site.ask("GET", "/no-such-page/").status == 404
    assert site.ask("GET", "/documents/99/none.txt").status == 404
    assert site.ask("POST", "/admin/login/", body={"username": "admin"}).status == 403
    assert site.ask("GET", "/", Host="scanner.example").status == 400
    assert site.ask("GET", "/admin/").status == 302
    page = site.ask("GET", "/admin/login/").body
    form = {"username": "admin", "password": "wrong", "csrfmiddlewaretoken": token(page)}
    assert site.ask("POST", "/admin/login/", body=form).status == 200
    assert site.ask("POST", "/admin/login/", body={**form, "next": "x" * 3_000_000}).status == 400
    assert site.ask("POST", "/admin/login/", body={**form, "password": "secret"}).status == 302
    for path in ("/admin/", "/admin/pages/", "/admin/images/", "/admin/reports/site-history/"):
        assert site.ask("GET", path).status == 200
    assert site.ask("GET", "/admin/pages/999/edit/").status == 404
    assert upload(site).status == 200
    assert site.ask("GET", "/documents/1/long.txt").body == DOCUMENT
    assert site.ask("GET", "/admin/reports/aging-pages/?export=csv").status == 200


def upload(site: Application) -> Answer:
    """Add a document, as the page for many documents does."""
    file = b'--x\r\nContent-Disposition: form-data; name="files[]"; filename="long.txt"\r\n\r\n'
    headers = {
        "Content_Type": "multipart/form-data; boundary=x",
        "X_CSRFToken": site.cookie("csrftoken"),
        "X_Requested_With": "XMLHttpRequest",
    }
    body = file + DOCUMENT + b"\r\n--x--\r\n"
    return site.ask("POST", "/admin/documents/multiple/add/", body=body, **headers)


def provoke(site: Application) -> None:
    """Fail in each way that the site has, with a request id for each."""
    database = site.folder / "db.sqlite3"
    with without_table(database, "home_homepage"):
        assert site.ask("GET", "/", "exception").status == 500
    with without_table(database, "django_session"):
        assert site.ask("GET", "/admin/pages/", "exception-in-middleware").status == 500
    with site.asking("GET", "/documents/1/long.txt", "left-download") as connection:
        assert connection.recv(1000)
    form = {"Content_Type": "application/x-www-form-urlencoded", "Content_Length": "1000"}
    with site.asking("POST", "/admin/login/", "left-upload", **form) as connection:
        connection.sendall(b"username=")


def test_each_failure_is_one_event(events: list[Event]) -> None:
    """Each failure is one event; nothing else is, nor are clients that left."""
    assert summary(events) == [
        ("exception", "OperationalError", "500", "/{0}", "wagtail-site"),
        ("exception-in-middleware", "OperationalError", "500", "/admin/pages/", "wagtail-site"),
    ]
