"""Run every command on the pages of the runbook."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from runbook import proxy
from runbook.blocks import DONE, Block, read
from runbook.scenario import Scenario, commands

from sentryinit._sdk import losses
from sentryinit_cli.verdicts import Verdict

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "docs" / "runbook"
PAGES = sorted(path.name for path in RUNBOOK.glob("*.md"))
# Texts of one line that are excuses of many blocks would be no reasons.
SHARE = 0.8


def blocks_of(page: str, language: str) -> list[Block]:
    """Return the blocks in *language* of *page* that are run."""
    return [b for b in read(RUNBOOK / page) if b.language == language and not b.reason]


@pytest.mark.parametrize("runbook_page", PAGES)
def test_every_block_is_run_or_has_a_reason(runbook_page: str) -> None:
    """A block is run, is what a command prints, or has a reason; no fence is overlooked."""
    blocks = read(RUNBOOK / runbook_page)
    left = [
        f"{runbook_page}:{block.line}"
        for block in blocks
        if not (block.reason or block.is_output or block.language in DONE)
    ]
    assert left == []
    assert (RUNBOOK / runbook_page).read_text().count("```") == 2 * len(blocks)


def test_most_commands_are_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The share of the blocks that are run is printed; it does not fall."""
    blocks = [b for page in PAGES for b in read(RUNBOOK / page) if not b.is_output]
    run = [block for block in blocks if not block.reason]
    with capsys.disabled():
        sys.stdout.write(f"\nrunbook: {len(run)} of {len(blocks)} blocks are run\n")
        left = sorted({block.reason for block in blocks if block.reason})
        sys.stdout.writelines(f"  not run: {reason}\n" for reason in left)
    assert len(run) / len(blocks) >= SHARE


@pytest.mark.parametrize("runbook_page", PAGES)
def test_queries_are_valid(runbook_page: str) -> None:
    """Each PromQL query is valid, also those in rules for alerts."""
    queries = [block.code for block in blocks_of(runbook_page, "promql")]
    for block in blocks_of(runbook_page, "yaml"):
        queries += re.findall(r"^\s*expr: ([^>\n][^\n]*)$", block.code, re.MULTILINE)
    for query in queries:
        promql_parser.parse(query)


@pytest.mark.parametrize("runbook_page", PAGES)
def test_yaml_is_valid(runbook_page: str) -> None:
    """Each YAML block is one document, a mapping, without a key twice."""
    for block in blocks_of(runbook_page, "yaml"):
        document = yaml.load(block.code, UniqueKeys)  # noqa: S506 # a safe loader, see there
        assert isinstance(document, dict), f"{runbook_page}:{block.line}"


@pytest.mark.parametrize("runbook_page", PAGES)
def test_the_commands_of_a_page_run(runbook_page: str, tmp_path: Path) -> None:
    """The commands of a page run in their order, end as it says, and print what it says."""
    with Scenario(runbook_page, tmp_path) as scenario:
        ran = scenario.run()
        assert [block.line for block in ran] == [b.line for b in blocks_of(runbook_page, "sh")]
        AFTERWARDS.get(runbook_page, lambda _: None)(scenario)


def _rotated(scenario: Scenario) -> None:
    glitchtip, bugsink, sentry = scenario.backends
    # The new key only; and no event was refused on the way.
    assert len(glitchtip.keys) == 1
    assert glitchtip.first_key not in glitchtip.keys
    assert glitchtip.refused == bugsink.refused == 0
    assert sentry.keys == {sentry.first_key: False}


def _throttled(scenario: Scenario) -> None:
    assert scenario.backend.throttled == [50, 0]
    assert scenario.backend.refused == 0


AFTERWARDS: dict[str, Callable[[Scenario], None]] = {
    "rotate-the-dsn.md": _rotated,
    "too-many-events.md": _throttled,
}


