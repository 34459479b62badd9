"""The faults, each as a function that strikes while the load is on. What it returns is the moment to recover from."""

import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from kaireon.launch import programs
from tests.drill import old_version
from tests.drill.load import STREAM, Doors, Load
from tests.drill.receivers import DrillReceiver, Mood
from tests.drill.stack import DrillAborted, Stack, beside, disguised, eventually
from tests.launch.running import free_port

_STRIKES = (0.3, 0.5, 0.7)
"""A fault that is over at once strikes when so much of the load is accepted."""
_AWAY_S = 2.0
_TROUBLE = (0.25, 0.75)
"""A receiver is in its mood from here to there."""

# A lane's lock is held by whoever is in the middle of a batch.
_IN_A_BATCH = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND granted)"
_LANES = 0x6B72_6E00
_SENDING = "SELECT EXISTS (SELECT FROM delivery_delivery WHERE status = 'pending' AND leased_until > now())"
_CUT = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name <> 'drill' AND backend_type = 'client backend'"
)
_HANDLED_LATE = "SELECT count(*) FROM events_event WHERE processed_at < received_at - interval '30 minutes'"
_QUEUES = ("events", "delivery", "unacked", "unacked_index", "unacked_mutex", "_kombu.*", "lane-*")


@dataclass(slots=True)
class Scene:
    """What a fault works with."""

    stack: Stack
    load: Load
    main: DrillReceiver
    other: DrillReceiver
    old: Path
    notes: list[str]


