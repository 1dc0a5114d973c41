from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sentryinit_cli.doctor import servers

UWSGI = "uwsgi --enable-threads --py-call-uwsgi-fork-hooks --master "
IN_ORDER = "--hook-master-start 'unix_signal:15 gracefully_kill_them_all'"


OURS = "sentryinit._process.ends"


def verdicts(command: str, flush: float = 2.0, sigterm: str = "", **environ: str) -> set[str]:
    found = servers.check(shlex.split(command), flush, environ, sigterm=sigterm)
    return {each.id for each in found}


@pytest.mark.parametrize(
    "command,expected",
    [
        ("gunicorn shop:app", {"server"}),
        ("gunicorn -k gevent --preload shop:app", {"gevent-preload", "server"}),
        ("gunicorn -kgevent --preload shop:app", {"gevent-preload", "server"}),
        ("gunicorn --worker-class=gevent shop:app --preload", {"gevent-preload", "server"}),
        ("gunicorn --preload shop:app", {"server"}),
        ("gunicorn -k uvicorn_worker.UvicornWorker shop:app", {"gunicorn-hung-worker", "server"}),
        ("gunicorn --graceful-timeout 1 shop:app", {"graceful-timeout"}),
        ("/venv/bin/python -m gunicorn shop:app", {"server"}),
        ("uv run --no-sync gunicorn shop:app", {"server"}),
        ("sentryinit run -- waitress-serve shop:app", {"waitress-sigterm"}),
        ("python -m waitress shop:app", {"waitress-sigterm"}),
        ("waitress-serve --listen=:80 shop:app", {"waitress-sigterm"}),
        ("uvicorn shop:app", {"server"}),
        ("hypercorn shop:app", {"server"}),
        ("daphne shop:app", {"daphne-sigterm", "server"}),
        ("granian --interface wsgi shop:app", {"granian-kill", "server"}),
        ("granian --workers-kill-timeout 10s shop:app", {"server"}),
        ("granian --workers-kill-timeout 1s shop:app", {"graceful-timeout"}),
        (f"{UWSGI}{IN_ORDER} --module shop:app", {"server"}),
        (f"{UWSGI} --module shop:app", {"uwsgi-sigterm"}),
        (f"{UWSGI}{IN_ORDER} --die-on-term --module shop:app", {"uwsgi-sigterm"}),
        (f"uwsgi --master {IN_ORDER}", {"uwsgi-threads", "uwsgi-fork-hooks"}),
        (f"uwsgi --threads 4 --lazy-apps {IN_ORDER}", {"server"}),
        ("python manage.py runserver", {"development-server"}),
        ("flask --app shop run", {"development-server"}),
        ("cherryd shop", {"server-unknown"}),
    ],
)
def test_server_that_loses_events_is_named(command: str, expected: set[str]) -> None:
    """By its program and options, however it is started."""
    assert verdicts(command) == expected


def test_options_come_from_the_environment_and_from_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the servers read them; a file of Python is not run."""
    monkeypatch.chdir(tmp_path)
    assert verdicts("gunicorn shop:app", GUNICORN_CMD_ARGS="-k gevent --preload") == {
        "gevent-preload",
        "server",
    }
    hooks = {"UWSGI_ENABLE_THREADS": "1", "UWSGI_LAZY_APPS": "true"}
    assert verdicts(f"uwsgi {IN_ORDER}", **hooks) == {"server"}
    Path("uwsgi.ini").write_text(
        "[uwsgi]\nenable-threads = true\npy-call-uwsgi-fork-hooks = true\n"
        "hook-master-start = unix_signal:15 gracefully_kill_them_all\n"
    )
    assert verdicts("uwsgi --ini uwsgi.ini") == verdicts("uwsgi uwsgi.ini") == {"server"}
    Path("gunicorn.conf.py").write_text(
        "raise SystemExit\nworker_class = 'gevent'\npreload_app = True\n"
    )
    assert verdicts("gunicorn shop:app") == {"gevent-preload", "server"}
    assert verdicts("gunicorn -c gone.py shop:app") == {"server-config", "server"}


@pytest.mark.parametrize("command", ["waitress-serve shop:app", "manage.py runserver", "flask run"])
def test_server_that_does_not_handle_sigterm_is_fine_if_the_service_does(command: str) -> None:
    """By a handler of its own, as the page of the servers says; or by ours, but not as PID 1."""
    assert verdicts(command, sigterm="shop") == {"server"}
    assert verdicts(command, sigterm=OURS) == {"server", "pid-1"}
    assert verdicts("uvicorn shop:app", sigterm=OURS) == {"server"}


def test_unknown_command_is_not_shown() -> None:
    """Its arguments may have a secret."""
    found = list(servers.check(["cherryd", "--password=s3cret"], 2.0, {}))
    assert "s3cret" not in str(found)


def test_table_agrees_with_what_was_measured() -> None:
    """The table says that events survive SIGTERM with each server; the doctor says the same."""
    table = pytest.importorskip("harness.table", reason="the tests of processes are beside these")
    for name, server in table.SERVERS.items():
        if name.startswith("run-app"):
            continue
        command = server.line("app:app", 80)
        found = list(servers.check(command, 2.0, {}, sigterm=OURS))
        assert not any(each.level in {"warning", "error"} for each in found), (name, found)


def test_application_is_found_in_the_command() -> None:
    """The application need not be named twice."""
    assert servers.target_in(["gunicorn", "-b", ":80", "shop:create_app()"]) == "shop:create_app()"
    assert not servers.target_in(["python", "serve.py"])
