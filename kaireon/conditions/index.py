"""Which of many conditions hold for a document, at a cost that grows with those that might hold and not with all.

Each way of a condition is filed by one of its clues, under a value of a field or a range of it: by the clue that the
fewest share. What still comes to lie together in large numbers is filed once more by another clue. A document looks its
own values up, and each condition that it finds is asked itself. So none is found too much, and what an operator means
is not said a second time: the index only has to overlook nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from kaireon.conditions.clues import Clue, OneOf, Scale, Way, key_of, ways_of
from kaireon.conditions.evaluation import Predicate, compile
from kaireon.conditions.instants import instant
from kaireon.conditions.paths import step, step_into
from kaireon.conditions.ranges import Ruler
from kaireon.conditions.tree import Condition
from kaireon.conditions.values import is_number

CROWD: Final = 16
"""So many conditions are asked one after the other about as fast as a few fields are looked up."""
KEPT_SHARE: Final = 8
"""An index takes over what the one before has filed as long as less than an eighth of it is new or gone."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A condition as an index takes it: made once, and good for every index, though only once in each."""

    passes: Predicate
    ways: tuple[Way, ...]

    @classmethod
    def of(cls, condition: Condition) -> Self:
        return cls(compile(condition), ways_of(condition))


class Index:
    """Entries in an order. Its answers never change, and threads may share it; after an edit, make the next one."""

    _filed: frozenset[Entry]
    _old: "_Pile"
    _new: "_Pile"

    def __init__(self, entries: Sequence[Entry], previous: "Index | None" = None) -> None:
        """`previous` changes no answer. It saves most of the work where most of its entries are here again, in whatever
        order.
        """
        self._positions = {entry: position for position, entry in enumerate(entries)}
        filed = previous._filed if previous is not None else frozenset()
        new = [entry for entry in entries if entry not in filed]
        gone = len(filed) + len(new) - len(entries)
        if previous is not None and (len(new) + gone) * KEPT_SHARE < len(filed):
            # Those that are gone are still found in the old pile, and have no position any more.
            self._filed, self._old, self._new = filed, previous._old, _pile_of(new)
        else:
            self._filed, self._old, self._new = frozenset(entries), _pile_of(entries), _pile_of(())

    def holding(self, document: Mapping[str, Any]) -> list[int]:
        """The positions of the conditions that hold, in ascending order. Never raises."""
        found: set[Entry] = set()
        self._old.find(document, found)
        self._new.find(document, found)
        positions = self._positions
        return sorted([positions[entry] for entry in found if entry in positions and entry.passes(document)])


_Filed: TypeAlias = tuple[Entry, Way]
"""A condition, and the clues of one of its ways that it has not been filed by yet."""


class _Pile:
    """What lies in one place."""

    __slots__ = ("_filed", "_shelf")

    def __init__(self) -> None:
        self._filed: list[_Filed] = []
        self._shelf: _Shelf | None = None

    def add(self, one: _Filed) -> None:
        self._filed.append(one)

    def find(self, document: Any, found: set[Entry]) -> None:
        """Adds all that might hold."""
        if len(self._filed) <= CROWD:
            found.update([entry for entry, _ in self._filed])
            return
        # Only now that it is needed: many piles are never looked at. Two threads may do it at once, and make the same.
        if self._shelf is None:
            self._shelf = _Shelf(self._filed)
        self._shelf.find(document, found)


def _pile_of(entries: Iterable[Entry]) -> _Pile:
    pile = _Pile()
    for entry in entries:
        for way in entry.ways:
            pile.add((entry, way))
    return pile


class _Shelf:
    """A pile put in order."""

    def __init__(self, pile: Sequence[_Filed]) -> None:
        clues: defaultdict[str, list[Clue]] = defaultdict(list)
        for _, way in pile:
            for clue in way:
                clues[clue.field].append(clue)
        fields = {name: _Field(name, offered) for name, offered in clues.items()}
        for entry, way in pile:
            if way:
                chosen = min(way, key=lambda clue: fields[clue.field].crowd(clue))
                rest = tuple(clue for clue in way if clue is not chosen)
                fields[chosen.field].file(chosen, (entry, rest))
        self._fields = [field for field in fields.values() if field.is_used()]
        self._unfiled = [entry for entry, way in pile if not way]

    def find(self, document: Any, found: set[Entry]) -> None:
        found.update(self._unfiled)
        for field in self._fields:
            for pile in field.piles(document):
                pile.find(document, found)


class _Field:
    """What is filed under one field: a pile for each key of its values, and for each number of its ranges."""

    def __init__(self, name: str, clues: Iterable[Clue]) -> None:
        """`clues` are all that something may be filed by."""
        self._steps = tuple(map(step, name.split(".")))
        self._crowds: defaultdict[Any, int] = defaultdict(int)
        ends: defaultdict[Scale, list[Any]] = defaultdict(list)
        for clue in clues:
            if isinstance(clue, OneOf):
                for key in clue.keys:
                    self._crowds[key] += 1
            else:
                ends[clue.scale] += [end for end in (clue.low, clue.high) if end is not None]
        self._rulers = {scale: Ruler(points) for scale, points in ends.items()}
        self._values: defaultdict[Any, _Pile] = defaultdict(_Pile)
        self._ranges: defaultdict[Scale, defaultdict[int, _Pile]] = defaultdict(lambda: defaultdict(_Pile))
        self._instants = _Pile()

    def crowd(self, clue: Clue) -> int:
        """About how many others a document would find together with what is filed by this clue."""
        if isinstance(clue, OneOf):
            return sum([self._crowds[key] for key in clue.keys])
        return self._rulers[clue.scale].ends_within(clue.low, clue.high)

    def file(self, clue: Clue, one: _Filed) -> None:
        if isinstance(clue, OneOf):
            for key in clue.keys:
                self._values[key].add(one)
            return
        piles = self._ranges[clue.scale]
        for number in self._rulers[clue.scale].of_range(clue.low, clue.high):
            piles[number].add(one)
        if clue.scale == "instant":
            self._instants.add(one)

    def is_used(self) -> bool:
        return bool(self._values or self._ranges)

    def piles(self, document: Any) -> Iterator[_Pile]:
        """Those that the document's value leads to."""
        value = document
        for key, index in self._steps:
            value = value.get(key) if type(value) is dict else step_into(value, key, index)
        if (pile := self._values.get(key_of(value))) is not None:
            yield pile
        if not self._ranges:
            return
        if is_number(value):
            yield from self._around("number", value)
        elif isinstance(value, str):
            yield from self._around("text", value)
            if "instant" in self._ranges:
                moment = instant(value)
                # A text that names none is compared with the spelling of instants, whatever their own order is.
                yield from (self._instants,) if moment is None else self._around("instant", moment)

    def _around(self, scale: Scale, point: Any) -> Iterator[_Pile]:
        if scale in self._ranges:
            piles = self._ranges[scale]
            for number in self._rulers[scale].of_point(point):
                if number in piles:
                    yield piles[number]
