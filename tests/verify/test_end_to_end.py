"""Prove services that run, with a real backend, by the installed command."""

from __future__ import annotations

import json
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import urlsplit

import bugsink
import pytest
from live import COMMAND, ENVIRONMENT, RELEASE, Done, Site, start
from recorder import Request, recording

SERVICES = {service.name: service for service in bugsink.demo.SERVICES}


@pytest.mark.parametrize("name", SERVICES)
def test_a_wired_service_is_found(site: Site, name: str) -> None:
    """The event of the debug route is found, is what was expected, and has nothing planted.

    The request to the service is recorded on its way, so what was planted is known from there.
    """
    before = {event.event_id for event in site.store.events(name)}
    expected = ("--environment", ENVIRONMENT, "--release", RELEASE)
    with recording(site.url(name)) as recorder:
        arguments = ("verify", "--json", "--url", recorder.route, "--service", name, *expected)
        done = site.run(*arguments, SENTRY_DSN=site.store.dsns[name])
    assert done.code == 0, (done.out, done.err)
    told = done.json
    assert told["verdict"] == "found"
    assert told["backend"] == "bugsink"
    assert told["milliseconds"] > 0
    stored = {event.event_id: event for event in site.store.events(name)}
    (new,) = set(stored) - before
    assert new == told["event_id"].replace("-", "")
    tags = dict(stored[new].data["tags"])
    (request,) = recorder.requests
    assert (tags["service"], tags["status_code"]) == (name, "500")
    assert tags["nonce"] == request.nonce
    _assert_not_stored(request, stored[new].record)
    # The page is there, behind the login.
    with urllib.request.urlopen(told["page"], timeout=20) as page:  # noqa: S310 # of this test's Bugsink
        assert urlsplit(told["page"]).port == site.store.port
        assert page.status == 200


def _assert_not_stored(request: Request, record: str) -> None:
    planted = request.planted()
    assert len(planted) == 4, "the token, and a canary in the query, the cookie and credentials"
    assert min(map(len, planted)) >= 16
    assert [value for value in planted if value in record] == []


def test_the_line_for_a_person(site: Site) -> None:
    """Without --json there is one line with the time and the page."""
    arguments = ("verify", "--url", site.url("flask"), "--service", "flask")
    done = site.run(*arguments, SENTRY_DSN=site.store.dsns["flask"])
    assert done.code == 0
    assert "found" in done.out
    assert f"{site.store.url}/issues/event/" in done.out


def test_from_here(site: Site) -> None:
    """Without --url the command sends an event itself, through the whole pipeline."""
    before = {event.event_id for event in site.store.events("here")}
    done = site.run(
        *("verify", "--json", "--service", "here", "--environment", "ci", "--release", "7"),
        SENTRY_DSN=site.store.dsns["here"],
    )
    assert done.code == 0, (done.out, done.err)
    (event,) = (one for one in site.store.events("here") if one.event_id not in before)
    assert event.event_id == done.json["event_id"].replace("-", "")
    assert (event.data["environment"], event.data["release"]) == ("ci", "7")


@pytest.mark.parametrize(
    ("lacks", "code"),
    [("nothing", 75), ("without issues:read", 75), ("without events:read", 75)],
)
def test_a_token_without_a_capability(site: Site, lacks: str, code: int) -> None:
    """The missing capability is named, and nothing is sent."""
    before = site.store.count()
    done = site.verify("wsgi", SENTRYINIT_AUTH_TOKEN=site.store.tokens[lacks])
    assert done.code == code, done.out
    wanted = lacks.partition("without ")[2] or ":read"
    assert wanted in done.json["text"] + done.json["remedy"]
    assert site.store.count() == before


def test_a_token_of_another_project(site: Site) -> None:
    """A token that is bound to another project is told; nothing is sent."""
    before = site.store.count()
    done = site.verify("wsgi", SENTRYINIT_AUTH_TOKEN=site.store.tokens["bound to drops"])
    assert done.code in {75, 76}, done.out
    assert site.store.count() == before


