"""Measuring in rounds: variants take turns, so that what the machine does meanwhile meets all of them alike.

Figures are medians of the rounds; ratios are taken within each round, and the median of those is what to go by. All
that a run has measured is in one JSON file: `.build/benchmarks.json`, or where BENCH_JSON says.
"""

import json
import math
import os
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import psycopg
import redis

PROJECT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))

Figures = Mapping[str, Sequence[float]]
"""The figures of each variant, one for each round."""


def in_rounds(variants: Mapping[str, Callable[[], float]], *, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Asks each variant for a figure once a round; each round begins with another one."""
    names = list(variants)
    figures: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            figures[name].append(variants[name]())
    return figures


@dataclass(frozen=True, slots=True)
class Row:
    """A variant's figures, and its ratio to each baseline."""

    name: str
    median: float
    lowest: float
    highest: float
    ratios: dict[str, float]
    figures: list[float]


@dataclass(frozen=True, slots=True)
class Subject:
    """One table. `note` says what a reader has to know in order to repeat it."""

    title: str
    unit: str
    note: str
    rows: list[Row]


@dataclass(slots=True)
class Report:
    """Prints a table for each subject, and keeps all of them in the file."""

    file: Path
    subjects: list[Subject] = field(default_factory=list)
    began_at: str = field(default_factory=lambda: datetime.now(tz=UTC).isoformat(timespec="seconds"))
    load_at_the_beginning: tuple[float, float, float] = field(default_factory=os.getloadavg)
    versions: dict[str, str] = field(default_factory=lambda: versions())

    def add(self, title: str, figures: Figures, *, unit: str, baselines: Sequence[str] = (), note: str = "") -> None:
        """`unit` such as `events/s`; `baselines` are variants that all others are compared with."""
        rows = [_row(name, found, {base: figures[base] for base in baselines}) for name, found in figures.items()]
        subject = Subject(title, unit, note, rows)
        print(table(subject, self.versions), flush=True)
        self._keep(subject)

    def compare(
        self,
        title: str,
        figures: Mapping[str, tuple[Sequence[float], Sequence[float]]],
        *,
        names: Sequence[str],
        unit: str,
    ) -> None:
        """Many things, each measured under the same two conditions, `names`: a line each, with the ratio."""
        rows = []
        for thing, (one, other) in figures.items():
            rows += [_row(f"{thing}: {names[0]}", one, {}), _row(f"{thing}: {names[1]}", other, {names[0]: one})]
        width = max(map(len, figures))
        print(f"\n  {title}\n  {f'({unit})':{width}}  {names[0]:>12}  {names[1]:>12}     ratio")
        for thing, first, second in zip(figures, rows[::2], rows[1::2], strict=True):
            ratio = second.ratios[names[0]]
            print(f"  {thing:{width}}  {figure(first.median):>12}  {figure(second.median):>12}  {figure(ratio):>8}")
        self._keep(Subject(title, unit, "", rows))

    def _keep(self, subject: Subject) -> None:
        self.subjects.append(subject)
        self._write()

    def _write(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        facts = {
            "beganAt": self.began_at,
            "writtenAt": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "cores": os.cpu_count(),
            "loadAverage": {"atTheBeginning": self.load_at_the_beginning, "now": os.getloadavg()},
            "versions": self.versions,
            "subjects": [asdict(subject) for subject in self.subjects],
        }
        self.file.write_text(json.dumps(facts, indent=2) + "\n")


def _row(name: str, found: Sequence[float], bases: Figures) -> Row:
    """Ratios are taken within each round."""
    return Row(
        name=name,
        median=statistics.median(found),
        lowest=min(found),
        highest=max(found),
        ratios={
            base: statistics.median(a / b for a, b in zip(found, compared, strict=True))
            for base, compared in bases.items()
        },
        figures=list(found),
    )


def new_report() -> Report:
    """An empty one, for the file that the environment names."""
    return Report(Path(os.environ.get("BENCH_JSON") or PROJECT / ".build" / "benchmarks.json"))


def table(subject: Subject, versions: Mapping[str, str]) -> str:
    """The subject as text: a line for each variant, a column for each baseline."""
    bases = list(subject.rows[0].ratios)
    letters = {base: chr(ord("a") + index) for index, base in enumerate(bases)}
    names = [f"({letters[row.name]}) {row.name}" if row.name in letters else row.name for row in subject.rows]
    width = max(map(len, names))
    rounds = len(subject.rows[0].figures)
    lines = [
        "",
        f"  {subject.title}",
        f"  {'':{width}}  {subject.unit:>12}"
        + (f"  {'lowest – highest':>22}" if rounds > 1 else "")
        + "".join(f"  {f'÷ {letters[b]}':>8}" for b in bases),
    ]
    for name, row in zip(names, subject.rows, strict=True):
        spread = f"  {f'{figure(row.lowest)} – {figure(row.highest)}':>22}" if rounds > 1 else ""
        ratios = "".join(f"  {figure(row.ratios[base]):>8}" for base in bases)
        lines.append(f"  {name:{width}}  {figure(row.median):>12}{spread}{ratios}")
    facts = ", ".join(f"{name} {number}" for name, number in versions.items())
    lines.append(f"  {f'median of {rounds} rounds; ' if rounds > 1 else ''}{facts}; {os.cpu_count()} cores")
    if subject.note:
        lines.append(f"  {subject.note}")
    return "\n".join(lines)


def figure(number: float) -> str:
    """Three significant digits, and no fraction from 100 on."""
    if abs(number) >= 100:
        return f"{number:,.0f}"
    if abs(number) >= 10:
        return f"{number:.1f}"
    return f"{number:.2f}" if abs(number) >= 1 else f"{number:.3g}"


def percentile(latencies: Sequence[float], share: float) -> float:
    """The smallest one that is not exceeded by that share of them."""
    return sorted(latencies)[max(0, math.ceil(len(latencies) * share) - 1)]


def versions() -> dict[str, str]:
    """Of what is measured upon. The product that a benchmark starts brings the same databases as the tests have."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        postgres = str(database.info.parameter_status("server_version"))
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        redis_version = str(client.info("server")["redis_version"])
    return {
        "Python": python_version(),
        "Django": version("django"),
        "Celery": version("celery"),
        "PostgreSQL": postgres.split()[0],
        "Redis": redis_version,
    }


def commit() -> str:
    """The commit, with a plus where the tree has changes; empty where there is no repository."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return found.stdout.strip()
