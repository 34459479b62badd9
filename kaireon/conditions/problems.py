"""What can be wrong with a condition, said so that its author can mend it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `path` is relative to the condition (`all[1].operator`; empty: the condition as a whole)."""

    path: str
    message: str


class ConditionError(ValueError):
    """A condition that can't be accepted. `problems` lists every one found, in the order of the document."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(f"{p.path}: {p.message}" if p.path else p.message for p in self.problems))
