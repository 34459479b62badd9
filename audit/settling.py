"""Up to which id the log is settled: every entry there is committed, or never will be there.

Ids come from a sequence and transactions commit out of order, so that an entry can show up behind one with a larger id.
Whoever writes entries holds the table's lock ROW EXCLUSIVE from before its first id is drawn until its transaction has
ended, and its entries can be seen before the lock is let go. So:

1. take the largest id that can be seen: all smaller ids have been drawn by now;
2. then list who holds that lock: all who could still bring an entry with a smaller id are among them;
3. when the last of them has ended, the log is settled up to that id.

It is how PostgreSQL builds an index while others write. Nobody waits for us, and a transaction that only reads, or
writes anything else, is not waited for. (A transaction's own id would not do: PostgreSQL gives it one only when its
first row is written, which is after the entry's id is drawn.)
"""

import time

from django.db import connection

_POLL_SECONDS = 0.02
_WRITERS = """
    SELECT virtualtransaction, pid FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'audit_entry'::regclass AND mode = 'RowExclusiveLock' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pid IS DISTINCT FROM pg_backend_pid()
"""


class Unsettled(Exception):
    """Transactions that write entries go on for longer than we wait. `processes` are PostgreSQL's ids of them."""

    def __init__(self, processes: list[int]) -> None:
        super().__init__(f"transactions that write audit entries are open: {processes}")
        self.processes = processes


def settled_id(*, patience_seconds: float) -> int:
    """The largest id up to which the log is settled now; 0 where it is empty. Raises Unsettled.

    Needs a connection that sees what others commit meanwhile (READ COMMITTED, PostgreSQL's default).
    """
    newest = _newest_id()
    waited_for = _writers()
    deadline = time.monotonic() + patience_seconds
    while waited_for:
        if time.monotonic() > deadline:
            raise Unsettled(sorted(pid for pid in waited_for.values() if pid is not None))
        time.sleep(_POLL_SECONDS)
        still_there = _writers()
        waited_for = {writer: pid for writer, pid in waited_for.items() if writer in still_there}
    return newest


def _newest_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM audit_entry")
        return int(cursor.fetchone()[0])


def _writers() -> dict[str, int | None]:
    """Transactions by their virtual ids, which are never given twice; no process for a prepared one."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS)
        return dict(cursor.fetchall())
