"""Run what the pages of a migration show, before and after, and compare with what they say."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from migration import tables
from sentry_sdk.consts import ClientConstructor

# The options of sentry-sdk 2.20.0.
OLDEST = """
dsn max_breadcrumbs release environment server_name shutdown_timeout integrations
in_app_include in_app_exclude default_integrations dist transport transport_queue_size
sample_rate send_default_pii http_proxy https_proxy ignore_errors max_request_body_size
socket_options keep_alive before_send before_breadcrumb debug attach_stacktrace ca_certs
propagate_traces traces_sample_rate traces_sampler profiles_sample_rate profiles_sampler
profiler_mode auto_enabling_integrations disabled_integrations auto_session_tracking
send_client_reports _experiments proxy_headers instrumenter before_send_transaction
project_root enable_tracing include_local_variables include_source_context
trace_propagation_targets functions_to_trace event_scrubber max_value_length
enable_backpressure_handling error_sampler enable_db_query_source db_query_source_threshold_ms
spotlight cert_file key_file custom_repr add_full_stack max_stack_frames
"""
# The integrations whose own options are in a table.
OF_FRAMEWORKS = {
    "aiohttp": "AioHttpIntegration",
    "asgi": "SentryAsgiMiddleware",
    "celery": "CeleryIntegration",
    "django": "DjangoIntegration",
    "falcon": "FalconIntegration",
    "fastapi": "FastApiIntegration",
    "flask": "FlaskIntegration",
    "logging": "LoggingIntegration",
    "loguru": "LoguruIntegration",
    "starlette": "StarletteIntegration",
    "sys_exit": "SysExitIntegration",
    "threading": "ThreadingIntegration",
    "wsgi": "SentryWsgiMiddleware",
}


def write(page: Any, folder: Path) -> None:
    """Write the files of *page* into *folder*."""
    for block in page.blocks():
        if block.language == "python" and block.code.startswith("# "):
            (folder / block.file).write_text(block.source)


def measure(
    folder: Path, protocol: str, columns: list[tuple[str, dict[str, str]]], paths: list[str]
) -> list[list[str]]:
    """Return the rows of a table: each path, with a cell for each module and its variables."""
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda c: tables.drive(folder, protocol, c[0], paths, **c[1]), columns)
        return [[f"`{path}`", *cells] for path, *cells in zip(paths, *made, strict=True)]


PAIR = ("before", "after")
SWITCH = [("orders", {"SENTRYINIT_ENABLED": value}) for value in ("false", "true")]


@pytest.mark.parametrize(
    ("name", "head", "protocol", "columns"),
    [
        ("aiohttp", "request", "aiohttp", PAIR),
        ("celery", "task", "tasks", PAIR),
        ("django", "request", "wsgi", PAIR),
        ("falcon", "request", "wsgi", PAIR),
        ("flask", "request", "wsgi", PAIR),
        ("starlette-and-fastapi", "request", "asgi", PAIR),
        ("wsgi-and-asgi", "request (WSGI)", "wsgi", PAIR),
        ("wsgi-and-asgi", "request (ASGI)", "asgi", ("before_asgi", "after_asgi")),
        (
            "helpers",
            "request | structlog-sentry",
            "wsgi",
            ("before_structlog", "before_flask_sentry", "before_raven", "after"),
        ),
        ("helpers", "request | sentry-asgi", "asgi", ("before_asgi", "after_asgi")),
        ("run-both", "request", "wsgi", SWITCH),
    ],
)
def test_what_each_reports_is_what_the_page_says(
    name: str, head: str, protocol: str, columns: Any, pages: dict[str, Any], tmp_path: Path
) -> None:
    """Each application of the page reports what the table says, for each request."""
    page = pages[f"docs/migrate/{name}.md"]
    write(page, tmp_path)
    columns = [each if isinstance(each, tuple) else (each, {}) for each in columns]
    said = tables.rows(page.text, head)
    assert said, "the table has no rows"
    paths = [row[0].strip("`") for row in said]
    measured = measure(tmp_path, protocol, columns, paths)
    assert said == measured, f"\n{tables.grid(measured)}"


def test_each_row_of_what_changes_is_what_both_do(pages: dict[str, Any], tmp_path: Path) -> None:
    """Each row of the table on changes is measured, before and after."""
    with ThreadPoolExecutor() as pool:
        both = pool.map(lambda s: tables.python("probes.py", tmp_path, s), ["before", "after"])
    before, after = (json.loads(line) for (line,) in both)
    said = tables.rows(pages["docs/migrate/what-changes.md"].text, "clause")
    measured = {text: [before[text], after[text]] for text in before}
    assert {text: cells for _, text, *cells, _ in said} == measured
    for _, text, old, new, why in said:
        assert old == new or not why.startswith("the same"), text


def test_each_clause_of_what_changes_is_one_of_the_contract(pages: dict[str, Any]) -> None:
    """The first column names clauses of the contract."""
    contract = pages["docs/reference/contract.md"].text
    for clauses, *_ in tables.rows(pages["docs/migrate/what-changes.md"].text, "clause"):
        for clause in clauses.split(", "):
            assert f"\n| {clause} |" in contract, clause


def test_each_option_of_sentry_sdk_has_a_row(pages: dict[str, Any]) -> None:
    """Each option of the installed sentry-sdk, and of the oldest one, is in the table."""
    page = pages["docs/migrate/options.md"].text
    named = {row[0].strip("`") for row in tables.rows(page, "option of `sentry_sdk.init`")}
    new = set(inspect.signature(ClientConstructor.__init__).parameters) - {"self"}
    assert new - named == set()
    assert set(OLDEST.split()) - named == set()


def test_each_integration_has_a_row(pages: dict[str, Any]) -> None:
    """Each integration of the installed sentry-sdk is on the page, and each of its own options."""
    page = pages["docs/migrate/options.md"].text
    folder = Path(sentry_sdk.__file__).parent / "integrations"
    text = "".join(path.read_text() for path in folder.rglob("*.py"))
    classes = set(re.findall(r"^class (\w+Integration)\(", text, re.MULTILINE))
    assert {name for name in classes if f"`{name}`" not in page} == set()
    for module, name in OF_FRAMEWORKS.items():
        made = getattr(importlib.import_module(f"sentry_sdk.integrations.{module}"), name)
        options = set(inspect.signature(made.__init__).parameters) - {"self", "app"}
        assert {option for option in options if f"`{option}`" not in page} == set(), name


def test_each_variable_of_sentry_sdk_has_a_row(pages: dict[str, Any]) -> None:
    """Each variable that the installed sentry-sdk reads is on the page."""
    folder = Path(sentry_sdk.__file__).parent
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    read = set(re.findall(r"environ\.get\(\s*\"([A-Z_]+)\"", text))
    # Not of the process: keys of WSGI's environ.
    read = {name for name in read if not name.startswith(("HTTP_", "SERVER_", "SCRIPT_", "PATH_"))}
    page = pages["docs/migrate/options.md"].text
    assert len(read) > 10
    assert {name for name in read if f"`{name}`" not in page} == set()
