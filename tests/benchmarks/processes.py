"""Work shared by several processes that begin at the same moment."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

_context = multiprocessing.get_context("spawn")
_START_PATIENCE_S = 60.0
_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Span:
    """Two moments, as `time.time` has them."""

    began_at: float
    ended_at: float

    @property
    def seconds(self) -> float:
        """From one to the other."""
        return self.ended_at - self.began_at


Prepare = Callable[..., Callable[[], None]]
"""Makes ready, connections and all, and returns what is to be timed. A function of a module: it goes by its name."""


def span_of(prepare: Prepare, shares: Sequence[Sequence[Any]]) -> Span:
    """Runs all of `prepare(*share)()`, each in a process of its own: from when until when that was.

    Raises RuntimeError where one of them fails.
    """
    barrier = _context.Barrier(len(shares) + 1)
    processes = [_context.Process(target=_child, args=(barrier, prepare, share)) for share in shares]
    for process in processes:
        process.start()
    try:
        barrier.wait(_START_PATIENCE_S)
        began_at = time.time()
        barrier.wait(_PATIENCE_S)
        return Span(began_at, time.time())
    except threading.BrokenBarrierError as error:
        raise RuntimeError("one of the processes failed; its traceback stands above") from error
    finally:
        for process in processes:
            process.join(10)
            process.kill()


def _child(barrier: Barrier, prepare: Prepare, share: Sequence[Any]) -> None:
    try:
        work = prepare(*share)
        barrier.wait(_START_PATIENCE_S)
        work()
        barrier.wait(_PATIENCE_S)
    except BaseException:
        # Whatever ends this process, an interrupt too: the others stand at the barrier and would wait in vain.
        barrier.abort()
        raise