def test_a_wrong_token(site: Site) -> None:
    """A token that the backend does not know is exit code 74, before anything is sent."""
    before = site.store.count()
    done = site.verify("wsgi", SENTRYINIT_AUTH_TOKEN="0" * 40)
    assert done.code == 74, done.out
    assert site.store.count() == before


def test_no_token(site: Site) -> None:
    """Without a token nothing is sent, and the variable is named."""
    done = site.verify("wsgi", SENTRYINIT_AUTH_TOKEN="")
    assert done.code == 65
    assert "SENTRYINIT_AUTH_TOKEN" in done.out


def test_an_unknown_project(site: Site) -> None:
    """A project that is not there is exit code 76."""
    dsn = site.store.dsns["wsgi"].rpartition("/")[0] + "/4242"
    assert site.verify("wsgi", SENTRY_DSN=dsn).code == 76


@pytest.mark.parametrize("token", ["not-the-token-of-this-service", ""])
def test_a_wrong_debug_token(site: Site, token: str) -> None:
    """A debug route that answers 404 is a service that is not wired, or another token."""
    before = site.store.count()
    done = site.verify("django", SENTRYINIT_DEBUG_TOKEN=token)
    assert done.code == (70 if token else 65), done.out
    assert "SENTRYINIT_DEBUG_TOKEN" in done.json["text"] + done.json["remedy"]
    assert site.store.count() == before


def test_a_stopped_service(site: Site) -> None:
    """A service that does not answer is exit code 70."""
    url = f"http://127.0.0.1:{bugsink.free_port()}/debug/sentry-panic"
    arguments = ("verify", "--json", "--url", url, "--service", "gone")
    done = site.run(*arguments, SENTRY_DSN=site.store.dsns["wsgi"])
    assert done.code == 70, done.out


def test_a_stopped_backend(site: Site) -> None:
    """A backend that does not answer is exit code 77, and the service is not asked."""
    dsn = f"http://{'a' * 32}@127.0.0.1:{bugsink.free_port()}/1"
    before = site.store.count()
    assert site.verify("wsgi", SENTRY_DSN=dsn).code == 77
    assert site.store.count() == before


def test_a_service_that_is_off(site: Site) -> None:
    """A service without a DSN is not wired."""
    service = start(site.running, SERVICES["falcon"], "")
    site.running.wait_until(service.process, service.is_ready, 60)
    url = f"http://127.0.0.1:{service.port}/debug/sentry-panic"
    arguments = ("verify", "--json", "--url", url, "--service", "falcon")
    done = site.run(*arguments, SENTRY_DSN=site.store.dsns["falcon"])
    site.running.stop(service.process)
    assert done.code == 70, done.out


def test_a_service_with_a_wrong_key(site: Site) -> None:
    """A service whose key the backend refuses has sent an event that is never stored."""
    dsn = site.store.dsns["wrong-key"]
    key = dsn.partition("://")[2].partition("@")[0]
    service = start(site.running, SERVICES["flask"], dsn.replace(key, "f" * 32))
    site.running.wait_until(service.process, service.is_ready, 60)
    url = f"http://127.0.0.1:{service.port}/debug/sentry-panic"
    arguments = ("verify", "--json", "--url", url, "--service", "flask", "--timeout", "3")
    done = site.run(*arguments, SENTRY_DSN=dsn)
    site.running.stop(service.process)
    assert done.code == 72, done.out
    assert site.store.events("wrong-key") == []


def test_a_wrong_key_from_here(site: Site) -> None:
    """The backend refuses the key of the DSN."""
    dsn = site.store.dsns["wrong-key"]
    key = dsn.partition("://")[2].partition("@")[0]
    wrong = dsn.replace(key, "f" * 32)
    done = site.run("verify", "--json", "--service", "here", SENTRY_DSN=wrong)
    assert done.code == 71, done.out


