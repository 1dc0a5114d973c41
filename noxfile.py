"""Each check is a session; ``matrix.py`` lists the versions to test with.

    nox                                          all checks with the whole matrix
    nox -s ci                                    all checks with each row on some Pythons
    nox -t flask     -t lowest     -t py3.12     one adapter, one label, one Python
    nox -s "adapter(flask-lowest-3.10)" -- -k stream    one row, some of its tests
    nox -t between                               each minor release between lowest and latest
    nox -s "between(django-3.12)" -- 5.1         one of them

The tests import installed wheels: no folder with sources is on ``sys.path``.
"""

from __future__ import annotations

import functools
import json
import os
import runpy
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nox
from nox.command import CommandFailed
from nox.project import dependency_groups, load_toml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent
# nox runs this file without its folder on sys.path.
sys.path.insert(0, str(ROOT))

import dev  # noqa: E402 # found by means of the line above
from matrix import (  # noqa: E402 # likewise
    BETWEEN,
    MATRIX,
    PYTHONS,
    WHERE_FOUND,
    Row,
    Series,
)

# Whose ends of processes are measured: multiprocessing and exit hooks differ between them.
DELIVERED = (PYTHONS[0], PYTHONS[-1])
# The contract tests of a subject, where they do not have its name.
CONTRACTS = {"generic": ("wsgi", "asgi"), "starlette": ("starlette", "fastapi")}

# The Python that ``ci`` leaves out: each of the two runs adapters of both kinds, WSGI and async.
LEFT_OUT = {
    "aiohttp": "3.12",
    "django": "3.11",
    "falcon": "3.12",
    "flask": "3.12",
    "starlette": "3.11",
}

