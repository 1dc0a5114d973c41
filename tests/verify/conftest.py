from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import bugsink
import pytest
from live import DEBUG_TOKEN, OTHERS, Site, start


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Bugsink with a project for each service of the demo, and these services."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "bugsink").mkdir()
    names = [service.name for service in bugsink.demo.SERVICES]
    with bugsink.processes.Processes(folder) as running:
        python = bugsink.install.bugsink(running, Path(os.environ["BUGSINK_VENV"]))
        store = bugsink.start(running, python, folder / "bugsink", [*names, *OTHERS])
        services = {
            name: start(running, service, store.dsns[name])
            for name, service in zip(names, bugsink.demo.SERVICES, strict=True)
        }
        for one in services.values():
            running.wait_until(one.process, one.is_ready, 60)
        keys = [dsn.partition("://")[2].partition("@")[0] for dsn in store.dsns.values()]
        yield Site(store, running, services, folder, python, [DEBUG_TOKEN, *keys])
