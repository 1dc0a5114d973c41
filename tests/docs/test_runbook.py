"""Run every command on the pages of the runbook."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from runbook import proxy, world
from runbook.blocks import DONE, Block, matches, read
from runbook.shell import Shell

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


def test_most_commands_are_run() -> None:
    """The share of the blocks that are run does not fall."""
    blocks = [b for page in PAGES for b in read(RUNBOOK / page) if not b.is_output]
    reasons = [block.reason for block in blocks if block.reason]
    assert len(reasons) / len(blocks) <= 1 - SHARE, reasons


def write_files(folder: Path, blocks: list[Block], addresses: dict[str, str]) -> None:
    """Write the files of a page, with the addresses of local services."""
    files = {"orders.py": world.ORDERS, "services.toml": world.FLEET}
    files |= {block.file: block.code for block in blocks if block.file and not block.reason}
    for name, text in files.items():
        if name.endswith((".py", ".toml")):
            for example, real in addresses.items():
                text = text.replace(f"https://{example}.example", real)  # noqa: PLW2901 # the same text
            (folder / name).write_text(text)


@contextlib.contextmanager
def services(around: world.World, blocks: list[Block], ports: dict[str, int]) -> Iterator[None]:
    """Serve what the commands of a page ask: its services, or *orders*."""
    with contextlib.ExitStack() as stack:
        if any("$SERVICE" in block.code or "--fleet" in block.code for block in blocks):
            files = {block.file for block in blocks}
            new = ("thirteenth", "thirteenth:create_app()", "1.0.0")
            first = new if "thirteenth.py" in files else ("orders", "orders:app", "1.4.2")
            stack.enter_context(around.service(*first, ports["orders"]))
            if "billing" in (around.folder / "services.toml").read_text():
                second = around.service("billing", "orders:app", "1.4.2", ports["billing"])
                stack.enter_context(second)
        yield


@pytest.mark.parametrize("runbook_page", PAGES)
def test_commands_run(runbook_page: str, tmp_path: Path) -> None:
    """Each command ends with the exit code that the page says, and prints what it shows."""
    blocks = read(RUNBOOK / runbook_page)
    ports = {name: world.free_port() for name in ("orders", "billing")}
    addresses = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    write_files(tmp_path, blocks, addresses)
    with contextlib.ExitStack() as stack:
        around = stack.enter_context(world.made(tmp_path))
        served = stack.enter_context(contextlib.ExitStack())
        served.enter_context(services(around, blocks, ports))
        closed = stack.enter_context(world.standin.StandIn("glitchtip", private=True))
        more = {"SERVICE": addresses["orders"], "PUBLIC": closed.url}
        shell = stack.enter_context(Shell(tmp_path, around.environment | more))
        for at, block in enumerate(blocks):
            if block.language != "sh" or block.reason:
                continue
            code = block.code
            if "--backend bugsink" in code:
                other = around.bugsink
                code = f"SENTRY_DSN={other.dsn()} SENTRYINIT_AUTH_TOKEN={other.token} {code}"
            done = shell.run(code)
            assert done.code == block.exit_code, f"{runbook_page}:{block.line}\n{done.printed}"
            after = blocks[at + 1 :][:1]
            if after and after[0].is_output:
                assert matches(after[0].code, done.printed), f"{block.line}\n{done.printed}"
            if "export SENTRY_DSN=" in code:
                # The page says to deploy it.
                around.new_dsn = shell.value("SENTRY_DSN")
                served.close()
                served.enter_context(services(around, blocks, ports))


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
        assert isinstance(UniqueKeys(block.code).get_single_data(), dict), f"{block.line}"


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
    *("/api/7/envelope", "/api/7/envelope/x", "/api/x/envelope/", "/api//envelope/"),
    "/API/7/store/",
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
        sent = [header[by]] if by in header else []
        return proxy.request(port, "POST", OPEN[0] + query, agent, *sent)

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
