"""A page of the runbook, from its first block to its last, with a backend and two services."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import yaml

from runbook import proxy
from runbook.backend import Backend
from runbook.blocks import Block, matches, read
from runbook.services import Service
from runbook.shell import Shell

RUNBOOK = Path(__file__).resolve().parents[3] / "docs" / "runbook"
TOKEN = "debug-token-of-the-runbook-4711"
# The heading from which on a page is about another backend.
SECTIONS = {"## Bugsink": "bugsink", "## Sentry": "sentry"}
# The variables of the on-call person that a deployment passes on.
DEPLOYED = ("SENTRY_DSN", "SENTRYINIT_ENABLED")


def block_of(page: str, file: str) -> str:
    """Return the block of *page* that is the file *file*."""
    (found,) = (block.code for block in read(RUNBOOK / page) if block.file == file)
    return found


def commands(code: str) -> Iterator[str]:
    """Yield the shell commands in a YAML document, as the program that reads it runs them."""
    waiting = [yaml.safe_load(code)]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, dict):
            if isinstance(node.get("run"), str):
                yield node["run"]
            yield from node.get("script", [])
            if "command" in node:
                # Kubernetes has another notation for a variable.
                yield re.sub(r"'\$\((\w+)\)'", r'"$\1"', shlex.join(node["command"]))
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


class Scenario:
    """Runs the blocks of *page* in *folder*."""

    def __init__(self, page: str, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.release = "1.0.0" if page == "a-new-service.md" else "1.4.2"
        names = ["thirteenth"] if page == "a-new-service.md" else ["orders", "billing"]
        target = "thirteenth:create_app()"
        self.services = [Service(name, folder, target) for name in names]
        self._stack = contextlib.ExitStack()
        self.backends: list[Backend] = [self._stack.enter_context(Backend())]
        # Its tests of processes must not find the key of this one.
        foreign = ("SENTRY", "OTEL", "PYTEST", "SERVICE")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.clean = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        self.clean |= {"PATH": path, "PYTHONWARNINGS": "error", "NO_COLOR": "1"}
        self.shell = self._stack.enter_context(Shell(folder, self.clean))

    def __enter__(self) -> Scenario:
        self._write("thirteenth.py", block_of("a-new-service.md", "thirteenth.py"))
        self._write("orders.py", "from thirteenth import create_app\n\napp = create_app()\n")
        self._write("services.toml", block_of("after-each-deployment.md", "services.toml"))
        self.use(self.backend)
        for service in self.services:
            self._stack.callback(service.stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    @property
    def backend(self) -> Backend:
        """The backend of now."""
        return self.backends[-1]

    def use(self, backend: Backend) -> None:
        """Set the values of the index page, with *backend*."""
        dsn, extra = backend.dsn(1, backend.first_key), ""
        if self.page == "glitchtip-first-day.md":
            port = self._in_front_of(backend)
            dsn = dsn.replace(f":{backend.port}/", f":{port}/")
            extra = f"PUBLIC=http://127.0.0.1:{port}"
        self.shell.run(
            f"export SENTRY_DSN={dsn} SENTRYINIT_AUTH_TOKEN={backend.token}\n"
            f"export SENTRYINIT_DEBUG_TOKEN={TOKEN}\n"
            f"SERVICE={self.services[0].url} BACKEND={backend.url} ORG=acme PROJECT=shop {extra}\n"
            f"OLD_KEY={backend.first_key}\n"
            "sleep() { :; }\n"
        )

    def _in_front_of(self, backend: Backend) -> int:
        (server,) = (
            block.code for block in read(RUNBOOK / self.page) if block.code.startswith("# server")
        )
        server = server.replace("glitchtip:8000", f"127.0.0.1:{backend.port}")
        (self.folder / "nginx").mkdir()
        return self._stack.enter_context(proxy.nginx(self.folder / "nginx", server))

    def _write(self, name: str, code: str) -> None:
        for service in self.services:
            code = code.replace("https://orders.example", self.services[0].url)
            code = code.replace(f"https://{service.name}.example", service.url)
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)

    def deploy(self) -> None:
        """Give the services the variables that the shell has by now."""
        given = {name: self.shell.value(name) for name in DEPLOYED}
        environ = self.clean | {name: value for name, value in given.items() if value}
        environ |= {"SENTRY_RELEASE": self.release, "SENTRYINIT_DEBUG_TOKEN": TOKEN}
        for service in self.services:
            service.deploy(environ | {"SENTRYINIT_SERVICE": service.name})
        self.shell.run("export ORDERS_DSN=$SENTRY_DSN BILLING_DSN=$SENTRY_DSN")

    def run(self) -> list[Block]:
        """Run the page; return the blocks of its shell that ran."""
        text, printed, ran = (RUNBOOK / self.page).read_text(), "", []
        lines = text.splitlines()
        done = 0
        for block in read(RUNBOOK / self.page):
            for heading in set(lines[done : block.line]) & SECTIONS.keys():
                self.backends.append(self._stack.enter_context(Backend(SECTIONS[heading])))
                self.use(self.backend)
            done = block.line
            if block.is_output:
                assert matches(block.code, printed), f"{self.page}:{block.line}\n{printed}"
            elif not block.reason:
                printed = self.run_block(block)
                ran += [block] if block.language == "sh" else []
        return ran

    def run_block(self, block: Block) -> str:
        """Run *block*, or write its file; return what it prints."""
        if block.language in {"python", "toml"}:
            assert block.file, f"{self.page}:{block.line} names no file"
            self._write(block.file, block.code)
        codes = {"sh": [block.code]}
        if block.language == "yaml":
            codes["yaml"] = list(commands(block.code))
        printed = ""
        for code in codes.get(block.language, []):
            if re.search("SERVICE|--fleet", code):
                self.deploy()
            result = self.shell.run(code)
            printed = result.printed
            where = f"{self.page}:{block.line}\n{code}\n{printed}"
            assert result.code == block.exit_code, f"exit code {result.code}: {where}"
            for secret in (self.backend.token, TOKEN):
                assert secret not in printed, where
        return printed
