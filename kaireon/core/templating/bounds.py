"""What a template may take: how long it may be, how much it may do, and how much may come out.

Work is counted, not timed, so that the same template with the same event always ends the same way. A step is about a
microsecond: one node, expression or step of a path that is evaluated, or 32 characters of data that a filter handles or
an output writes. A loop pays for all of its rounds when it is entered, whatever they do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from kaireon.core.templating.errors import RenderError

MAX_TEMPLATE_BYTES: Final = 16 * 1024
"""Of one string, in UTF-8."""
MAX_TOTAL_BYTES: Final = 64 * 1024
"""Of all strings of one value together."""
MAX_PLACEHOLDER_LENGTH: Final = 1000
"""Characters between two braces. Liquid's own scanner of expressions takes quadratic time."""
MAX_NESTED_BLOCKS: Final = 10
MAX_EXPRESSION_DEPTH: Final = 40
MAX_RANGE_LENGTH: Final = 1000
MAX_VALUE_DEPTH: Final = 32
"""Lists and objects inside each other in the value that is parsed."""
MAX_PROBLEMS: Final = 100
"""Where the search for more ends: a hostile value must not make an endless answer."""

MAX_RENDERED_BYTES: Final = 64 * 1024
"""Of one string."""
MAX_RENDERED_TOTAL: Final = 256 * 1024
"""Characters, about, of all that one rendering puts into the value."""
MAX_ROUNDS: Final = 10_000
"""Of all loops of one rendering together."""
MAX_STEPS: Final = 100_000
"""Of one rendering."""
MAX_NUMBER: Final = 10**38
"""What a filter calculates stays below."""

_CHARACTERS_PER_STEP: Final = 32
# Comparing two lists or objects goes through both at worst, though several times faster than anything else does.
_COMPARED_PER_STEP: Final = 256


@dataclass(frozen=True, slots=True)
class Cost:
    """What evaluating a part of a template once takes, known when it is parsed."""

    steps: int = 0
    comparisons: int = 0
    """How many of its expressions compare values that may be as large as all the data there is."""

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.steps + other.steps, self.comparisons + other.comparisons)


class Work:
    """The allowance of one rendering. Each method raises RenderError when it is used up."""

    def __init__(self, context: Mapping[str, object]) -> None:
        self._context = context
        self._steps_left = MAX_STEPS
        self._rounds_left = MAX_ROUNDS
        self._output_left = MAX_RENDERED_TOTAL
        self._made = 0

    def evaluate(self, cost: Cost, *, times: int = 1) -> None:
        """Pays for a part of the template."""
        each = cost.steps
        if cost.comparisons:
            each += cost.comparisons * ((self._context_size + self._made) // _COMPARED_PER_STEP)
        self._spend(times * each)

    def enter_loop(self, rounds: int, cost: Cost) -> None:
        """Pays for all rounds of a loop."""
        self._rounds_left -= rounds
        if self._rounds_left < 0:
            raise RenderError(f"The loops take more than {MAX_ROUNDS:,} rounds.")
        self.evaluate(cost, times=rounds)

    def handle(self, *values: object) -> None:
        """Pays for data that a filter reads or an output writes."""
        self._spend(1 + sum(map(self._measure, values)) // _CHARACTERS_PER_STEP)

    def make(self, value: object) -> None:
        """Pays for data that did not exist before."""
        size = self._measure(value)
        self._made += size
        self._spend(size // _CHARACTERS_PER_STEP)

    def put_out(self, value: object) -> None:
        """Pays for what goes into the rendered value."""
        self._output_left -= measure(value, at_most=self._output_left)
        if self._output_left < 0:
            raise RenderError(f"What is rendered exceeds {MAX_RENDERED_TOTAL // 1024} KiB in all.")

    @cached_property
    def _context_size(self) -> int:
        return measure(list(self._context.values()), at_most=_CHARACTERS_PER_STEP * MAX_STEPS)

    def _measure(self, value: object) -> int:
        return measure(value, at_most=_CHARACTERS_PER_STEP * (self._steps_left + 1))

    def _spend(self, steps: int) -> None:
        self._steps_left -= steps
        if self._steps_left < 0:
            raise RenderError("The template takes too many steps: make its loops shorter or its filters fewer.")


def measure(value: object, *, at_most: int) -> int:
    """About how many characters `value` has as JSON. Stops counting beyond `at_most`; no depth is too deep."""
    size = 0
    waiting = [value]
    while waiting and size <= at_most:
        part = waiting.pop()
        if isinstance(part, str):
            size += len(part) + 2
        elif isinstance(part, dict):
            size += 2 + sum(len(key) + 4 for key in part)
            waiting.extend(part.values())
        elif isinstance(part, list | tuple | range):
            size += 2 + len(part)
            waiting.extend(part)
        elif isinstance(part, int):
            size += 5 + part.bit_length() // 3
        else:
            size += 8
    return size


def byte_length(text: str) -> int:
    """In UTF-8. What UTF-8 can't express counts as one byte, and is for others to refuse."""
    return len(text.encode(errors="replace"))
