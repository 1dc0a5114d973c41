"""Generate the tables of the pages: cog calls these functions where a page names them.

``cog -r @tests/docs/cog.txt`` writes the tables; with ``--check`` in place of ``-r`` it compares
them. Both need the packages, their frameworks and the dependency group ``docs``.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import runpy
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from sentryinit._config import settings as _settings
from sentryinit._config.options import REFUSED, TABLE, Option
from sentryinit._policy.verdict import COUNTERS, Reason
from sentryinit._sdk.losses import REASONS as LOST

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
BINDING = " binding of sentryinit"
# The reasons for which a log record is no event of its own.
OF_RECORDS = Reason.IGNORED_LOGGER, Reason.LOG_EVENTS, Reason.KNOWN_RECORD, Reason.SAME_RECORD
# The modules with public names, and whom each is for.
PUBLIC = {
    "sentryinit": "applications",
    "sentryinit.wsgi": "WSGI applications, and their adapters",
    "sentryinit.asgi": "ASGI applications, and their adapters",
    "sentryinit.testing": "tests",
    "sentryinit_aiohttp": "applications",
    "sentryinit_django": "applications",
    "sentryinit_falcon": "applications",
    "sentryinit_flask": "applications",
    "sentryinit_starlette": "applications",
    "sentryinit.adapters": "authors of adapters",
    "sentryinit_testkit": "authors of adapters",
    "sentryinit.diagnostics": "tools",
}


def _grid(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    made = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in made)


def _default_of(option: Option) -> str:
    """Return the default of *option* as the page shows it."""
    if option.default is None or option.default in ("", (), {}):
        return "sentry-sdk's own" if option.passed_to_sdk else "none"
    return f"`{option.default}`"


def adapters(pages: str = "") -> str:
    """Return the table of adapters, each linked to its page in the folder *pages*, if given."""
    rows = []
    for path in sorted(ROOT.glob("packages/*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        framework = project["description"].removesuffix(BINDING)
        if framework != project["description"]:
            link = f"[{framework}]({pages}/{path.parent.name}.md)" if pages else framework
            rows.append([link, f"`{project['name']}`"])
    return _grid(["framework", "wheel"], sorted(rows, key=lambda row: row[0].lower()))


def reasons() -> str:
    """Return the table of reasons for which a failure gives no event."""
    dropped = Reason.BEFORE_SEND, Reason.PROCESSOR, Reason.SAMPLED, Reason.CLOSED
    counters = {**COUNTERS, Reason.RATE_LIMITED: "suppressed", **dict.fromkeys(dropped, "dropped")}
    rows = [
        [reason.value, f"`{counters[reason]}`" if reason in counters else ""]
        for reason in Reason
        if reason not in OF_RECORDS
    ]
    rows += [[f"lost: {what}", "`lost`"] for what in LOST.values()]
    rows += [["rejected with HTTP 401: check the key in the DSN (and other statuses)", "`lost`"]]
    return _grid(["reason in the log", "counter in `stats()`"], rows)


def record_reasons() -> str:
    """Return the table of reasons for which a log record is no event of its own."""
    rows = [[reason.value] for reason in Reason if reason in OF_RECORDS]
    return _grid(["reason in the log"], rows)


def options() -> str:
    """Return the table of settings."""
    rows = [
        [
            f"`{name}`",
            option.doc.replace("|", "\\|"),
            option.type.expected,
            _default_of(option),
            ", ".join(f"`{variable}`" for variable in _settings.variables(name)) or "in code only",
        ]
        for name, option in TABLE.items()
    ]
    return _grid(["option", "what it is", "value", "default", "environment"], rows)


def refused() -> str:
    """Return the table of the options of sentry-sdk that are refused."""
    reasons = defaultdict(list)
    for name, why in REFUSED.items():
        reasons[why].append(f"`{name}`")
    return _grid(
        ["refused", "why, and what to do"], [[", ".join(n), why] for why, n in reasons.items()]
    )


def verdicts() -> str:
    """Return the table of the verdicts of ``sentryinit verify``, with their exit codes."""
    from sentryinit_cli.verdicts import Verdict

    rows = [[str(each.exit_code), each.word, each.meaning] for each in Verdict]
    return _grid(["exit code", "verdict", "meaning"], rows)


def commands() -> str:
    """Return a section for each command: its usage, its text, its arguments and options."""
    from sentryinit_cli import cli

    parts = [_command("sentryinit", cli)]
    parts += [_command(f"sentryinit {name}", made) for name, made in sorted(cli.commands.items())]
    return "\n\n".join([*parts, _run()])


def _command(name: str, made: click.Command) -> str:
    context = click.Context(made, info_name=name)
    usage = " ".join([name, *made.collect_usage_pieces(context)])
    text = inspect.cleandoc(made.help or "")
    rows = []
    for option in made.get_params(context):
        if isinstance(option, click.Option):
            value = "" if option.is_flag or option.count else option.make_metavar(context)
            names = ", ".join(f"`{' '.join(filter(None, (each, value)))}`" for each in option.opts)
            help_ = " ".join((option.get_help_record(context) or ("", ""))[1].split())
            rows.append([each.replace("|", "\\|") for each in (names, help_)])
    return f"## `{name}`\n\n`{usage}`\n\n{text}\n\n{_grid(['option', 'what it is'], rows)}"


def _run() -> str:
    """Return the section of ``python -m sentryinit run``, from its help."""
    command = [sys.executable, "-m", "sentryinit", "run", "--help"]
    env = {**os.environ, "COLUMNS": "300", "NO_COLOR": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    usage, text = done.stdout.removeprefix("usage: ").split("\n\n")[:2]
    rows = re.findall(r"^  (-.+?)  +(\S.+)$", done.stdout, re.MULTILINE)
    table = _grid(["option", "what it is"], [[f"`{name}`", what] for name, what in rows])
    return f"## `python -m sentryinit run`\n\n`{usage}`\n\n{text}\n\n{table}"


def public_names() -> str:
    """Return the table of the public names of Python."""
    rows = []
    for module, whom in PUBLIC.items():
        names = sorted(importlib.import_module(module).__all__, key=str.lower)
        pages = module.removeprefix("sentryinit_").removeprefix("sentryinit.")
        link = f"[`{module}`](api/{pages}.md)"
        rows.append([link, whom, ", ".join(f"`{name}`" for name in names)])
    return _grid(["module", "for", "names"], rows)


def entry_points() -> str:
    """Return the table of the entry points that wheels of ours have, by group."""
    found = defaultdict(list)
    for path in sorted(ROOT.glob("packages/*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        groups = {**project.get("entry-points", {})}
        groups |= {"console_scripts": project["scripts"]} if "scripts" in project else {}
        for group, points in groups.items():
            found[group] += [f"`{name}` ({project['name']})" for name in points]
    return _grid(["group", "names"], [[f"`{name}`", ", ".join(found[name])] for name in found])


def fleet_keys() -> str:
    """Return the table of the keys of a fleet's file."""
    from sentryinit_cli.fleet_keys import KEYS

    rows = [
        [f"`{name}`", key.doc, key.expected, "no" if key.is_own else "yes"]
        for name, key in KEYS.items()
    ]
    return _grid(["key", "what it is", "value", "in `[defaults]`"], rows)


