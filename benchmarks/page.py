"""Write the page and its plots from the figures.

The words around the tables are in ``performance.md.in``.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import statistics
from dataclasses import dataclass
from html import escape
from pathlib import Path

NAMES = {
    "floor": "empty middleware",
    "ours": "sentryinit",
    "sdk": "sentry-sdk",
    "slim": "sentry-sdk, reduced",
}
COLOURS = {"floor": "#9aa5b1", "ours": "#1f7a5c", "sdk": "#c0392b", "slim": "#e59866"}
PACKAGES = (
    "sentryinit sentry-sdk flask django starlette fastapi falcon aiohttp gunicorn uvicorn".split()
)


@dataclass(frozen=True)
class Figure:
    """The values that several processes measured."""

    values: list[float]

    @property
    def middle(self) -> float:
        """The median."""
        return statistics.median(self.values)

    def less(self, other: Figure) -> Figure:
        """Return the values minus the median of *other*."""
        return Figure([value - other.middle for value in self.values])

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        spread = f" ({_short(low)} to {_short(high)})" if len(self.values) > 1 else ""
        return f"{_short(self.middle)}{spread}"


def _short(value: float) -> str:
    if abs(value) < 100:
        return f"{value:.{1 if abs(value) >= 10 else 2}f}"
    return f"{value:.0f}"


Found = dict[tuple[str, str, str], Figure]


def grid(head: list[str], lines: list[list[str]]) -> str:
    """Return a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def added(found: Found, kind: str) -> dict[str, dict[str, Figure]]:
    """Return what each variant adds to the bare application, for each subject."""
    rows: dict[str, dict[str, Figure]] = {}
    for (each, name, variant), figure in found.items():
        bare = found.get((kind, name, "bare"))
        if each == kind and variant != "bare" and bare is not None:
            rows.setdefault(name, {})[variant] = figure.less(bare)
        elif (each, kind) == ("beside", "healthy"):
            # Measured beside the bare application: the figure is already the difference.
            rows.setdefault(name, {})[variant] = figure
    return rows


def healthy(found: Found) -> str:
    """Return the table of good requests."""
    lines = []
    for name, row in added(found, "healthy").items():
        bare = found.get(("healthy", name, "bare"), "")
        ours, floor, sdk = (row.get(variant) for variant in ("ours", "floor", "sdk"))
        ratio = f"1/{sdk.middle / ours.middle:.0f}" if ours and sdk and ours.middle > 0 else ""
        beyond = str(ours.less(floor)) if ours and floor else ""
        cells = [str(row[variant]) if variant in row else "" for variant in NAMES]
        lines.append([name, str(bare), *cells, beyond, ratio])
    head = [
        "",
        "bare",
        *NAMES.values(),
        "sentryinit minus empty middleware",
        "sentryinit : sentry-sdk",
    ]
    return grid(head, lines)


def differences(found: Found, kind: str) -> str:
    """Return a table of what each variant adds to the bare application."""
    lines = [
        [name, *(str(row[variant]) if variant in row else "" for variant in NAMES)]
        for name, row in added(found, kind).items()
    ]
    return grid(["", *NAMES.values()], lines)


def startup(found: Found) -> str:
    """Return the table of start-up times."""
    return grid(
        ["", "milliseconds of CPU"],
        [
            [f"{name}: {NAMES[variant]}", str(figure)]
            for (kind, name, variant), figure in found.items()
            if kind == "startup"
        ],
    )


def served(found: Found) -> str:
    """Return the table of throughput."""
    lines = []
    for name in dict.fromkeys(name for kind, name, _ in found if kind == "served"):
        bare = found["served", name, "bare"]
        line = [name, str(bare)]
        for variant in NAMES:
            figure = found.get(("served", name, variant))
            share = f"{100 * bare.middle / figure.middle:.0f} %" if figure else ""
            line.append(f"{figure}: {share}" if figure else "")
        lines.append(line)
    return grid(["", "bare", *NAMES.values()], lines)