PACKAGES = tuple(sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")))
FRAMEWORKS = tuple(pin for row in MATRIX if row.label == "latest" for pin in row.pins)
# Frameworks whose own tests run with us; two of them, the fastest, in ``ci`` as well.
UPSTREAM = sorted(path.stem for path in ROOT.glob("tests/upstream/*.toml"))
UPSTREAM_IN_CI = ("flask", "starlette")
# The files of GitHub that have a schema.
GITHUB = {
    "dependabot": "dependabot.yml",
    "github-issue-config": "ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": "ISSUE_TEMPLATE/[!c]*.yml",
    "github-workflows": "workflows/*.yml",
}
# Adapters that are written like a third party's: a folder each, and no wheel.
THIRD_PARTY = sorted(path.parent.name for path in ROOT.glob("tests/thirdparty/*/requirements.txt"))

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = "CI" in os.environ
os.environ.update(dev.registry(os.environ))
# dev.py sets it, for nox alone.
os.environ.pop("PYTHONPATH", None)


def interpreters() -> dict[str, str]:
    """Return the path of the newest release of each supported Python on this machine, by version.

    uv looks on PATH and in the folder of its own interpreters. pyenv's are on PATH only as far as
    they are switched on; the folders are looked for beside PATH's too, since HOME may be empty.
    """
    path = os.get_exec_path()
    homes = [Path(folder).parent / "versions" for folder in path]
    homes += [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")]
    homes += [Path(sys.base_prefix).parent]
    folders = [str(folder) for home in homes for folder in sorted(home.glob("*/bin"))]
    command = [nox.virtualenv.UV, "python", "list", "--only-installed", "--output-format=json"]
    env = os.environ | {"PATH": os.pathsep.join([*folders, *path])}
    listed = subprocess.run(command, env=env, capture_output=True, check=True).stdout
    found: dict[str, str] = {}
    for python in json.loads(listed):  # the newest first
        if (python["implementation"], python["variant"]) == ("cpython", "default"):
            version = "{major}.{minor}".format(**python["version_parts"])
            found.setdefault(version, python["path"])
    return found


FOUND = interpreters()
RUNNABLE = tuple(version for version in PYTHONS + WHERE_FOUND if version in FOUND)
if not RUNNABLE:
    sys.exit(f"none of Python {', '.join(PYTHONS + WHERE_FOUND)} is on this machine")
OLDEST, NEWEST = RUNNABLE[0], RUNNABLE[-1]
# A measured session takes twice the time, and the oldest Python adds four lines and branches. Some
# rows do not run on the newest of all: the last Python that all rows are for is measured, too.
MEASURED = {FOUND[NEWEST], *(FOUND[v] for v in PYTHONS[-1:] if v in FOUND)}


@dataclass(frozen=True)
class Cell:
    """What a run of tests is about: a cell of the table in ``docs/reference/compatibility.md``.

    *suffix* tells apart the runs of a session that has several; pytest gets no arguments then.
    """

    subject: str
    label: str
    suffix: str = ""


def rows(*subjects: str) -> list[object]:
    """Return the rows of *subjects* as parameters of a session, one for each Python."""
    return [
        nox.param(
            FOUND.get(version, version),
            row,
            id=row.case(version),
            tags=[row.subject, row.label, f"py{version}"],
        )
        for row in MATRIX
        for version in row.pythons
        if row.subject in subjects and (version in PYTHONS or version in FOUND)
    ]


def between_rows() -> list[object]:
    """Return the series of minor releases as parameters of a session, one for each Python."""
    return [
        nox.param(
            FOUND.get(version, version),
            series,
            id=f"{series.package}-{version}",
            tags=["between", *sorted({series.package, series.subject}), f"py{version}"],
        )
        for series in BETWEEN
        for version in PYTHONS
        if series.on(version)
    ]


def bounded(row: Row) -> list[str]:
    """Return the Pythons on which ``ci`` runs *row*: the oldest for ``lowest``, else the others.

    The command runs on the newest only: it is no part of a service. An adapter runs on one of the
    Pythons between, by turns: what differs between these is in the core, and in the generic
    adapters for WSGI and ASGI, which run on each.
    """
    if row.label == "lowest":
        return [OLDEST]
    if row.subject == "cli":
        return [NEWEST]
    left = LEFT_OUT.get(row.subject) if set(PYTHONS) <= set(FOUND) else None
    others = [version for version in PYTHONS if version not in {OLDEST, left}]
    # A missing Python stays on the list: nox reports it, or fails where CI is set.
    return others if set(others) & set(FOUND) else [OLDEST, *others]


def floors(package: str) -> list[str]:
    """Return the requirements of *package*, each pinned to its lower bound."""
    project = load_toml(ROOT / "packages" / package / "pyproject.toml")["project"]
    needs = [Requirement(text) for text in project["dependencies"]]
    return [
        str(need).replace(">=", "==") for need in needs if not need.name.startswith("sentryinit")
    ]


def tests_of(subject: str) -> list[str]:
    """Return patterns for the test files of *subject*; each has to match a file."""
    if subject in {"cli", "core"}:
        return [f"tests/{subject}"]
    contracts = CONTRACTS.get(subject, (subject,))
    tests = [f"tests/conformance/test_{contract}.py" for contract in contracts]
    return [*tests, f"tests/adapters/test_{subject}*.py"] if subject in PACKAGES else tests


def group(name: str) -> tuple[str, ...]:
    """Return a dependency group of the root ``pyproject.toml``."""
    return dependency_groups(load_toml(ROOT / "pyproject.toml"), name)


@functools.cache
def built(folder: Path, python: str) -> dict[str, str]:
    """Build every package, once per run of nox; return the path of each wheel."""
    shutil.rmtree(folder, ignore_errors=True)
    # As in a release: the same program builds, and the time is that of the commit.
    pinned = folder.with_name("build-constraints.txt")
    pinned.write_text("\n".join(pin for pin in group("workspace") if pin.startswith("hatchling")))
    log = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    time = subprocess.run(log, capture_output=True, text=True, check=True).stdout.strip()
    uv = [nox.virtualenv.UV, "build", "--quiet", "--python", python, "--build-constraints", pinned]
    for package in PACKAGES:
        # First the sdist, then the wheel from that sdist.
        target = ["--out-dir", str(folder), str(ROOT / "packages" / package)]
        nox.command.run([*map(str, uv), *target], env=os.environ | {"SOURCE_DATE_EPOCH": time})
    names = {
        package: load_toml(ROOT / "packages" / package / "pyproject.toml")["project"]["name"]
        for package in PACKAGES
    }
    return {
        package: str(next(folder.glob(f"{name.replace('-', '_')}-*.whl")))
        for package, name in names.items()
    }


def install(session: nox.Session, packages: Iterable[str], *others: str) -> None:
    """Install the wheels of *packages*, by path: a wheel by name may come from uv's cache."""
    wheels = built(session.cache_dir / "dist", FOUND[NEWEST])
    session.install(*(wheels[package] for package in packages), *others)


def run_tests(
    session: nox.Session,
    *patterns: str,
    options: Iterable[str] = (),
    env: Mapping[str, str] | None = None,
    measured: bool = True,
    cell: Cell | None = None,
) -> None:
    """Run the tests at *patterns* with *options* of pytest; fail if a pattern has no test.

    *env* are further variables; with PYTHONPATH, a folder is on ``sys.path`` in the processes that
    tests start as well. *measured* records coverage, on some Pythons. *cell* is what a run of all
    tests is kept as.
    """
    paths = ["tests/workspace/test_installed.py"]
    for pattern in patterns:
        found = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern))
        if not found:
            session.error(f"there are no tests at {pattern}")
        paths += found
    posargs = () if cell and cell.suffix else session.posargs
    report = session.cache_dir / f"{session.name}{cell.suffix if cell else ''}.xml"
    measured = measured and session.python in MEASURED
    python = ["coverage", "run"] if measured else ["python"]
    # A test that hangs fails, and says where it stood; the longest takes some seconds.
    pytest = [*python, "-m", "pytest", "--timeout=120", f"--junit-xml={report}"]
    # pytest's own tracebacks, also of what is expected to fail, parse whole files: that is slow,
    # and on Python 3.11 a collection in the midst of it can end the run (a bug of its parser).
    pytest.append("--tb=native")
    if not posargs:
        # worksteal: else one process waits for the slow tests of another at the end.
        pytest += ["--numprocesses=auto", "--dist=worksteal"]
    variables = environment(session) | dict(env or {})
    passed = False
    try:
        session.run(*pytest, *options, *paths, *posargs, env=variables)
        if not posargs:
            demand(session, report, paths)
        passed = True
    finally:
        if cell and not posargs:
            keep(session, cell, passed=passed)