def clauses() -> str:
    """Return the table of adapters and clauses for the drivers of this checkout."""
    from sentryinit_testkit import table

    folder = ROOT / "tests/conformance"
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    names = sorted(path.stem for path in folder.glob("drivers/[!_]*.py"))
    modules = [importlib.import_module(f"drivers.{name}") for name in names]
    drivers = [driver for module in modules for driver in getattr(module, "DRIVERS", ())]
    return table.render(drivers).rstrip()


def servers() -> str:
    """Return the table of the servers that ``tests/process`` starts."""
    table = _processes()
    shown = {"app": "app:app", "port": "PORT", "timeout": "T", "grace": "G", "prefix": "VENV"}
    rows = []
    for name, server in table.SERVERS.items():
        line = server.command.format(**shown).replace("-c 'import pyuwsgi; pyuwsgi.run()'", "uwsgi")
        runs = [
            name for name, framework in table.FRAMEWORKS.items() if framework.kind == server.kind
        ]
        rows.append([name, ", ".join(runs), f"`{line.removeprefix('-m ')}`"])
    return _grid(["server", "applications", "command"], rows)


def outcomes(group: str) -> str:
    """Return the table of one group of situations: the outcomes, and the servers of each."""
    rows = []
    for situation, words in _processes().WORDS[group].items():
        for cell, where in _places(situation).items():
            sees = f"`{cell.sees}`" if cell.sees else f"nothing: {cell.hides}" if cell.hides else ""
            rows.append([words, where, sees, _reported(cell)])
    return _grid(["situation", "where", "the handler sees", "reported"], rows)


def _processes() -> Any:
    if str(ROOT / "tests/process") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests/process"))
    return importlib.import_module("harness.table")


def _reported(cell: Any) -> str:
    if not cell.events:
        return "nothing"
    (said,) = {_said(failure) for failure in cell.events}
    count = len(cell.events)
    return f"{count} of {said}" if count > 1 else said


