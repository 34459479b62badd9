"""`make bench`: sealing while 10,000 audit entries a second come in: does it keep up, and how fast could it be?

Another process writes entries as firings do, 500 in a transaction, at that rate; this one seals as beat asks it to.
Then the sealer has the machine to itself, and then the whole log is verified. Nothing is asserted about time.
"""

import multiprocessing
import time

import psycopg
import pytest
from django.db import connection

from audit.models import Entry
from audit.sealing import seal
from audit.verification import verify
from tests.benchmarks.measuring import Report

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

PER_SECOND = 10_000
SECONDS = 30
PER_TRANSACTION = 500
EVERY_S = 1.0


def write(conninfo: str, seconds: float, per_second: int) -> None:
    """Writes entries of a usual size at that rate: when it falls behind it does not wait."""
    line = (
        "2026-03-10 12:00:00.123456+00\ttrigger.fired\tsystem\tfir_{0:026d}\ttrg_high_value_purchase\tcust_{1}"
        "\tpurchase\tevt_{0:026d}\tupdate_attribute\tsucceeded"
        '\t{{"triggerVersion": 3, "detail": {{"updates": [{{"field": '
        '"event_count", "before": {1}, "after": {0}}}]}}}}\t\n'
    )
    with psycopg.connect(conninfo, autocommit=True) as writer:
        begun = time.perf_counter()
        for turn in range(int(seconds * per_second / PER_TRANSACTION)):
            numbers = range(turn * PER_TRANSACTION, (turn + 1) * PER_TRANSACTION)
            with (
                writer.cursor() as cursor,
                cursor.copy(
                    "COPY audit_entry (at, action, actor, subject, trigger_id, customer_id, event_type, event_id,"
                    " action_taken, outcome, facts, request_id) FROM STDIN"
                ) as copy,
            ):
                copy.write("".join(line.format(number, number % 50_000) for number in numbers))
            time.sleep(max(0.0, begun + (turn + 1) * PER_TRANSACTION / per_second - time.perf_counter()))


def test_sealing_keeps_up(report: Report) -> None:
    conninfo = connection.get_connection_params()
    info = psycopg.conninfo.make_conninfo(
        **{name: conninfo[name] for name in ("dbname", "user", "password", "host", "port") if conninfo.get(name)}
    )
    context = multiprocessing.get_context("fork")
    writer = context.Process(target=write, args=(info, SECONDS, PER_SECOND))
    writer.start()
    sealed, busy_s, behind = 0, 0.0, []
    begun = time.perf_counter()
    while writer.is_alive():
        at = time.perf_counter()
        sealed += seal(run_seconds=10, patience_seconds=3).entries
        busy_s += time.perf_counter() - at
        newest = Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0
        behind.append(newest - sealed)
        time.sleep(EVERY_S)
    elapsed = time.perf_counter() - begun
    writer.join()
    assert writer.exitcode == 0
    sealed += seal(run_seconds=60, patience_seconds=3).entries
    written = Entry.objects.count()
    assert sealed == written
    print(f"\n  of its time the sealing process was at it       {busy_s / elapsed:10.0%}")
    print(f"  furthest behind at the end of a run             {max(behind):10,} entries")

    write(info, 1, 300_000)
    count = Entry.objects.count() - written
    at = time.perf_counter()
    assert seal(run_seconds=600, patience_seconds=3).entries == count
    alone = count / (time.perf_counter() - at)

    at = time.perf_counter()
    found = verify()
    assert found.findings == []
    rate = found.entries / (time.perf_counter() - at)
    report.add(
        "Sealing the audit log",
        {"entries that came in meanwhile": [written / elapsed], "sealing, nobody writes": [alone], "verifying": [rate]},
        unit="entries/s",
    )
