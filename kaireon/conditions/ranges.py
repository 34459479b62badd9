"""Finding the ranges that a point lies in, without asking each of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any


class Ruler:
    """Gives ranges and points numbers, such that a point lies in a range just where they have a number in common.

    A segment tree. The sorted ends of all ranges cut the line into slots, one for each end and one for each gap; these
    are the leaves of a binary tree, whose nodes are numbered as in a heap. A range has the few nodes that together make
    up its slots, a point those on its way to the root: both grow with the logarithm of the ends.
    """

    def __init__(self, ends: Iterable[Any]) -> None:
        """`ends`: each end that a range will have, as often as one has it; all can be compared with each other."""
        self._ends = sorted(ends)
        self._slots = 2 * len(self._ends) + 1

    def of_range(self, low: Any, high: Any) -> list[int]:
        """Both ends belong to the range; None leaves a side open. None at all if `low` is above `high`."""
        numbers = []
        first, last = self._span(low, high)
        left, right = first + self._slots, last + self._slots + 1
        while left < right:
            if left & 1:
                numbers.append(left)
                left += 1
            if right & 1:
                right -= 1
                numbers.append(right)
            left >>= 1
            right >>= 1
        return numbers

    def of_point(self, point: Any) -> list[int]:
        numbers = []
        node = self._slot(point) + self._slots
        while node:
            numbers.append(node)
            node >>= 1
        return numbers

    def ends_within(self, low: Any, high: Any) -> int:
        """How many ends lie in the range: about how many other ranges a point in it would lie in."""
        first, last = self._span(low, high)
        return (last - first) // 2

    def _span(self, low: Any, high: Any) -> tuple[int, int]:
        return 0 if low is None else self._slot(low), self._slots - 1 if high is None else self._slot(high)

    def _slot(self, point: Any) -> int:
        # In a gap both say the same. At an end, also one that occurs often, they have the slot's number between them.
        return bisect_left(self._ends, point) + bisect_right(self._ends, point)