def _said(failure: Any) -> str:
    level = "" if failure.level == "error" else f", {failure.level}"
    status = f", status {failure.status}" if failure.error and failure.status else ""
    return f"`{failure.error or f'HTTP {failure.status}'}`{status}{level}"


def _places(situation: str) -> dict[Any, str]:
    """Return the outcomes of *situation*, each with the applications and servers that have it."""
    table = _processes()
    runs: dict[str, list[str]] = defaultdict(list)
    for framework, server in table.services():
        runs[framework].append(server)
    where: dict[Any, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for framework, server, played, cell in table.cells():
        if played == situation:
            where[cell][framework].append(server)
    return {
        cell: "everywhere" if found == runs else _listed(found, runs)
        for cell, found in where.items()
    }


def _listed(found: dict[str, list[str]], runs: dict[str, list[str]]) -> str:
    together: dict[str, list[str]] = defaultdict(list)
    for framework, on in found.items():
        others = [server for server in runs[framework] if server not in on]
        few = len(others) < len(on)
        words = (
            f" but {', '.join(others)}" if others and few else "" if few else f" on {', '.join(on)}"
        )
        together[words].append(framework)
    return "; ".join(f"{', '.join(names)}{words}" for words, names in together.items())


def delivered(section: str) -> str:
    """Return the table of what ``nox -s delivery`` found in *section* of its cases."""
    results = _results()
    heads = [f"Python {python}" for python in results]
    rows = []
    for case in _cases():
        if case.section == section:
            rows += _rows_of(case, results)
    return _grid(["what runs", "version", "ended by", *heads, "s", "why, and what helps"], rows)


def checked() -> str:
    """Return the table of the cases in which more than the events is checked."""
    results = _results()
    rows = []
    for case in _cases():
        if case.section == "outages":
            found = [_ends_of(results[python], case).get(case.ends[0]) for python in results]
            rows.append([case.name, case.expected, *map(_as_promised, found)])
    heads = [f"Python {python}" for python in results]
    return _grid(["case", "what is checked", *heads], rows)


def measured_with() -> str:
    """Return the versions of Python and of sentry-sdk in the results."""
    versions = [found["versions"] for found in _results().values()]
    pythons = " and ".join(each["Python"] for each in versions)
    return f"Python {pythons}, sentry-sdk {versions[-1]['sentry-sdk']}."


def deployed(kind: str) -> str:
    """Return the lines that are recommended for applications of *kind*."""
    rows = [[case.name, f"`{case.written}`", case.remedy] for case in _cases() if case.kind == kind]
    return _grid(["server", "line", "worth knowing"], rows)


def _results() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs/reference/delivery.json").read_text())
    return dict(sorted(found.items(), key=lambda each: [*map(int, each[0].split("."))]))


def _cases() -> Any:
    if str(ROOT / "tests/delivery") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests/delivery"))
    return importlib.import_module("delivery.cases").CASES


def _ends_of(found: dict[str, Any], case: Any) -> dict[str, Any]:
    ends: dict[str, Any] = found["cases"].get(case.key, {})
    return ends


def _rows_of(case: Any, results: dict[str, Any]) -> list[list[str]]:
    """Return a row for the ends of *case* at which everything arrives, and one for each other."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for end in case.ends:
        found = [_ends_of(of, case).get(end) for of in results.values()]
        groups[tuple(_outcome(each, end) for each in found)].append(end)
    rows = []
    for ends in groups.values():
        cells = [[_ends_of(of, case).get(end) for end in ends] for of in results.values()]
        seconds = [each["seconds"] for cell in cells for each in cell if each]
        version = next((of["versions"].get(case.package, "") for of in results.values()), "")
        why = "; ".join(dict.fromkeys(case.lets[end] for end in ends if end in case.lets))
        rows.append(
            [
                case.name,
                version,
                ", ".join(ends).replace("end", "itself"),
                *map(_counted, cells),
                _between(seconds),
                ". ".join(filter(None, (why, case.remedy))),
            ]
        )
    return rows


def _between(seconds: list[float]) -> str:
    """Return the least and the greatest, or the one number where they are the same."""
    shown = [f"{each:.1f}" for each in (min(seconds), max(seconds))] if seconds else []
    # No line breaks in it: the column is narrow.
    return "\u00a0to\u00a0".join(dict.fromkeys(shown))


def _outcome(found: Any, end: str) -> str:
    """Return what ends of a case have in common that are in one row."""
    if not found:
        return "not run"
    return "whole" if found["received"] == found["sent"] else end


def _counted(found: list[Any]) -> str:
    if not all(found):
        return "not run"
    received, sent, twice = (
        sum(each[name] for each in found) for name in ("received", "sent", "twice")
    )
    return f"{received}/{sent}{f', {twice} twice' if twice else ''}"


def _as_promised(found: Any) -> str:
    return f"{found['runs'] - sum(found['wrong'].values())}/{found['runs']}" if found else "not run"


def leaks() -> str:
    """Return the table of the data that each configuration sends: see ``leaks.py``."""
    script = Path(__file__).with_name("leaks.py")
    carriers: list[str] = runpy.run_path(str(script))["CARRIERS"]
    heads = {
        "SDK": "sentry-sdk",
        "recursive": "... `recursive=True`",
        "strict": "... *strict*",
        "data_collection": "... `data_collection={}`",
        "ours": "sentryinit",
        "ours, all of it": "... *all*",
    }
    found = {}
    for name in heads:
        command = [sys.executable, str(script), name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        found[name] = json.loads(done.stdout)
    rows = [
        [carrier, *("**leaks**" if carrier in found[name] else "no" for name in heads)]
        for carrier in carriers
    ]
    total = [f"{len(found[name])} of {len(carriers)}" for name in heads]
    return _grid(["where", *heads.values()], [*rows, ["together", *total]])


def doctor() -> str:
    """Return the table of the doctor's verdicts."""
    from sentryinit_cli.doctor.catalog import (
        MEANINGS,
        OF_PROBLEM,
        VERDICTS,
    )  # only one page needs it

    numbers = {verdict: str(number) for number, verdict in OF_PROBLEM.items()}
    rows = [
        [
            f"`{name}`",
            level,
            group,
            numbers.get(name, ""),
            MEANINGS.get(name) or _filled(text),
            _filled(remedy),
        ]
        for name, (level, group, text, remedy) in VERDICTS.items()
        if level != "ok"
    ]
    return _grid(["id", "level", "group", "number", "what it says", "remedy"], rows)


def _filled(text: str) -> str:
    """Return *text* with words for what is filled in."""
    words = re.sub(r" ?\{(\w+)\}", lambda match: f" {match[1].upper()}", text).strip()
    return "as the text says" if words == "HINT" else words.replace("|", "\\|")


def wheels_run() -> str:
    """Return the table of the wheels and the Pythons that their tests were run on."""
    subjects = {"cli": "sentryinit-cli", "core": "sentryinit", "generic": "sentryinit (WSGI, ASGI)"}
    rows = []
    for subject in dict.fromkeys(row.subject for row in _matrix().MATRIX):
        cells = [", ".join(_labels_run(subject, python)) for python in _pythons()]
        rows.append([f"`{subjects.get(subject, f'sentryinit-{subject}')}`", *cells])
    return _grid(["wheel", *_heads()], sorted(rows))


def releases(package: str) -> str:
    """Return the table of the releases of *package* and the Pythons that they were run on."""
    others = COMPANIONS.get(package, ())
    rows = []
    for label, supported in _rows_run(package).items():
        cells = [_cells().get((_subject(package, label), label, python)) for python in _pythons()]
        found = [cell for cell in cells if cell]
        shown = [
            _shown(cell, package, planned=python in supported)
            for cell, python in zip(cells, _pythons(), strict=True)
        ]
        with_ = [found[-1]["versions"].get(name, "") if found else "" for name in others]
        dates = sorted({cell["date"] for cell in found})
        rows.append([label, *shown, *with_, " to ".join(dict.fromkeys(dates[:1] + dates[-1:]))])
    return _grid(["release", *_heads(), *others, "date"], rows)


def servers_run() -> str:
    """Return the table of the servers, their versions, and the Pythons that they were run on."""
    packages = "gunicorn uvicorn uvicorn-worker hypercorn granian waitress daphne pyuwsgi gevent"
    rows = []
    for name in packages.split():
        runs = [_pythons_of_server(label, name) for label in ("process", "aborts")]
        versions = {version for run in runs for version in run.values()}
        measured = [python for python, found in _results().items() if name in found["versions"]]
        listed = [", ".join(run) or "not run" for run in runs]
        rows.append([name, ", ".join(sorted(versions)), *listed, ", ".join(measured)])
    return _grid(["server", "version", "part of the cases", "all cases", "delivery"], rows)


def ran_on() -> str:
    """Return the interpreters, the systems and the dates of all cells that were run."""
    cells = list(_cells().values())
    pythons = {f"{cell['implementation']} {cell['python']}" for cell in cells}
    systems = {cell["system"] for cell in cells}
    dates = sorted({cell["date"] for cell in cells})
    dated = " to ".join(dict.fromkeys([dates[0], dates[-1]]))
    ours = {cell["versions"]["sentryinit"] for cell in cells}
    passed = sum(cell["result"] == "passed" for cell in cells)
    return "\n".join(
        [
            f"- Interpreters: {', '.join(sorted(pythons, key=_by_number))}, with the GIL.",
            f"- Operating systems: {'; '.join(sorted(systems))}.",
            f"- sentryinit {', '.join(sorted(ours))}, {dated}.",
            f"- {len(cells)} runs; {passed} passed.",
        ]
    )


# Shown beside a release: what it ran with.
COMPANIONS = {
    "django": ("djangorestframework", "asgiref"),
    "fastapi": ("starlette",),
    "flask": ("werkzeug",),
    "starlette": ("fastapi",),
}


def _by_number(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _matrix() -> Any:
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module("matrix")


def _pythons() -> tuple[str, ...]:
    matrix = _matrix()
    return (*matrix.PYTHONS, *matrix.WHERE_FOUND)


def _heads() -> list[str]:
    return [f"Python {python}" for python in _pythons()]


def _subject(package: str, label: str) -> str:
    """Return the subject of the row *label* of *package*."""
    if label not in {"lowest", "latest"}:
        return package
    return {"fastapi": "starlette", "sentry-sdk": "core"}.get(package, package)


def _rows_run(package: str) -> dict[str, tuple[str, ...]]:
    """Return the rows of *package* in the matrix, each with its Pythons."""
    matrix = _matrix()
    ends = {
        row.label: row.pythons
        for row in matrix.MATRIX
        if row.subject == _subject(package, row.label)
    }
    (series,) = [series for series in matrix.BETWEEN if series.package == package]
    between = {minor: series.pythons_of(minor) for minor in series.all_minors}
    return {"lowest": ends["lowest"], **between, "latest": ends["latest"]}


def _cells() -> dict[tuple[str, str, str], Any]:
    """Return what was run, by subject, label and minor release of Python."""
    runs = json.loads((ROOT / "docs/reference/compatibility.json").read_text())
    return {(run["subject"], run["label"], run["python"].rpartition(".")[0]): run for run in runs}


def _shown(cell: Any, package: str, *, planned: bool) -> str:
    if not cell:
        return "not run" if planned else ""
    version: str = cell["versions"][package]
    return version if cell["result"] == "passed" else f"{version} **{cell['result']}**"


def _labels_run(subject: str, python: str) -> list[str]:
    runs = {label: _cells().get((subject, label, python)) for label in ("lowest", "latest")}
    listed = [label for label, run in runs.items() if run and run["result"] == "passed"]
    return listed or ["not run"]


def _pythons_of_server(label: str, name: str) -> dict[str, str]:
    return {
        python: run["versions"][name]
        for (subject, ran, python), run in sorted(_cells().items(), key=str)
        if (subject, ran, run["result"]) == ("servers", label, "passed") and name in run["versions"]
    }


# What differs behind a name that sentry_sdk.init has as well.
_SAME_NAME = {
    "before_send": "masking comes after it; if it raises, the event leaves without your texts",
    "before_breadcrumb": "if it raises, only its breadcrumb is dropped",
    "ignore_errors": "also causes, groups, and subclasses of a dotted name; no bare class name",
    "integrations": "no other is added; those of the frameworks that have an adapter are a warning",
    "max_value_length": "default `8192`, after masking",
    "release": "`git` is not asked",
    "server_name": "the name of the service, not of the host",
}


def sdk_options() -> str:
    """Return the table of the options of ``sentry_sdk.init``, with what each is called here."""
    from sentry_sdk.consts import DEFAULT_OPTIONS

    return _grid(
        ["option of `sentry_sdk.init`", "here", "what differs"],
        [[f"`{name}`", *_moved(name, DEFAULT_OPTIONS[name])] for name in sorted(DEFAULT_OPTIONS)],
    )


def _moved(name: str, default: Any) -> tuple[str, str]:
    """Return what the option *name* of sentry-sdk is called here, and what differs."""
    if name in REFUSED:
        instead = dict.fromkeys(w for w in re.findall(r"\w+", REFUSED[name]) if w in TABLE)
        return ", ".join(f"`{each}`" for each in instead) or "refused", REFUSED[name]
    ours = TABLE[name].default
    is_other = default is not None and TABLE[name].passed_to_sdk and ours not in (None, default)
    differs = [f"default `{ours}`, not `{default}`"] if is_other else []
    return "same name", "; ".join([*differs, *filter(None, [_SAME_NAME.get(name)])])