def test_every_exit_code_has_its_row() -> None:
    """The page after a deployment says what to do for each exit code of the command."""
    rows = re.findall(
        r"^\| (\d+) \|", (RUNBOOK / "after-each-deployment.md").read_text(), re.MULTILINE
    )
    assert {int(row) for row in rows} == {verdict.exit_code for verdict in Verdict} | {130}


@pytest.mark.parametrize("runbook_page", PAGES)
def test_every_variable_is_one_that_is_read(runbook_page: str) -> None:
    """Each variable that a page names is one of the service or of the command."""
    known = "".join(
        (ROOT / "docs" / "reference" / f"{n}.md").read_text() for n in ("settings", "cli")
    )
    text = (RUNBOOK / runbook_page).read_text()
    named = set(re.findall(r"\bSENTRY(?:INIT)?_[A-Z_]*[A-Z]\b", text))
    assert {name for name in named if not re.search(rf"\b{name}", known)} == set()


def test_the_lines_of_an_outage_are_those_that_are_logged() -> None:
    """The lines of the page about an outage are those of the logger ``sentryinit``."""
    reasons = [
        "network",
        "full_queue",
        "self_rate_limits",
        "status_429",
        "status_403",
        "status_500",
    ]
    logged = {f"1 event {losses._why(reason)}" for reason in reasons}
    page = (RUNBOOK / "the-backend-is-down.md").read_text()
    assert set(re.findall(r"^\| `(1 event .+?)` \|", page, re.MULTILINE)) == logged
    everywhere = "".join((RUNBOOK / name).read_text() for name in PAGES)
    assert set(re.findall(r"`(1 event .+?)`", everywhere)) == logged


def test_commands_of_pipelines_are_found() -> None:
    """The commands of workflows, pipelines and containers are among those that run."""
    found = [c for page in PAGES for b in blocks_of(page, "yaml") for c in commands(b.code)]
    assert found == [
        "sentryinit verify --fleet services.toml --junit verify.xml",
        "sentryinit verify --fleet services.toml --junit verify.xml",
        'sentryinit verify --service canary --api-url "$BACKEND"',
    ]


def test_the_search_for_the_old_key_finds_a_process(tmp_path: Path) -> None:
    """A process with the old key in its environment is found; after the deployment, none."""
    (block,) = (b for b in blocks_of("rotate-the-dsn.md", "sh") if "/proc/" in b.code)
    with Scenario("rotate-the-dsn.md", tmp_path) as scenario:
        scenario.deploy()
        scenario.shell.run("OLD_DSN=$SENTRY_DSN")
        found = scenario.shell.run(block.code).printed.split()
        # The server, its worker, of two services.
        assert len(found) == 4
        assert all(re.fullmatch(r"/proc/\d+/environ", line) for line in found)


class UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is there twice, which PyYAML would take."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT002 # PyYAML's
        """Return the mapping of *node*."""
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), keys
        return super().construct_mapping(node, deep)


def nginx_block(page: str, place: str) -> str:
    """Return the block of *page* that begins with ``# place``."""
    (found,) = (b.code for b in blocks_of(page, "nginx") if b.code.startswith(f"# {place}\n"))
    return found


def server_block(upstream: proxy.Upstream) -> str:
    """Return the block of the public server, with *upstream* in place of GlitchTip."""
    block = nginx_block("glitchtip-first-day.md", "server")
    assert block.count("glitchtip:8000") == 1
    return block.replace("glitchtip:8000", f"127.0.0.1:{upstream.server_port}")


OPEN = ["/api/1/envelope/", "/api/4242/envelope/", "/api/7/store/", "/api/7/security/"]
CLOSED = [
    *("/", "/login", "/admin/", "/_health/", "/api/0/", "/api/0/projects/", "/api/settings/"),
    *("/api/docs", "/api/openapi.json", "/api/canonical/0/", "/acme/issues/1", "/favicon.ico"),
    *(
        "/api/7/envelope",
        "/api/7/envelope/x",
        "/api/x/envelope/",
        "/api//envelope/",
        "/API/7/store/",
    ),
    *("/api/7/minidump/", "/api/7/envelope/../../0/projects/", "/x/api/7/envelope/"),
    *("/api/7/envelope%0a", "/api/7/envelope/%2e%2e/%2e%2e/0/", "/api/-7/envelope/"),
]