def test_a_quota_that_is_used_up(site: Site) -> None:
    """Over its quota, the project refuses the event: the wait is told."""
    dsn = site.store.dsns["quota"]
    assert site.run("verify", "--service", "quota", SENTRY_DSN=dsn).code == 0
    site.store.fill("quota")
    done = site.run("verify", "--json", "--service", "quota", SENTRY_DSN=dsn)
    assert done.code == 71, done.out
    said = done.json["text"] + done.json["remedy"]
    assert "quota" in said.lower()
    assert "60 s" in said


def test_a_service_over_its_quota(site: Site) -> None:
    """A service whose events are refused has an event that is never stored."""
    site.store.fill("full")
    done = _by_a_service_of(site, "full")
    assert done.code == 72, done.out
    assert done.json["sent"]


def test_a_service_whose_events_are_dropped(site: Site) -> None:
    """An event that the backend has accepted from a service, and does not keep."""
    done = _by_a_service_of(site, "drops")
    assert done.code == 72, done.out
    assert site.store.events("drops") == []


def test_a_service_of_another_project(site: Site) -> None:
    """A service that reports to another project than the one that is read is told apart."""
    before = len(site.store.events("other"))
    done = _by_a_service_of(site, "other", SENTRY_DSN=site.store.dsns["here"])
    assert done.code == 72, done.out
    assert len(site.store.events("other")) == before + 1


def test_a_worker_that_is_down(site: Site) -> None:
    """The backend accepts the event, and nothing stores it: the remedy names the worker."""
    port = bugsink.without_worker(site.running, site.python, site.store)
    dsn = site.store.dsns["late"].replace(f":{site.store.port}/", f":{port}/")
    arguments = ("verify", "--json", "--service", "late", "--timeout", "3")
    done = site.run(*arguments, SENTRY_DSN=dsn)
    assert done.code == 72, done.out
    assert "worker" in (done.json["text"] + done.json["remedy"]).lower()
    assert site.store.events("late") == []


def _by_a_service_of(site: Site, project: str, **environment: str) -> Done:
    """Verify a service that reports to *project*, under the name of the project."""
    dsn = site.store.dsns[project]
    service = start(site.running, SERVICES["wsgi"], dsn, SENTRYINIT_SERVICE=project)
    site.running.wait_until(service.process, service.is_ready, 60)
    url = f"http://127.0.0.1:{service.port}/debug/sentry-panic"
    arguments = ("verify", "--json", "--url", url, "--service", project, "--timeout", "3")
    done = site.run(*arguments, **{"SENTRY_DSN": dsn, **environment})
    site.running.stop(service.process)
    return done


def test_accepted_and_not_stored(site: Site) -> None:
    """An event that the backend has accepted, and does not keep, is exit code 72."""
    arguments = ("verify", "--json", "--service", "drops", "--timeout", "3")
    done = site.run(*arguments, SENTRY_DSN=site.store.dsns["drops"])
    assert done.code == 72, done.out


def test_another_environment_than_expected(site: Site) -> None:
    """What the service says, and should not, is named with both values."""
    done = site.verify("starlette", "--environment", "production", "--release", RELEASE)
    assert done.code == 73, done.out
    (difference,) = done.json["differences"]
    assert ENVIRONMENT in difference
    assert "production" in difference


def test_doctor_sends_nothing(site: Site) -> None:
    """``doctor`` asks the backend for its path, and no event is stored."""
    before = site.store.count()
    done = site.run("doctor", "--json", SENTRY_DSN=site.store.dsns["wsgi"], SENTRYINIT_SERVICE="x")
    assert done.code == 0, done.out
    assert site.store.count() == before