def keep(session: nox.Session, cell: Cell, *, passed: bool) -> None:
    """Keep what was run, with the versions of what it ran with, for ``nox -s compatibility``."""
    folder = session.cache_dir / "cells"
    folder.mkdir(exist_ok=True)
    path = folder / f"{cell.subject}-{cell.label}-{session.name}.json"
    said = [str(path), cell.subject, cell.label, "passed" if passed else "failed"]
    session.run("python", "tests/docs/cell.py", *said, env={"PYTHONPATH": None})


def environment(session: nox.Session) -> dict[str, str | None]:
    """Return the environment of the tests, without the variables that configure services."""
    data = session.cache_dir / "coverage"
    data.mkdir(exist_ok=True)
    for old in data.glob(f"{session.name}.*"):
        old.unlink()
    # What development mode checks in memory is for extensions in C; it takes a fifth of the time.
    python = {"PYTHONDEVMODE": "1", "PYTHONMALLOC": "pymalloc"}
    return clean() | python | {"COVERAGE_FILE": str(data / session.name)}


def clean() -> dict[str, str | None]:
    """Return what removes, from the environment, the variables that configure services."""
    # The last ones are of platforms, for the release.
    platforms = ("HEROKU_", "SOURCE_VERSION", "CODEBUILD_", "CIRCLE_", "GAE_", "K_REVISION")
    foreign = ("SENTRY", "OTEL", *platforms)
    found = [name for name in os.environ if name.startswith(foreign)]
    # With the last one, as in containers, each process that a test starts compiles all it imports.
    return dict.fromkeys([*found, "ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"])


def demand(session: nox.Session, report: Path, paths: list[str]) -> None:
    """Fail if one of *paths* had no test that ran: none was collected, or all were skipped."""
    ran = {
        case.get("classname", "")
        for case in ET.parse(report).iter("testcase")  # noqa: S314 # pytest wrote it, just now
        if case.find("skipped") is None
    }
    for path in paths:
        module = path.removesuffix(".py").replace("/", ".")
        if not any(f"{name}.".startswith(f"{module}.") for name in ran):
            session.error(f"no test of {path} ran")


