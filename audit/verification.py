"""Verifying: is what is stored what was sealed? Says which entry or seal is not.

Seal by seal: made with one of our keys, bound to the one before, and each entry that it covers as it was, none missing,
none added. Reads a batch of entries at a time, so memory stays flat; how far a call goes is bounded by the caller.

The end of the chain can't tell that there was more of it. Who wants to know that as well notes the head down somewhere
else, and asks whether it is still in the chain.
"""

import hmac
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from audit.digests import digest_of_seal, marks_from_bytes, read_entries, root_of
from audit.keys import Key, keyring
from audit.log import NewEntry, record
from audit.models import Seal
from audit.sealing import NOTHING_BEFORE, newest_seal
from kaireon.core.errors import ValidationFailed

VERIFIED = "audit.verified"
MOST_FINDINGS = 100
"""Of one report. All of them are counted."""
_SEALS_AT_A_TIME = 100
# So many more entries than a seal has are looked at; more of them would not tell more.
_MOST_INSERTED = 1000
_LOWEST_ID = -(2**63)
_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})\Z")


class Kind(StrEnum):
    """What is wrong."""

    ENTRY_CHANGED = "entry_changed"
    ENTRY_MISSING = "entry_missing"
    ENTRY_INSERTED = "entry_inserted"
    SEAL_CHANGED = "seal_changed"
    SEAL_MISSING = "seal_missing"
    KEY_MISSING = "key_missing"
    TAIL_CUT = "tail_cut"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with an entry where `entry_id` is given, else with a seal."""

    kind: Kind
    message: str
    seal: int
    entry_id: int | None = None


@dataclass(slots=True)
class Report:
    """What was looked at, and what was found. `next_seal` is None where the end of the chain was reached."""

    first_seal: int
    last_seal: int | None = None
    seals: int = 0
    entries: int = 0
    next_seal: int | None = None
    newest: Seal | None = None
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong with what was looked at."""
        return self.finding_count == 0

    def add(self, finding: Finding) -> None:
        """Counts it, and keeps it where it is one of the first."""
        self.finding_count += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)


@dataclass(frozen=True, slots=True)
class Head:
    """A seal as somebody noted it down."""

    number: int
    digest: bytes


def read_head(text: str) -> Head:
    """`<number>:<digest>` as `Seal.head` gives it. Raises ValidationFailed at `expectHead`."""
    match = _HEAD.match(text.strip())
    if match is None:
        raise ValidationFailed.at("expectHead", "must be a head such as 12:<64 hexadecimal digits>, as it was shown.")
    return Head(int(match[1]), bytes.fromhex(match[2]))


def verify(
    *,
    from_seal: int = 1,
    most_entries: int | None = None,
    run_seconds: float | None = None,
    expected: Head | None = None,
) -> Report:
    """Verifies from that seal on, as far as the end or one of the bounds. Raises KeysUnusable.

    The first seal that is looked at is compared with the one before it, so that parts join without a gap.
    """
    ring = keyring()
    report = Report(first_seal=from_seal, newest=newest_seal())
    if expected is not None:
        _look_for(expected, report)
    before = Seal.objects.defer("marks").filter(number=from_seal - 1).first()
    trusted = before is None or _fault(before, ring) is None
    deadline = None if run_seconds is None else time.monotonic() + run_seconds
    for seal in _seals(from_seal, report.newest):
        if report.seals and _is_enough(report, most_entries, deadline):
            report.next_seal = report.last_seal + 1 if report.last_seal is not None else from_seal
            break
        trusted = _verify_seal(seal, before, report, ring, is_before_trusted=trusted)
        report.seals += 1
        report.last_seal = seal.number
        before = seal
    return report


def note_verification(report: Report) -> None:
    """Puts the result into the log, where the admin pages read it."""
    record(
        NewEntry(
            action=VERIFIED,
            outcome="succeeded" if report.is_intact else "failed",
            facts={
                "fromSeal": report.first_seal,
                "toSeal": report.last_seal,
                "entries": report.entries,
                "findings": report.finding_count,
                "isComplete": report.first_seal == 1 and report.next_seal is None,
            },
        )
    )


def _is_enough(report: Report, most_entries: int | None, deadline: float | None) -> bool:
    return (most_entries is not None and report.entries >= most_entries) or (
        deadline is not None and time.monotonic() > deadline
    )


def _seals(number: int, newest: Seal | None) -> Iterator[Seal]:
    """From `number` to the one that was the newest when this began."""
    while newest is not None:
        seals = list(
            Seal.objects.filter(number__gte=number, number__lte=newest.number).order_by("number")[:_SEALS_AT_A_TIME]
        )
        yield from seals
        if len(seals) < _SEALS_AT_A_TIME:
            return
        number = seals[-1].number + 1


