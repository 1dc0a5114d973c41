"""The names of other projects that the API pages link, for intersphinx: no network is needed."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import tomllib

NAMES: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("inventories.toml").read_text()
)


def write(app: Any, config: Any) -> None:
    """Write an inventory of each project, and set intersphinx to these."""
    folder = Path(app.doctreedir, "inventories")
    folder.mkdir(parents=True, exist_ok=True)
    for project, known in NAMES.items():
        lines = [
            f"{name} py:{role} 1 {address} -"
            for role, names in known.items()
            if role != "url"
            for name, address in names.items()
        ]
        head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
        head += "# The remainder of this file is compressed using zlib.\n"
        body = zlib.compress("".join(f"{line}\n" for line in lines).encode())
        file = folder / f"{project}.inv"
        file.write_bytes(head.encode() + body)
        config.intersphinx_mapping[project] = (known["url"], str(file))