@nox.session(python=FOUND[NEWEST])
def lint(session: nox.Session) -> None:
    """Check style, format, the rules for imports, and the files of pre-commit and GitHub."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    sources = os.pathsep.join(str(path) for path in sorted(ROOT.glob("packages/*/src")))
    session.run("lint-imports", env={"PYTHONPATH": sources})
    session.run("pre-commit", "validate-config")
    session.run("python", "release/sbom.py", "--check")
    session.run("zizmor", "--offline", "--quiet", "--persona=auditor", ".github")
    for schema, pattern in GITHUB.items():
        files = [str(path) for path in sorted(ROOT.glob(f".github/{pattern}"))]
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


@nox.session(python=FOUND[NEWEST], default=False)
def actionlint(session: nox.Session) -> None:
    """Check the workflows once more; the build of this program downloads it from GitHub."""
    session.install(*group("actionlint"))
    session.run("actionlint", "-color")


@nox.session(python=FOUND[NEWEST])
def types(session: nox.Session) -> None:
    """Check the types of the sources, and those that users of the packages see."""
    install(session, PACKAGES, *FRAMEWORKS, *group("types"), *group("test"))
    sources = [f"packages/{package}/src" for package in PACKAGES]
    programs = ["noxfile.py", "dev.py", "matrix.py", "release", "tests/typing"]
    session.run("mypy", *sources, *programs)
    session.run("pyright")
    for source in sorted(ROOT.glob("packages/*/src/*/py.typed")):
        session.run("pyright", "--verifytypes", source.parent.name, "--ignoreexternal")


@nox.session
@nox.parametrize("python,row", rows("core"))
def core(session: nox.Session, row: Row) -> None:
    """Run the unit and property tests of the core, with no framework installed."""
    test_row(session, row)


@nox.session
@nox.parametrize("python,row", rows("generic", "aiohttp", "django", "falcon", "flask", "starlette"))
def adapter(session: nox.Session, row: Row) -> None:
    """Run the contract on one framework, and the tests of its adapter."""
    test_row(session, row)


@nox.session
@nox.parametrize("python,row", rows("cli"))
def cli(session: nox.Session, row: Row) -> None:
    """Test the command against stand-ins of the backends, with applications of all frameworks."""
    pins = [floor for name in ("core", "cli") for floor in floors(name)]
    servers = "--requirement=tests/process/requirements.txt"
    chosen = pins if row.label == "lowest" else ()
    install(session, PACKAGES, *FRAMEWORKS, servers, *chosen, *group("test"))
    run_tests(session, *tests_of("cli"), cell=Cell("cli", row.label))


@nox.session(python=FOUND[NEWEST])
def verify(session: nox.Session) -> None:
    """Verify services of all adapters, under real servers, against a real backend."""
    servers = "--requirement=tests/process/requirements.txt"
    install(session, PACKAGES, *FRAMEWORKS, servers, "pip", *group("test"))
    # The backend, into a venv of its own that the next run uses again.
    venv = session.cache_dir / "venv-bugsink"
    session.run("python", "tests/verify/bugsink.py", str(venv), env=clean())
    # Each process of the tests would start a backend and all services.
    options = ["--numprocesses=0", "--dist=no"]
    env = {"BUGSINK_VENV": str(venv)}
    run_tests(session, "tests/verify", options=options, env=env, measured=False)


@nox.session(python=FOUND[NEWEST])
def tutorials(session: nox.Session) -> None:
    """Follow each page of the tutorial, from an empty folder to its events in a real backend."""
    install(session, ("core",), *group("test"))
    # The tests of a page share a backend; what they start is not measured.
    options = ["--numprocesses=0", "--dist=no", "--timeout=600"]
    wheels = str(session.cache_dir / "dist")
    env = {"TUTORIAL_WHEELS": wheels, "TUTORIAL_UV": nox.virtualenv.UV}
    run_tests(session, "tests/tutorial", options=options, env=env, measured=False)


def test_row(session: nox.Session, row: Row) -> None:
    """Install the versions of *row* and run its tests."""
    packages = {"core"} if row.subject == "core" else {"core", "testkit", row.subject}
    needed = [name for name in PACKAGES if name in packages]
    pins = list(row.pins)
    if row.label == "lowest":
        pins += [floor for name in needed if name != "testkit" for floor in floors(name)]
    if (row.subject, row.label) == ("core", "latest"):
        pins += group("oracle")
    install(session, needed, *pins, *group("test"))
    run_tests(session, *tests_of(row.subject), cell=Cell(row.subject, row.label))


@nox.session
@nox.parametrize("python,series", between_rows())
def between(session: nox.Session, series: Series) -> None:
    """Test each minor release between `lowest` and `latest`; `-- 5.1` tests one."""
    version = next(version for version in PYTHONS if FOUND.get(version) == session.python)
    failed = []
    for minor in session.posargs or series.on(version):
        cell = Cell(series.package, minor, suffix=f"-{minor}")
        needed = [name for name in PACKAGES if name in {"core", "testkit", series.subject}]
        pins = [f"{series.package}=={minor}.*", *series.pins]
        tests = series.tests or tests_of(series.subject)
        try:
            install(session, needed, *pins, *group("test"))
            run_tests(session, *tests, measured=False, cell=cell)
        except CommandFailed:
            failed.append(minor)
    if failed:
        session.error(f"{series.package}: {', '.join(failed)} failed")


@nox.session(python=FOUND[NEWEST])
def testkit(session: nox.Session) -> None:
    """Test the contract: a correct adapter passes, each broken one fails its clause."""
    install(session, ("core", "testkit"), *group("test"))
    run_tests(session, "tests/testkit")


@nox.session(python=FOUND[NEWEST])
@nox.parametrize("name", THIRD_PARTY, ids=THIRD_PARTY)
def thirdparty(session: nox.Session, name: str) -> None:
    """Run the contract on an adapter that is no wheel, with its framework's latest version."""
    folder = f"tests/thirdparty/{name}"
    requirements = f"--requirement={folder}/requirements.txt"
    install(session, ("core", "testkit"), requirements, *group("test"))
    run_tests(session, folder, env={"PYTHONPATH": str(ROOT / folder)}, measured=False)


