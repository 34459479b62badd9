"""Whether and when a program that ended by itself is started again."""

from kaireon.launch.children import Child
from kaireon.launch.failure import LaunchFailure, last_line
from kaireon.launch.terminal import complain

# A program that lived this long had started well: its end says nothing about the next start.
LONG_LIFE_S = 30.0
MAX_SHORT_LIVES = 5
MAX_DELAY_S = 8.0


class Watch:
    """Looks after one program: at once after a long life, later and later after short ones, then no more."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._short_lives = 0
        self._restart_at_s: float | None = None

    def look(self, now_s: float) -> None:
        """To be called often, with the monotonic time. Raises LaunchFailure where there is no more hope."""
        if self.child.is_alive:
            return
        if self._restart_at_s is None:
            self._restart_at_s = now_s + self._take_note_of_end(now_s)
        if now_s >= self._restart_at_s:
            self._restart_at_s = None
            self.child.start_again()

    def _take_note_of_end(self, now_s: float) -> float:
        """How long to wait, in seconds."""
        program = self.child.program
        long_life = now_s - self.child.started_at >= LONG_LIFE_S
        self._short_lives = 0 if long_life else self._short_lives + 1
        if self._short_lives > MAX_SHORT_LIVES:
            raise LaunchFailure(f"{program.name} keeps stopping: {last_line(program.log)} (see {program.log})")
        complain(f"{program.name} stopped by itself ({self.child.how_it_ended}), starting it again (see {program.log})")
        return min(MAX_DELAY_S, 2.0 ** (self._short_lives - 1)) if self._short_lives else 0.0