def _verify_seal(
    seal: Seal, before: Seal | None, report: Report, ring: Mapping[str, Key], *, is_before_trusted: bool
) -> bool:
    """Adds to `report` what is wrong with `seal` and its entries; says whether the seal itself can be trusted."""
    expected_number = before.number + 1 if before is not None else report.first_seal
    follows = seal.number == expected_number
    if not follows:
        gone = str(expected_number) if seal.number == expected_number + 1 else f"{expected_number} to {seal.number - 1}"
        report.add(Finding(Kind.SEAL_MISSING, f"Seal {gone} is missing.", expected_number))
    elif before is None and seal.number > 1:
        report.add(Finding(Kind.SEAL_MISSING, f"Seal {seal.number - 1} is missing.", seal.number - 1))
        follows = False
    fault = _fault(seal, ring)
    if fault is not None:
        report.add(fault)
        return False
    previous = bytes(before.digest) if before is not None else NOTHING_BEFORE
    if follows and not hmac.compare_digest(bytes(seal.previous), previous):
        told = f"Seal {seal.number} does not follow the seal before it: that one was replaced, or this one moved."
        report.add(Finding(Kind.SEAL_CHANGED, told, seal.number))
        follows = False
    first = seal.first_id
    if follows and is_before_trusted:
        first = before.last_id + 1 if before is not None else _LOWEST_ID
    _verify_entries(seal, first, report, ring[seal.key_id])
    return True


def _fault(seal: Seal, ring: Mapping[str, Key]) -> Finding | None:
    """What is wrong with the seal by itself, its marks left aside."""
    key = ring.get(seal.key_id)
    if key is None:
        told = (
            f"Seal {seal.number} was made with the key {seal.key_id}, which is not in KAIREON_AUDIT_KEYS; or that is"
            f" what was written into it. Entries {seal.first_id} to {seal.last_id} can't be verified."
        )
        return Finding(Kind.KEY_MISSING, told, seal.number)
    if not hmac.compare_digest(digest_of_seal(key, seal), bytes(seal.digest)):
        return Finding(Kind.SEAL_CHANGED, f"Seal {seal.number} was changed, or made without our key.", seal.number)
    return None


def _verify_entries(seal: Seal, first: int, report: Report, key: Key) -> None:
    """`first` is where the seal before ends; in a gap between the two nothing may have been inserted either."""
    lines = bytes(seal.marks)
    if root_of(lines) != bytes(seal.root):
        told = (
            f"Seal {seal.number}: the marks of its entries were changed. Which of the entries {seal.first_id} to"
            f" {seal.last_id} are as they were can't be said one by one."
        )
        report.add(Finding(Kind.SEAL_CHANGED, told, seal.number))
        return
    marks = marks_from_bytes(lines)
    limit = seal.count + _MOST_INSERTED
    stored = {entry.id: entry for entry in read_entries(first=first, last=seal.last_id, limit=limit)}
    report.entries += len(marks)
    looked_up_to = max(stored) if len(stored) == limit else seal.last_id
    for entry_id in sorted(marks.keys() | stored.keys()):
        if entry_id > looked_up_to:
            break
        if entry_id not in stored:
            report.add(_about(Kind.ENTRY_MISSING, "is missing: it was removed", seal, entry_id))
        elif entry_id not in marks:
            report.add(_about(Kind.ENTRY_INSERTED, "was inserted behind the seal's back", seal, entry_id))
        elif not hmac.compare_digest(stored[entry_id].mark(key), marks[entry_id]):
            report.add(_about(Kind.ENTRY_CHANGED, "was changed", seal, entry_id))


def _about(kind: Kind, what: str, seal: Seal, entry_id: int) -> Finding:
    return Finding(kind, f"Entry {entry_id} {what} (seal {seal.number}).", seal.number, entry_id)


def _look_for(expected: Head, report: Report) -> None:
    found = Seal.objects.defer("marks").filter(number=expected.number).first()
    if found is None:
        end = f"ends at seal {report.newest.number}" if report.newest is not None else "is empty"
        told = f"Seal {expected.number}, which is expected, is not there: the chain {end}, its tail was cut off."
        report.add(Finding(Kind.TAIL_CUT, told, expected.number))
    elif not hmac.compare_digest(bytes(found.digest), expected.digest):
        told = f"Seal {expected.number} is not the expected one: the chain was cut off before it and sealed anew."
        report.add(Finding(Kind.TAIL_CUT, told, expected.number))