def single(found: Found, kind: str, head: str) -> str:
    """Return a table with one figure in each row."""
    lines = [[name, str(f)] for (each, name, _), f in found.items() if each == kind]
    return grid(["", head], lines)


def instructions(found: Found) -> str:
    """Return the table of machine instructions; an empty text if they were not counted."""
    rows = added(found, "instructions")
    if not rows:
        return ""
    lines = [
        [name, *(f"{row[variant].middle:.0f}" for variant in ("floor", "ours"))]
        for name, row in rows.items()
    ]
    table = grid(["added instructions", NAMES["floor"], NAMES["ours"]], lines)
    head = (
        "The same in machine instructions, counted by callgrind. They do not depend on other work:"
    )
    return f"\n{head}\n\n{table}"


def plot(title: str, rows: dict[str, dict[str, Figure]], unit: str) -> str:
    """Return a bar plot as SVG."""
    height = 34 + sum(10 + 15 * len(row) for row in rows.values())
    most = max((f.middle for row in rows.values() for f in row.values()), default=1) or 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="760" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="18" font-size="13" font-weight="bold">{escape(title)}</text>',
    ]
    y = 34
    for name, row in rows.items():
        parts.append(f'<text x="8" y="{y + 10}">{escape(name)}</text>')
        for variant, figure in row.items():
            width = max(1.0, 360 * max(figure.middle, 0) / most)
            parts += [
                f'<rect x="190" y="{y}" width="{width:.1f}" height="12" '
                f'fill="{COLOURS[variant]}"/>',
                f'<text x="{196 + width:.1f}" y="{y + 10}">{_short(figure.middle)} {unit}, '
                f"{escape(NAMES[variant])}</text>",
            ]
            y += 15
        y += 10
    return "\n".join([*parts, "</svg>"]) + "\n"


def machine() -> str:
    """Return the date, the machine and the versions of the measurement."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = models[0].partition(":")[2].strip() if models else model
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    python = f"{platform.python_implementation()} {platform.python_version()}"
    load = os.getloadavg()[2]
    return (
        f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}. {platform.system()}, {model}, "
        f"{os.cpu_count()} processors, load {load:.1f}. {python}; {', '.join(versions)}."
    )


def _processes(rounds: int) -> str:
    if rounds == 1:
        return "one new process"
    return f"up to {rounds} new processes: the median, then the lowest and the highest in brackets"


def write(folder: Path, found: Found, rounds: int) -> None:
    """Write the page and its plots into *folder*."""
    starts: dict[str, dict[str, Figure]] = {}
    shares: dict[str, dict[str, Figure]] = {}
    for (kind, name, variant), figure in found.items():
        if kind == "startup":
            starts.setdefault(name, {})[variant] = figure
        if kind == "served" and variant in NAMES:
            bare = found["served", name, "bare"].middle
            shares.setdefault(name, {})[variant] = Figure([100 * bare / figure.middle])
    plots = {
        "healthy": plot("Added to a good request", added(found, "healthy"), "µs"),
        "failing": plot("Added to a failed request", added(found, "failing"), "µs"),
        "startup": plot("Start-up", starts, "ms"),
        "throughput": plot("Requests per CPU second, of bare", shares, "%"),
    }
    for name, text in plots.items():
        (folder / f"performance-{name}.svg").write_text(text)
    template = Path(__file__).with_name("performance.md.in").read_text()
    values = {
        "machine": machine(),
        "rounds": _processes(rounds),
        "healthy": healthy(found),
        "instructions": instructions(found),
        "failing": differences(found, "failing"),
        "startup": startup(found),
        "served": served(found),
        "aside": differences(found, "aside"),
        "memory": single(found, "memory", "blocks left"),
    }
    for name, text in values.items():
        template = template.replace(f"@{name}@", text)
    (folder / "performance.md").write_text(template)