@nox.session
@nox.parametrize(
    "python",
    [
        nox.param(FOUND.get(version, version), id=version, tags=[f"py{version}"])
        for version in PYTHONS + WHERE_FOUND
        if version in PYTHONS or version in FOUND
    ],
)
def process(session: nox.Session) -> None:
    """Test real servers in processes of their own: signals, forks, sockets."""
    servers = "--requirement=tests/process/requirements.txt"
    install(session, PACKAGES, *FRAMEWORKS, servers, *group("test"))
    # Its servers, a process each, start in half the time; the other tests reach the same lines.
    chosen = ["-m", "not whole"]
    cell = Cell("servers", "process")
    run_tests(session, "tests/process", options=chosen, measured=False, cell=cell)


@nox.session
@nox.parametrize(
    "python", [nox.param(FOUND.get(version, version), id=version) for version in DELIVERED]
)
def delivered(session: nox.Session) -> None:
    """End processes in each way, and make their backend fail; the oldest Python has a part."""
    install_delivery(session, *group("test"))
    # The processes mostly wait.
    options = ["--numprocesses=6", "--dist=worksteal"]
    oldest = session.python == FOUND.get(DELIVERED[0])
    options += ["-m", "both" if oldest else "not whole"]
    run_tests(session, "tests/delivery", options=options, measured=False)


@nox.session(default=False)
@nox.parametrize(
    "python", [nox.param(FOUND.get(version, version), id=version) for version in DELIVERED]
)
def delivery(session: nox.Session) -> None:
    """Measure what is delivered, 20 times each, and write the page's results; takes two hours.

    ``-- --runs 3 --case "servers: gunicorn*"`` runs a part, and keeps the other results.
    """
    install_delivery(session)
    into = str(ROOT / "docs/reference/delivery.json")
    folders = os.pathsep.join(str(ROOT / "tests" / name) for name in ("delivery", "process"))
    env = clean() | {"PYTHONPATH": folders}
    # 1: a case is not as promised, which the page shows.
    done = (0, 1)
    run = ["python", "-m", "delivery", "--into", into]
    session.run(*run, *session.posargs, env=env, success_codes=done)