def test_nginx_lets_events_through_and_nothing_else(tmp_path: Path) -> None:
    """POST and OPTIONS of three paths reach GlitchTip, as they are; other paths are 404."""
    with proxy.upstream() as upstream, proxy.nginx(tmp_path, server_block(upstream)) as port:
        for path in OPEN:
            assert proxy.request(port, "POST", f"{path}?sentry_key=1", body=b"{}") == 200
            assert proxy.request(port, "OPTIONS", path) == 200
        expected = [(m, p) for p in OPEN for m in (f"POST {p}?sentry_key=1", f"OPTIONS {p}")]
        assert [f"{got.method} {got.path}" for got in upstream.got] == [m for m, _ in expected]
        assert {(got.host, got.client) for got in upstream.got} == {("errors.example", "127.0.0.1")}
        upstream.got.clear()

        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            assert {path: proxy.request(port, method, path) for path in CLOSED} == dict.fromkeys(
                CLOSED, 404
            )
        for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD", "PROPFIND"):
            assert {proxy.request(port, method, path) for path in OPEN} == {403}
        assert upstream.got == []


def test_nginx_passes_on_the_path_that_it_has_checked(tmp_path: Path) -> None:
    """A path with dots that nginx resolves reaches GlitchTip as resolved, not as sent."""
    with proxy.upstream() as upstream, proxy.nginx(tmp_path, server_block(upstream)) as port:
        proxy.request(port, "POST", "/api/0/projects/../../7/envelope/")
        proxy.request(port, "POST", "/admin/%2e%2e/api/7/envelope/")
        assert {got.path for got in upstream.got} == {"/api/7/envelope/"}


def test_nginx_takes_events_up_to_its_limit(tmp_path: Path) -> None:
    """An event of 2 MiB goes through; a body of 6 MiB is 413."""
    with proxy.upstream() as upstream, proxy.nginx(tmp_path, server_block(upstream)) as port:
        assert proxy.request(port, "POST", OPEN[0], body=b"x" * (2 << 20)) == 200
        head = "Expect: 100-continue"
        assert proxy.request(port, "POST", OPEN[0], head, body=b"x" * (6 << 20)) == 413
        assert len(upstream.got) == 1


@pytest.mark.parametrize("refuse", [False, True], ids=["logged", "refused"])
@pytest.mark.parametrize("by", ["header", "authorization", "query"])
def test_nginx_finds_who_sends_with_the_old_key(tmp_path: Path, by: str, refuse: bool) -> None:
    """Requests with the old key are logged with their address, and refused in the rehearsal."""
    page, old, new = "rotate-the-dsn.md", "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "f" * 32
    http = nginx_block(page, "http").replace("/var/log/nginx", str(tmp_path))

    def send(port: int, key: str) -> int:
        auth = f"Sentry sentry_version=7, sentry_key={key}, sentry_client=x"
        header = {"header": f"X-Sentry-Auth: {auth}", "authorization": f"Authorization: {auth}"}
        query = f"?sentry_key={key}" if by == "query" else ""
        agent = f"User-Agent: {key[0]}-service"
        return proxy.request(
            port, "POST", OPEN[0] + query, agent, *([header[by]] if by in header else [])
        )

    with proxy.upstream() as upstream:
        server = server_block(upstream)
        if refuse:
            block = nginx_block(page, "location")
            server = server.replace("  limit_except", block + "  limit_except", 1)
        with proxy.nginx(tmp_path, server, http) as port:
            assert send(port, old) == (403 if refuse else 200)
            assert send(port, new) == 200
            assert len(upstream.got) == (1 if refuse else 2)
    (line,) = (tmp_path / "old-key.log").read_text().splitlines()
    assert '127.0.0.1 /api/1/envelope/ "0-service"' in line
