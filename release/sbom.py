"""Write the SBOM of each package, ``packages/*/sbom.cdx.json``; with ``--check``, compare it.

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


def main(arguments: list[str]) -> int:
    """Write the files, or name those that differ; return the exit code."""
    texts = {folder / NAME: text(folder, workspace.version()) for folder in workspace.folders()}
    old = [path for path, new in texts.items() if not path.is_file() or path.read_text() != new]
    if "--check" in arguments:
        for path in old:
            print(f"{path.relative_to(workspace.ROOT)} is old: run release/sbom.py")
        return 1 if old else 0
    for path in old:
        path.write_text(texts[path])
        print(path.relative_to(workspace.ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
