"""`python -m tests.drill`: carries out the drills and prints the table. Ends with 1 where anything was lost or doubled.

ONE=name takes one of them (several joined by commas), EVENTS=number sends fewer events, KEEP=1 keeps data and logs.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from kaireon.launch.failure import LaunchFailure
from kaireon.launch.terminal import complain, say
from tests.drill import reading
from tests.drill.checker import Findings, check
from tests.drill.faults import FAULTS, Fault, Scene, now
from tests.drill.load import Load, make_events
from tests.drill.old_version import NoOldVersion
from tests.drill.receivers import two_receivers
from tests.drill.scenery import RULES, build
from tests.drill.stack import DrillAborted, Stack, disguised, eventually, prepare, running_stack

EVENTS = 10_000
EVENTS_A_CUSTOMER = 10
QUIET_PATIENCE_S = 300.0
MOST_WAITED_S = 15.0
"""So long a webhook may wait for its first attempt while another receiver gives trouble."""
_MOST_PROBLEMS = 10
_COLUMNS = (
    ("fault", 38),
    ("events", 7),
    ("expected", 9),
    ("firings", 8),
    ("twice", 6),
    ("lost", 5),
    ("wrong", 6),
    ("webhooks", 9),
    ("dead", 5),
    ("standstill", 10),
    ("all done", 9),
)


@dataclass(slots=True)
class Row:
    """What came of one drill. `standstill_s` is None where the work that was struck never came back,
    `done_s` where it never ended."""

    title: str
    events: int
    findings: Findings
    webhooks: int = 0
    dead: int = 0
    standstill_s: float | None = None
    done_s: float | None = None
    must_be_found: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or doubled; of the control, whether both were noticed."""
        if self.must_be_found:
            return self.findings.lost > 0 and self.findings.twice > 0
        return self.findings.is_clean and self.standstill_s is not None and self.done_s is not None

    def cells(self) -> list[str]:
        """As the table has them."""
        found = self.findings
        numbers = (self.events, found.expected, found.found, found.twice, found.lost, found.wrong)
        return [
            self.title,
            *(f"{number:,}" for number in (*numbers, self.webhooks, self.dead)),
            _seconds(self.standstill_s),
            _seconds(self.done_s),
        ]


def carry_out(fault: Fault, *, events: int, folder: Path, prepared: Path) -> Row:
    """One drill, from a copy of a migrated database to its row. Raises DrillAborted, LaunchFailure and NoOldVersion."""
    customers = max(10, events // EVENTS_A_CUSTOMER)
    sent = make_events(events, customers=customers)
    subprocess.run(["cp", "-a", str(prepared), str(folder)], check=True)
    with two_receivers() as (main, other), running_stack(folder, events_module=fault.events_module) as stack:
        if fault.delivery_module != "celery":
            stack.stop("delivery")
            stack.start(disguised(stack.workers()["delivery"], fault.delivery_module))
        build(stack.post, customers=customers, url=main.url, other_url=other.url)
        _wait_until_quiet(stack)
        doors = fault.prepare(stack, folder / "old")
        load = Load(stack, sent, doors)
        scene = Scene(stack, load, main, other, folder / "old", [])
        load.start()
        struck_at = fault.strike(scene)
        load.finish()
        finished_at = now()
        is_quiet = _wait_until_quiet(stack)
        done_s = (now() - finished_at).total_seconds()
        record = reading.read(stack, (main, other))
        record.broken_seals = _verify_seals(stack)
        row = Row(
            title=fault.title,
            events=load.accepted,
            findings=check(sent, record, RULES),
            webhooks=record.deliveries.total(),
            dead=len(record.dead),
            done_s=done_s if is_quiet else None,
            must_be_found=fault.must_be_found,
            notes=scene.notes,
        )
        if load.repeated:
            row.notes.append(f"{load.repeated} requests sent again")
        with stack.database() as database:
            if fault.other_receiver:
                moments = reading.moments_of_delivery(database, struck_at, port=other.port)[:1]
                _check_that_nobody_waited(row, reading.longest_wait_seconds(database, port=main.port))
            elif fault.by_delivery:
                moments = reading.moments_of_delivery(database, struck_at)
            else:
                moments = reading.moments_of_processing(database, struck_at)
        row.standstill_s = longest_standstill_seconds(moments, since=struck_at, until=finished_at)
        return row


def longest_standstill_seconds(moments: Sequence[datetime], *, since: datetime, until: datetime) -> float | None:
    """The longest time between two of `moments`, the first counted from `since`, that began before `until`."""
    starts = [since, *moments]
    gaps = [(end - start).total_seconds() for start, end in pairwise(starts) if start == since or start < until]
    return max(gaps, default=None)


def _wait_until_quiet(stack: Stack) -> bool:
    return eventually(lambda: reading.is_quiet(stack), patience_s=QUIET_PATIENCE_S)


def _verify_seals(stack: Stack) -> str:
    code, output = stack.run("audit_verify", "audit_verify")
    return "" if code == 0 else f"audit_verify: {output}"


def _check_that_nobody_waited(row: Row, longest_s: float) -> None:
    row.notes.append(f"webhooks of the sound receiver waited {longest_s:.1f} s at most")
    if longest_s > MOST_WAITED_S:
        row.findings.note_wrong(f"a webhook waited {longest_s:.1f} s because of another receiver")


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"


def _line(cells: list[str]) -> str:
    padded = [
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, (_, width)) in enumerate(zip(cells, _COLUMNS, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _say_problems(row: Row) -> None:
    for problem in row.findings.problems[:_MOST_PROBLEMS]:
        say(f"      {problem}")
    if (more := len(row.findings.problems) - _MOST_PROBLEMS) > 0:
        say(f"      … and {more} more")


def main() -> int:
    """The exit code: 0 where all is well, 1 where it is not, 2 where a drill could not be carried out."""
    chosen = [name for name in os.environ.get("ONE", "").split(",") if name] or list(FAULTS)
    if unknown := [name for name in chosen if name not in FAULTS]:
        complain(f"There is no drill {', '.join(unknown)}. There are {', '.join(FAULTS)}.")
        return 2
    events = int(os.environ.get("EVENTS") or EVENTS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say(_line([name for name, _ in _COLUMNS]))
    say(_line(["-" * width if index == 0 else "-" * (width - 1) + ":" for index, (_, width) in enumerate(_COLUMNS)]))
    code = 0
    remarks: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="kaireon-drill-"))
    # PostgreSQL may run under an account of its own and has to pass through here.
    folder.chmod(0o755)
    try:
        prepare(folder / "prepared")
        for name in chosen:
            place = folder / name
            try:
                row = carry_out(FAULTS[name], events=events, folder=place, prepared=folder / "prepared")
            except (DrillAborted, LaunchFailure, NoOldVersion, AssertionError) as error:
                say(f"  {name}: NOT CARRIED OUT: {error}")
                remarks.append(f"{name}: not carried out")
                code = max(code, 2)
            else:
                say(_line(row.cells()))
                remarks += [f"{name}: {note}" for note in row.notes]
                if not row.is_good:
                    code = 1
                    _say_problems(row)
            if not os.environ.get("KEEP"):
                shutil.rmtree(place, ignore_errors=True)
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
    for remark in remarks:
        say(f"  {remark}")
    return code


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