def install_delivery(session: nox.Session, *others: str) -> None:
    """Install what ``tests/delivery`` runs."""
    install(session, PACKAGES, "--requirement=tests/delivery/requirements.txt", *others)


@nox.session(python=FOUND[NEWEST])
def aborts(session: nox.Session) -> None:
    """Test all servers with all cases of clients that disconnect and servers that stop."""
    servers = "--requirement=tests/process/servers.txt"
    install(session, PACKAGES, *FRAMEWORKS, servers, *group("test"))
    tests = ("table", "scope", "run", "gevent")
    cell = Cell("servers", "aborts")
    run_tests(session, *(f"tests/process/test_{name}.py" for name in tests), cell=cell)


@nox.session(python=FOUND[NEWEST])
@nox.parametrize("part", ["short", "whole"], ids=["short", "whole"])
def jobs(session: nox.Session, part: str) -> None:
    """Test workers of queues, schedulers and programs without requests; *part*: how many cases."""
    queues = "--requirement=tests/jobs/requirements.txt"
    install(session, ("core", "django"), queues, *group("test"))
    # The applications are processes of their own, which fork: they are not measured.
    chosen = ["-m", "not whole"] if part == "short" else ["-m", "whole"]
    run_tests(session, "tests/jobs", options=chosen, measured=False)


# A fixed Python: the versions of what these tests need are fixed, too.
@nox.session(python=FOUND.get("3.13", FOUND[NEWEST]))
@nox.parametrize("framework", UPSTREAM, ids=UPSTREAM)
def upstream(session: nox.Session, framework: str) -> None:
    """Run a framework's own tests without and with us; the same tests have to pass."""
    plan = load_toml(ROOT / f"tests/upstream/{framework}.toml")
    install(session, ("core", framework), "pip", plan["sdist"], *plan["requirements"])
    folder = session.cache_dir / "upstream" / plan["sdist"]
    if not list(folder.glob("*.tar.gz")):
        # pip builds the metadata of what it downloads; Falcon would compile itself for it.
        only = f"--no-binary={Requirement(plan['sdist']).name}"
        pip = ["pip", "download", "--quiet", "--no-deps", only, f"--dest={folder}", plan["sdist"]]
        session.run("python", "-m", *pip, env={"FALCON_DISABLE_CYTHON": "1"})
    (archive,) = folder.glob("*.tar.gz")
    source = folder / archive.name.removesuffix(".tar.gz")
    shutil.rmtree(source, ignore_errors=True)
    shutil.unpack_archive(archive, folder)
    session.run("python", "tests/upstream/compare.py", framework, str(source), env=clean())


@nox.session(python=FOUND.get("3.13", FOUND[NEWEST]))
def applications(session: nox.Session) -> None:
    """Run applications of others with us, each under its server, and make them fail."""
    needs = "--requirement=tests/applications/requirements.txt"
    adapters = ("core", "aiohttp", "django", "falcon", "flask", "starlette")
    install(session, adapters, needs, *group("test"))
    # The tests of a file share one application, and the first of them starts it.
    options = ["--dist=loadfile", "--timeout=300"]
    run_tests(session, "tests/applications", options=options, measured=False)


@nox.session(python=FOUND[NEWEST])
def docs(session: nox.Session) -> None:
    """Check the pages, run their examples, build the site, and look at it with a browser."""
    install(session, PACKAGES, *FRAMEWORKS, *group("docs"), *group("site"), *group("test"))
    session.run("cog", "--check", "--diff", "@tests/docs/cog.txt")
    site = ROOT / "docs/_build/html"
    shutil.rmtree(site.parent, ignore_errors=True)
    sphinx = ["sphinx-build", "-q", "-W", "--keep-going", "-d", str(site.parent / "doctrees")]
    session.run(*sphinx, "docs", str(site), env=clean())
    print(f"the site is in {site.relative_to(ROOT)}/index.html")
    install_browser(session)
    # Its examples, a process each, take twice as long if they are measured.
    tests = ("tests/docs", "tests/site", "tests/demo", "tests/benchmarks")
    run_tests(session, *tests, env={"SITE": str(site)}, measured=False)