@pytest.mark.parametrize("name", ["django", "flask", "fastapi", "aiohttp"])
def test_doctor_of_a_wired_application(site: Site, name: str) -> None:
    """``doctor`` finds no error in an application that is wired, and no event is stored."""
    module, _, attribute = SERVICES[name].app.removesuffix(".py").partition(":")
    before = site.store.count()
    done = site.execute(
        [str(COMMAND), "doctor", f"{module}:{attribute or 'app'}", "--json"],
        bugsink.SERVICES,
        {
            "SENTRY_DSN": site.store.dsns[name],
            "SENTRYINIT_SERVICE": name,
            "SENTRY_ENVIRONMENT": ENVIRONMENT,
            "SENTRY_RELEASE": RELEASE,
            "WAREHOUSE": "127.0.0.1:9",
            # No bytecode in the checkout.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert done.code == 0, done.out
    assert site.store.count() == before


def test_a_fleet(site: Site) -> None:
    """One table has all services; the exit code is the number of those that are dark."""
    lines = ["[defaults]", f'environment = "{ENVIRONMENT}"', f'release = "{RELEASE}"']
    for name in SERVICES:
        lines += ["[[service]]", f'name = "{name}"', f'url = "{site.url(name)}"']
        lines += [f'dsn = "{site.store.dsns[name]}"']
    gone = f"http://127.0.0.1:{bugsink.free_port()}/debug/sentry-panic"
    lines += ["[[service]]", 'name = "gone"', f'url = "{gone}"']
    lines += [f'dsn = "{site.store.dsns["here"]}"']
    (site.folder / "services.toml").write_text("\n".join(lines))
    done = site.run("verify", "--fleet", "services.toml", "--junit", "report.xml", "--json")
    assert done.code == 1, (done.out, done.err)
    told = {each["service"]: each["verdict"] for each in done.json["services"]}
    assert told == {**dict.fromkeys(SERVICES, "found"), "gone": "not wired"}
    suite = ET.parse(site.folder / "report.xml").getroot()  # noqa: S314 # just written
    assert len(list(suite.iter("testcase"))) == len(SERVICES) + 1
    assert len(list(suite.iter("failure"))) == 1
    table = site.run("verify", "--fleet", "services.toml")
    assert table.code == 1
    rows = [line.split()[0].rstrip(":") for line in table.out.splitlines() if line.strip()]
    assert {*SERVICES, "gone"} <= set(rows)


def test_the_commands_of_the_frameworks(site: Site, tmp_path: Path) -> None:
    """``flask sentryinit verify`` sends with the application's own configuration."""
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\nfrom sentryinit_flask import SentryInit\n"
        f'app = Flask("here")\napp.config["SENTRYINIT_ENVIRONMENT"] = "{ENVIRONMENT}"\n'
        "SentryInit(app)\n"
    )
    done = site.python_run(
        *("-m", "flask", "--app", "shop", "sentryinit", "verify", "--json"),
        folder=tmp_path,
        SENTRY_DSN=site.store.dsns["here"],
    )
    assert done.code == 0, (done.out, done.err)
    told = json.loads(done.out)
    assert (told["verdict"], told["environment"]) == ("found", ENVIRONMENT)


def test_the_command_of_django(site: Site, tmp_path: Path) -> None:
    """``manage.py sentryinit verify`` sends with the settings of the project."""
    (tmp_path / "manage.py").write_text(
        "import os, sys\n"
        "from django.core.management import execute_from_command_line\n"
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")\n'
        "execute_from_command_line(sys.argv)\n"
    )
    (tmp_path / "shop_settings.py").write_text(
        'SECRET_KEY = "only for this"\nINSTALLED_APPS = ["sentryinit_django"]\n'
        'MIDDLEWARE = ["sentryinit_django.middleware.SentryInitMiddleware"]\n'
        f'SENTRYINIT = {{"service": "here", "environment": "{ENVIRONMENT}"}}\n'
    )
    done = site.python_run(
        *("manage.py", "sentryinit", "verify", "--json"),
        folder=tmp_path,
        SENTRY_DSN=site.store.dsns["here"],
    )
    assert done.code == 0, (done.out, done.err)
    told = json.loads(done.out)
    assert (told["verdict"], told["environment"]) == ("found", ENVIRONMENT)
