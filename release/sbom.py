"""Write what follows from ``VERSION.py``; with ``--check``, compare it.

It is the minor release of the core that the other packages need, ``sentryinit~=`` in their
``pyproject.toml``, and the SBOM of each package, ``packages/*/sbom.cdx.json``.

The build puts the file into the sdist, and into the wheel as PEP 770 says. It is committed, so that
every build has it: also one from an sdist, and without a program of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name
from packaging.version import Version

import workspace

NAME = "sbom.cdx.json"


def document(folder: Path, version: str) -> dict[str, Any]:
    """Return the SBOM of the package in *folder*, in the format CycloneDX 1.7.

    It has no serial number and no time, which would differ between two builds.
    """
    project = workspace.project(folder)
    needs = sorted(map(_requirement, project["dependencies"]), key=lambda need: need.name)
    purl = f"{_purl(project['name'])}@{version}"
    component = {
        "type": "library",
        "bom-ref": purl,
        "name": project["name"],
        "version": version,
        "description": project["description"],
        "licenses": [{"expression": project["license"]}],
        "purl": purl,
        "externalReferences": [
            {"type": "documentation", "url": project["urls"]["Documentation"]},
            {"type": "vcs", "url": project["urls"]["Source"]},
        ],
    }
    refs = [_purl(need.name) for need in needs]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "version": 1,
        "metadata": {"component": component},
        "components": [_external(need) for need in needs],
        "dependencies": [{"ref": purl, "dependsOn": refs}, *({"ref": ref} for ref in refs)],
    }


def _external(need: Requirement) -> dict[str, Any]:
    """Return the component of *need*: its range, since the wheel contains no release of it."""
    return {
        "type": "library",
        "bom-ref": _purl(need.name),
        "name": need.name,
        "versionRange": version_range(need),
        "purl": _purl(need.name),
        "isExternal": True,
        "properties": [{"name": "python:requires-dist", "value": str(need)}],
    }


def _requirement(text: str) -> Requirement:
    """Return the requirement with the name as the metadata of a wheel has it."""
    need = Requirement(text)
    need.name = canonicalize_name(need.name)
    return need


def _purl(name: str) -> str:
    return f"pkg:pypi/{canonicalize_name(name)}"


def version_range(need: Requirement) -> str:
    """Return the versions that *need* admits, in the notation ``vers`` of package URLs."""
    bounds = [bound for specifier in need.specifier for bound in _bounds(specifier)]
    ordered = sorted(bounds, key=lambda bound: Version(bound[1]))
    return "vers:pypi/" + ("|".join(map("".join, ordered)) or "*")


def _bounds(specifier: Specifier) -> Iterator[tuple[str, str]]:
    if "*" in specifier.version or specifier.operator == "===":
        raise ValueError(f"{specifier} has no form in a version range: write its bounds")
    if specifier.operator == "~=":
        first = specifier.version.split(".")[:-1]
        yield ">=", specifier.version
        yield "<", ".".join([*first[:-1], str(int(first[-1]) + 1)])
    else:
        yield specifier.operator.replace("==", ""), specifier.version


def text(folder: Path, version: str) -> str:
    """Return the text of the file."""
    return json.dumps(document(folder, version), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str], root: Path = workspace.ROOT) -> int:
    """Write the files, or name those that differ; return the exit code."""
    old = workspace.wrong_pins(root)
    if "--check" not in arguments:
        write(old, root)
    version = workspace.version(root)
    texts = {folder / NAME: text(folder, version) for folder in workspace.folders(root)}
    old_sboms = {p: new for p, new in texts.items() if not p.is_file() or p.read_text() != new}
    if "--check" not in arguments:
        write(old_sboms, root)
        return 0
    for path in old:
        print(f"{path.relative_to(root)} needs {workspace.pin(version)}: run release/sbom.py")
    for path in old_sboms:
        print(f"{path.relative_to(root)} is old: run release/sbom.py")
    return 1 if old or old_sboms else 0


def write(texts: dict[Path, str], root: Path) -> None:
    """Write files, and print their names."""
    for path, new in texts.items():
        path.write_text(new)
        print(path.relative_to(root))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