def install_browser(session: nox.Session) -> None:
    """Install Debian's Chromium where it is missing, and may be installed: as root, or in CI."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    is_root = hasattr(os, "getuid") and os.getuid() == 0
    if any(map(shutil.which, names)) or not shutil.which("apt-get"):
        return
    if not (is_root or ("CI" in os.environ and shutil.which("sudo"))):
        return
    apt = [*([] if is_root else ["sudo", "-n"]), "apt-get", "-qq"]
    # Without a browser, its tests are skipped, and say so: a mirror may be away.
    done, env = range(256), {"DEBIAN_FRONTEND": "noninteractive"}
    session.run(*apt, "update", external=True, success_codes=done, env=env)
    chosen = ["install", "--yes", "--no-install-recommends", "chromium"]
    session.run(*apt, *chosen, external=True, success_codes=done, env=env)


@nox.session(python=FOUND[NEWEST])
def wheels(session: nox.Session) -> None:
    """Check the wheels as built, and the rules of the workspace."""
    install(session, PACKAGES, *FRAMEWORKS, *group("test"), *group("workspace"))
    dist = session.cache_dir / "dist"
    check_files(session, dist)
    core = [str(path) for path in sorted(ROOT.glob("packages/core/src/**/*.py"))]
    session.run("python", "tests/workspace/rules.py", *core)
    run_tests(session, "tests/workspace", measured=False)
    env = clean() | {"UV": nox.virtualenv.UV}
    session.run("python", "release/changelog.py")
    session.run("python", "release/artifacts.py", "again", str(dist), env=env)
    session.run("python", "release/by_name.py", str(dist), FOUND[NEWEST], env=env)


def check_files(session: nox.Session, dist: Path) -> None:
    """Check the metadata and the contents of what would be published."""
    files = [str(path) for path in sorted(dist.glob("sentryinit*"))]
    projects = [str(path) for path in sorted(ROOT.glob("packages/*/pyproject.toml"))]
    session.run("validate-pyproject", *projects)
    session.run("twine", "check", "--strict", *files)
    for package in PACKAGES:
        name = f"sentryinit_{package}".replace("_core", "")
        (wheel,) = dist.glob(f"{name}-*.whl")
        session.run("check-wheel-contents", f"--src-dir=packages/{package}/src", str(wheel))


@nox.session(python=FOUND[NEWEST], default=False)
def release(session: nox.Session) -> None:
    """Build what is published into ``dist/``, and try it on each Python.

    ``-- --tag`` refuses what is a warning otherwise, and makes the tag. ``-- --upload`` sends the
    files to the index; this commit then needs the tag. Without it nothing leaves this machine.
    """
    if session.posargs not in ([], ["--tag"], ["--upload"]):
        session.error("the one argument is --tag or --upload")
    upload = session.posargs == ["--upload"]
    # First: the rest takes minutes.
    session.install("tomli>=2; python_version < '3.11'")
    if upload:
        session.run("python", "release/changelog.py", "--release", "--required")
    session.run("python", "release/ready.py", *["--tag"] * bool(session.posargs))
    session.install(*FRAMEWORKS, *group("test"), *group("workspace"))
    env = clean() | {"UV": nox.virtualenv.UV}
    dist = ROOT / "dist"
    session.run("python", "release/artifacts.py", "build", str(dist), env=env)
    check_files(session, dist)
    wheels = [str(path) for path in sorted(dist.glob("*.whl"))]
    session.install("--reinstall", "--no-deps", *wheels)
    session.install(*wheels)
    pytest = ["python", "-m", "pytest", "--timeout=120", "--numprocesses=auto"]
    session.run(*pytest, "tests/workspace", env=environment(session))
    # The index redirects what it does not have: pip asks one index, as by default.
    others = [f"--fallback={url}" for url in (os.environ.get("UV_DEFAULT_INDEX"),) if url]
    pythons = [FOUND[version] for version in RUNNABLE]
    session.run("python", "release/by_name.py", str(dist), *pythons, "--with-pip", *others, env=env)
    # Once more: what is in the way of a tag is read at the end.
    session.run("python", "release/ready.py", *["--tag"] * bool(session.posargs))
    if upload:
        session.run("twine", "upload", *map(str, sorted(dist.glob("sentryinit*"))))
    elif session.posargs:
        version = runpy.run_path(str(ROOT / "VERSION.py"))["__version__"]
        tag = ["git", "tag", "--sign", f"v{version}", f"--message=sentryinit {version}"]
        session.run(*tag, external=True)


@nox.session(python=FOUND[OLDEST])
@nox.parametrize("package", PACKAGES, ids=PACKAGES)
def minimums(session: nox.Session, package: str) -> None:
    """Install each package alone with its lowest requirements, and report one error."""
    rows_ = [row for row in MATRIX if (row.subject, row.label) == (package, "lowest")]
    needed = sorted({"core", package})
    projects = [f"--requirement=packages/{name}/pyproject.toml" for name in needed]
    pins = [pin for row in rows_ for pin in row.pins]
    install(session, needed, "--resolution=lowest-direct", *projects, *pins)
    session.run("python", "tests/workspace/smoke.py", package, env={"PYTHONPATH": "release"})


@nox.session(python=FOUND[NEWEST])
def cover(session: nox.Session) -> None:
    """Check the coverage of the sessions that ran before this one."""
    data = session.cache_dir / "coverage"
    if not data.is_dir() or not any(data.iterdir()):
        session.error("nothing has been measured: run the tests first")
    session.install(*group("test"))
    env = {"COVERAGE_FILE": str(session.cache_dir / "coverage.all")}
    # One by one: from a folder, coverage takes only files with the name of its output.
    files = sorted(str(file) for file in data.iterdir())
    session.run("coverage", "combine", "--quiet", "--keep", *files, env=env)
    session.run("coverage", "report", env=env)


@nox.session(venv_backend="none", default=False)
def ci(session: nox.Session) -> None:
    """Run all checks, with each row of the matrix on some Pythons."""
    shutil.rmtree(session.cache_dir / "coverage", ignore_errors=True)
    for name in ("lint", "types"):
        session.notify(name)
    for row in MATRIX:
        for version in bounded(row):
            session.notify(f"{row.session}({row.case(version)})")
    for name in THIRD_PARTY:
        session.notify(f"thirdparty({name})")
    for name in UPSTREAM_IN_CI:
        session.notify(f"upstream({name})")
    delivered_on = [f"delivered({version})" for version in DELIVERED if version in FOUND]
    real = [f"process({NEWEST})", *delivered_on, "jobs(short)", "verify", "tutorials"]
    for name in ("testkit", *real, "docs", "wheels"):
        session.notify(name)
    for package in PACKAGES:
        session.notify(f"minimums({package})")
    session.notify("cover")


@nox.session(python=FOUND[NEWEST], default=False)
def compatibility(session: nox.Session) -> None:
    """Add what the sessions of this checkout ran to the page on compatibility."""
    install(session, PACKAGES, *FRAMEWORKS, *group("docs"), *group("test"))
    cells = str(session.cache_dir / "cells")
    session.run("python", "tests/docs/cell.py", cells, "docs/reference/compatibility.json")
    options = ["-r", "-P", "-I", "tests/docs", "-p", "import tables"]
    session.run("cog", *options, "docs/reference/compatibility.md")


@nox.session(python=FOUND[NEWEST], default=False)
def newer(session: nox.Session) -> None:
    """Fail if the registry has a minor release that is in no row of the matrix."""
    session.install("pip", "packaging")
    session.run("python", "tests/workspace/newer.py")


@nox.session(venv_backend="none", default=False)
def demo(session: nox.Session) -> None:
    """Run a real backend and real services, and print what the backend stored."""
    session.run(sys.executable, "dev.py", "demo", *session.posargs)


@nox.session(python=FOUND["3.12"] if "3.12" in FOUND else FOUND[NEWEST], default=False)
def bench(session: nox.Session) -> None:
    """Measure the costs beside those of others, and write the page; takes ten minutes."""
    servers = "--requirement=tests/process/requirements.txt"
    install(session, PACKAGES, *FRAMEWORKS, servers)
    session.run("python", "benchmarks/bench.py", *session.posargs, env={"PYTHONPATH": None})