Strike = Callable[[Scene], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table. `prepare` runs before the load and says by which doors it comes in."""

    title: str
    strike: Strike
    prepare: Callable[[Stack, Path], Doors] = lambda _stack, _old: Doors()
    by_delivery: bool = False
    """Recovered when webhooks arrive again, rather than when events are processed again."""
    other_receiver: bool = False
    """Recovered when the other receiver gets its webhooks again; the main one must not have waited for it."""
    events_module: str = "celery"
    delivery_module: str = "celery"
    must_be_found: bool = False
    """The control: the checks must find something."""


def now() -> datetime:
    """The present moment."""
    return datetime.now(tz=UTC)


def _no_fault(scene: Scene) -> datetime:
    scene.load.wait_until(_STRIKES[1])
    return now()


def _worker_killed(scene: Scene) -> datetime:
    """Once a process of the pool alone, then all of the worker, each in the middle of a batch."""
    struck_at: datetime | None = None
    for number, share in enumerate(_STRIKES):
        scene.load.wait_until(share)
        scene.notes.append("in a batch" if _catch(scene.stack, _IN_A_BATCH, _LANES) else "between two batches")
        struck_at = struck_at or now()
        if number == 0:
            for child in psutil.Process(scene.stack.pid("events")).children():
                child.kill()
        else:
            scene.stack.kill("events")
    return struck_at or now()


def _beat_killed(scene: Scene) -> datetime:
    scene.load.wait_until(_STRIKES[1])
    scene.stack.kill("beat")
    return now()


def _web_killed(scene: Scene) -> datetime:
    """Once a process of the server alone, then all of it."""
    struck_at: datetime | None = None
    for number, share in enumerate(_STRIKES):
        scene.load.wait_until(share)
        struck_at = struck_at or now()
        if number == 0:
            for child in psutil.Process(scene.stack.pid("web")).children():
                child.kill()
        else:
            scene.stack.kill("web")
    return struck_at or now()


def _delivery_killed(scene: Scene) -> datetime:
    scene.load.wait_until(_STRIKES[1])
    scene.notes.append("while sending" if _catch(scene.stack, _SENDING) else "while nothing was sent")
    struck_at = now()
    scene.stack.kill("delivery")
    return struck_at


def _redis_emptied(scene: Scene) -> datetime:
    scene.load.wait_until(_STRIKES[1])
    stack = scene.stack
    with stack.held("redis"):
        struck_at = now()
        stack.kill("redis")
        stack.wait_for_end("redis")
        folder = stack.program("redis").directory
        for file in (*folder.glob("*.aof*"), *folder.glob("*.rdb")):
            file.unlink()
        shutil.rmtree(folder / "appendonlydir", ignore_errors=True)
        time.sleep(_AWAY_S)
    return struck_at


def _postgres_restarted(scene: Scene) -> datetime:
    scene.load.wait_until(_STRIKES[1])
    with scene.stack.held("postgres"):
        _catch(scene.stack, _IN_A_BATCH, _LANES)
        struck_at = now()
        # "Immediate": without a checkpoint, and without a word to its clients.
        scene.stack.signal("postgres", signal.SIGQUIT)
        scene.stack.wait_for_end("postgres")
        time.sleep(_AWAY_S)
    return struck_at


def _connections_cut(scene: Scene) -> datetime:
    struck_at: datetime | None = None
    for share in (0.2, 0.35, 0.5, 0.65, 0.8):
        scene.load.wait_until(share)
        struck_at = struck_at or now()
        with scene.stack.database() as database, scene.stack.redis() as client:
            database.execute(_CUT)
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")
    return struck_at or now()


def _consume_a_stream(stack: Stack, _old: Path) -> Doors:
    stack.start(stack.manage("consumer", "consume", "redis-stream", f"--stream={STREAM}", "--consumer=drill"))
    return Doors(second_by_stream=True)


def _broker_lost(scene: Scene) -> datetime:
    """All of Celery's messages and hints are gone, three times; and the stream's consumer is killed meanwhile."""
    struck_at: datetime | None = None
    for share in _STRIKES:
        scene.load.wait_until(share)
        struck_at = struck_at or now()
        with scene.stack.redis() as client:
            keys = [key for pattern in _QUEUES for key in client.scan_iter(match=pattern, count=1000)]
            if keys:
                client.delete(*keys)
        scene.stack.kill("consumer")
    return struck_at or now()


def _other_receiver(mood: Mood) -> Strike:
    def strike(scene: Scene) -> datetime:
        begins, ends = _TROUBLE
        scene.load.wait_until(begins)
        scene.other.turn(mood)
        scene.load.wait_until(ends)
        scene.other.turn(Mood.FAILS_A_THIRD)
        return now()

    return strike


def _start_second_workers(stack: Stack, _old: Path) -> Doors:
    for name, program in stack.workers().items():
        stack.start(beside(program, f"{name}-2"))
        stack.wait_until_working(f"{name}-2")
    return Doors()


def _two_workers(scene: Scene) -> datetime:
    """Two workers of events and two of deliveries, for the same lanes and hosts; then one of each is killed."""
    scene.load.wait_until(_STRIKES[2])
    struck_at = now()
    scene.stack.kill("events")
    scene.stack.kill("delivery")
    return struck_at


def _start_late_worker(stack: Stack, _old: Path) -> Doors:
    worker = disguised(stack.workers()["events"], "tests.drill.clock_back")
    stack.start(beside(worker, "events-late"))
    stack.wait_until_working("events-late")
    return Doors()


def _clock_set_back(scene: Scene) -> datetime:
    """Beside the worker that knows the time, one that is an hour behind; Redis forgets the claims meanwhile."""
    scene.load.wait_until(_STRIKES[1])
    struck_at = now()
    with scene.stack.redis() as client:
        client.flushall()
    scene.load.finish()
    with scene.stack.database() as database:
        row = database.execute(_HANDLED_LATE).fetchone()
    scene.notes.append(f"{row[0] if row else 0} events were handled an hour before they came")
    return struck_at


def _start_old(stack: Stack, old: Path) -> Doors:
    old_version.unpack(old)
    port = free_port()
    web = programs.doors(stack.environment, home=stack.folder, port=port)[0]
    stack.start(old_version.of_old(web, old, name="web-old"))
    for name, program in stack.workers().items():
        stack.start(old_version.of_old(beside(program, f"{name}-old"), old, name=f"{name}-old"))
        stack.wait_until_working(f"{name}-old")
    if not eventually(lambda: stack.request("/healthz", port=port)[0] == 200, patience_s=60):
        raise DrillAborted("the old web server does not start: see web-old.log")
    return Doors(second_port=port, seconds=40.0)


def _old_and_new(scene: Scene) -> datetime:
    """The old web server takes half of the events. Workers: old and new ones, old ones alone, both, new ones alone."""
    stack = scene.stack
    scene.notes.append(f"old is {old_version.revision()}")
    scene.load.wait_until(0.2)
    struck_at = now()
    for name in stack.workers():
        stack.stop(name)
    processed = _processed(stack)
    scene.load.wait_until(min(scene.load.share + 0.2, 0.9))
    by_old = _processed(stack) - processed
    if not by_old:
        raise DrillAborted("the old workers did nothing while they were alone")
    scene.notes.append(f"{by_old} events were processed by old workers alone")
    for name, program in stack.workers().items():
        stack.start(program)
        stack.wait_until_working(name)
    scene.load.wait_until(min(scene.load.share + 0.1, 1.0))
    for name in stack.workers():
        stack.stop(f"{name}-old")
    return struck_at


def _processed(stack: Stack) -> int:
    with stack.database() as database:
        row = database.execute("SELECT count(*) FROM events_event WHERE status = 'processed'").fetchone()
    return int(row[0]) if row else 0


def _catch(stack: Stack, statement: str, *parameters: object) -> bool:
    """Waits for the moment to strike: until `statement` says yes, or a second has gone by."""
    with stack.database() as database:
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            row = database.execute(statement, parameters).fetchone()
            if row is not None and row[0]:
                return True
    return False


FAULTS: Mapping[str, Fault] = {
    "worker_killed": Fault(title="event worker killed three times", strike=_worker_killed),
    "beat_killed": Fault(title="beat killed", strike=_beat_killed),
    "web_killed": Fault(title="web server killed three times", strike=_web_killed),
    "delivery_killed": Fault(title="delivery worker killed", strike=_delivery_killed, by_delivery=True),
    "redis_emptied": Fault(title="Redis killed, restarted empty", strike=_redis_emptied),
    "postgres_restarted": Fault(title="PostgreSQL stopped at once, restarted", strike=_postgres_restarted),
    "connections_cut": Fault(title="all connections cut five times", strike=_connections_cut),
    "broker_lost": Fault(title="broker's messages lost, stream on", strike=_broker_lost, prepare=_consume_a_stream),
    "receiver_slow": Fault(
        title="a receiver takes 1.5 s each", strike=_other_receiver(Mood.IS_SLOW), other_receiver=True
    ),
    "receiver_hangs": Fault(title="a receiver hangs", strike=_other_receiver(Mood.HANGS), other_receiver=True),
    "receiver_resets": Fault(title="a receiver resets", strike=_other_receiver(Mood.RESETS), other_receiver=True),
    "receiver_drips": Fault(
        title="a receiver answers byte by byte", strike=_other_receiver(Mood.DRIPS), other_receiver=True
    ),
    "two_workers": Fault(title="two workers on the same lanes", strike=_two_workers, prepare=_start_second_workers),
    "clock_back": Fault(title="clock of one worker an hour back", strike=_clock_set_back, prepare=_start_late_worker),
    "old_and_new": Fault(title="old and new code at once", strike=_old_and_new, prepare=_start_old),
    "control": Fault(
        title="control: sabotaged workers",
        strike=_no_fault,
        events_module="tests.drill.sabotage",
        delivery_module="tests.drill.sabotage",
        must_be_found=True,
    ),
}
