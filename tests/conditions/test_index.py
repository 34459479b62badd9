"""The index against the conditions themselves, asked one after the other."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import permutations
from threading import Barrier
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kaireon.conditions import Condition, Entry, Index, compile, explain, parse
from kaireon.conditions import index as implementation
from kaireon.conditions.clues import MAX_WAYS, ways_of
from tests.conditions import strategies
from tests.conditions.strategies import INSTANTS, hostile_values, search

Json = dict[str, Any]

# What the conditions ask for is what the documents hold, and little else, so that they meet: values that are nearly
# equal, bounds with values on either side, and texts whose order depends on whether they name an instant.
FIELDS = ["a", "b", "o.a", "o.b", "items.0.sku", "items.1"]
bounds = st.sampled_from(
    [-1, 0, 1, 1.0, 1.5, 2, 3, 2**53, 2**53 + 1, 2.0**53, 1e308, 10**400]
    + ["", "1", "true", "a", "b", "2026-03-10", "2026-03-10T14:30", "2026-03-10T14:45", "2026-03-11", *INSTANTS]
)
values = bounds | st.sampled_from([None, True, False, [], [1], [True], ["a"], {}, {"a": 1}, {"a": True}])


def leaves_with(operators: list[str], expected: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"field": st.sampled_from(FIELDS), "operator": st.sampled_from(operators), "value": expected}
    )


leaves = (
    leaves_with(["eq"], values)
    | leaves_with(["gt", "gte", "lt", "lte"], bounds)
    | leaves_with(["in"], st.lists(values, max_size=4))
    | leaves_with(["eq", "neq"], values)
    | leaves_with(["exists"], st.booleans())
)
groups = strategies.groups_of(leaves)
conditions: st.SearchStrategy[Json] = leaves | groups | strategies.groups_of(leaves | groups) | st.just({})
documents = st.fixed_dictionaries(
    {},
    optional={
        "a": values,
        "b": values,
        "o": st.fixed_dictionaries({}, optional={"a": values, "b": values}) | values,
        "items": st.tuples(st.fixed_dictionaries({}, optional={"sku": values}) | values, values).map(list) | values,
    },
)


def leaf(field: str, operator: str, value: Any) -> Json:
    return {"field": field, "operator": operator, "value": value}


@contextmanager
def crowds_of_more_than(number: int) -> Iterator[None]:
    """A crowd of the real size hardly occurs in what is drawn."""
    with patch.object(implementation, "CROWD", number):
        yield


crowds = st.sampled_from([0, 0, 1, 2, implementation.CROWD])


def index_of(parsed: Sequence[Condition]) -> Index:
    return Index([Entry.of(condition) for condition in parsed])


def asked_in_a_row(parsed: Sequence[Condition], document: Any) -> list[int]:
    """The plain interpreter, which the compiled conditions must agree with."""
    positions = [position for position, one in enumerate(parsed) if explain(one, document).passed]
    assert positions == [position for position, one in enumerate(parsed) if compile(one)(document)]
    return positions


def holding(raw: Sequence[Json], *found_in: Json) -> list[list[int]]:
    """What holds for each document, by an index that files everything."""
    index = index_of([parse(one) for one in raw])
    with crowds_of_more_than(0):
        return [index.holding(document) for document in found_in]


class Counted:
    """Entries that count how many of them were asked."""

    def __init__(self, raw: Sequence[Json]) -> None:
        self.asked = 0
        self.index = Index([self._counting(Entry.of(parse(one))) for one in raw])

    def _counting(self, entry: Entry) -> Entry:
        def passes(document: Any) -> bool:
            self.asked += 1
            return entry.passes(document)

        return Entry(passes, entry.ways)

    def holding(self, document: Json) -> tuple[list[int], int]:
        """What holds, and how many were asked."""
        self.asked = 0
        return self.index.holding(document), self.asked


@search
@given(st.lists(conditions, max_size=12), st.lists(documents, min_size=1, max_size=4), crowds)
def test_it_finds_what_holds(raw: list[Json], found_in: list[Json], crowd: int) -> None:
    parsed = [parse(one) for one in raw]
    index = index_of(parsed)
    with crowds_of_more_than(crowd):
        for document in found_in:
            assert index.holding(document) == asked_in_a_row(parsed, document)


@search
@given(st.lists(strategies.conditions, max_size=6), strategies.documents | hostile_values, crowds)
@example([leaf("0", "in", ["a", 1])], [{"b": []}], 0)
@example([leaf("a", "gt", 1)], {"a": float("nan")}, 0)
@example([leaf("a", "lt", 1.5)], {"a": -(10**5000)}, 0)
@example([leaf("a", "gte", "2026-03-10T14:30:00Z")], {"a": "\ud800"}, 0)
@example([leaf("a", "eq", 1)], "text", 0)
def test_it_finds_what_holds_whatever_a_document_looks_like(raw: list[Json], document: Any, crowd: int) -> None:
    parsed = [parse(one) for one in raw]
    with crowds_of_more_than(crowd):
        assert index_of(parsed).holding(document) == asked_in_a_row(parsed, document)


@search
@given(st.data(), st.lists(conditions, max_size=8), st.lists(documents, min_size=1, max_size=3), crowds)
def test_after_each_of_several_edits_it_finds_what_holds_now(
    data: st.DataObject, raw: list[Json], found_in: list[Json], crowd: int
) -> None:
    current = [(parse(one), Entry.of(parse(one))) for one in raw]
    index = Index([entry for _, entry in current])
    # 0: whatever was filed is taken over.
    with crowds_of_more_than(crowd), patch.object(implementation, "KEPT_SHARE", data.draw(st.sampled_from([0, 1, 8]))):
        for _ in range(3):
            before, of_before = index, current
            current = data.draw(st.permutations(current))[data.draw(st.integers(0, 2)) :]  # moved, and some gone
            for one in data.draw(st.lists(conditions, max_size=2)):
                current.insert(data.draw(st.integers(0, len(current))), (parse(one), Entry.of(parse(one))))
            index = Index([entry for _, entry in current], before)
            for document in found_in:
                assert index.holding(document) == asked_in_a_row([one for one, _ in current], document)
                assert before.holding(document) == asked_in_a_row([one for one, _ in of_before], document)


def test_after_an_edit_only_what_is_new_is_filed() -> None:
    entries = [Entry.of(parse(leaf("sku", "eq", number))) for number in range(100)]
    new = [Entry.of(parse(leaf("sku", "eq", -number))) for number in range(100)]
    first = Index(entries)
    with patch.object(implementation, "_pile_of", wraps=implementation._pile_of) as filed:
        second = Index([*entries[:40], new[1], *entries[41:]], first)
        third = Index([*entries[:40], new[1], new[2], *entries[42:]], second)
        Index([*new[:50], *entries[50:]], third)  # too much is new
        Index(entries[:50], first)  # too much is gone
    assert [len(call.args[0]) for call in filed.call_args_list] == [1, 2, 100, 0, 50, 0]
    assert [index.holding({"sku": sku}) for index in (first, second, third) for sku in (40, 41, -1, -2)] == [
        [40], [41], [], [],
        [], [41], [40], [],
        [], [], [40], [41],
    ]  # fmt: skip


def test_values_that_look_alike_are_kept_apart() -> None:
    alike: list[Any] = [1, True, "1", 0, False, None, [], {}, [1], [True]]
    raw = [leaf("x", "eq", value) for value in alike]
    assert holding(raw, {"x": 1}, {"x": 1.0}, {"x": True}, {"x": "1"}, {"x": -0.0}, {"x": False}) == [
        [0], [0], [1], [2], [3], [4],
    ]  # fmt: skip
    assert holding(raw, {"x": None}, {}, {"x": []}, {"x": {}}, {"x": [1.0]}, {"x": [True]}) == [
        [5], [5], [6], [7], [8], [9],
    ]  # fmt: skip


def test_numbers_are_not_rounded() -> None:
    raw = [leaf("x", "eq", 2**53 + 1), leaf("x", "gt", 2**53), leaf("x", "lt", 10**400), leaf("x", "eq", 10**400)]
    assert holding(raw, {"x": 2**53 + 1}, {"x": 2.0**53}, {"x": 1e308}, {"x": 10**400}) == [
        [0, 1, 2], [2], [1, 2], [1, 3],
    ]  # fmt: skip


def test_several_leaves_on_one_field_all_count() -> None:
    raw = [
        {"all": [leaf("x", "gt", 10), leaf("x", "lt", 20)]},
        {"all": [leaf("x", "gte", 10), leaf("x", "lte", 20), leaf("x", "gte", 15)]},
        {"all": [leaf("x", "gt", 20), leaf("x", "lt", 10)]},
        {"all": [leaf("x", "in", [10, 20]), leaf("x", "gt", 10)]},
        {"all": [leaf("x", "eq", 10), leaf("x", "eq", 20)]},
        {"all": [leaf("x", "gt", 10), leaf("x", "gt", "10")]},
    ]
    assert holding(raw, {"x": 10}, {"x": 11}, {"x": 15}, {"x": 20}, {"x": 21}, {"x": "15"}) == [
        [], [0], [0, 1], [1, 3], [], [],
    ]  # fmt: skip


NOON, ONE_IN_PARIS, HALF_PAST = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00+01:00", "2026-03-10T12:30:00Z"


def test_date_times_are_found_as_instants_and_other_texts_by_code_point() -> None:
    raw = [
        leaf("x", "gte", NOON),
        leaf("x", "gt", ONE_IN_PARIS),
        {"all": [leaf("x", "gte", NOON), leaf("x", "lte", ONE_IN_PARIS)]},
        {"all": [leaf("x", "gte", HALF_PAST), leaf("x", "lte", ONE_IN_PARIS)]},
        leaf("x", "lt", "2026-03-10T12:15"),
        leaf("x", "eq", NOON),
    ]
    assert holding(raw, {"x": NOON}, {"x": ONE_IN_PARIS}, {"x": HALF_PAST}) == [[0, 2, 4, 5], [0, 2], [0, 1]]
    # No instant, so it lies between the spellings of two bounds whose instants are the other way round.
    assert holding(raw, {"x": "2026-03-10T12:45"}, {"x": "2026-03-10"}, {"x": 20260310}) == [[0, 2, 3], [4], []]


def test_any_is_found_by_each_member_and_all_by_one() -> None:
    a, b, c, d = (leaf(field, "eq", 1) for field in "abcd")
    raw = [
        {"any": [a, b]},
        {"all": [{"any": [a, b]}, {"any": [c, d]}]},
        {"all": [a], "any": [{"all": [b, c]}, {"all": [{"any": [{"all": [d]}]}]}]},
        {"any": [a, leaf("b", "neq", 1)]},
    ]
    assert holding(raw, {"a": 1, "b": 2}, {"b": 1, "d": 1}, {"a": 1, "b": 1, "c": 1}, {"a": 1, "d": 1}, {}) == [
        [0, 3], [0, 1], [0, 1, 2, 3], [0, 1, 2, 3], [3],
    ]  # fmt: skip


def test_of_many_any_in_one_all_only_some_give_clues() -> None:
    pairs = [{"any": [leaf(f"f{n}", "eq", 1), leaf(f"f{n}", "eq", 2)]} for n in range(20)]
    assert len(ways_of(parse({"all": pairs}))) == MAX_WAYS
    assert len(ways_of(parse({"any": [leaf(f"f{n}", "eq", 1) for n in range(200)]}))) == 200
    ones = {f"f{n}": 1 for n in range(20)}
    assert holding([{"all": pairs}], ones, {**ones, "f19": 3}, {**ones, "f0": 3}) == [[0], [], []]


def test_what_nothing_can_be_looked_up_by_is_always_asked() -> None:
    raw = [{}, leaf("x", "neq", 1), leaf("x", "exists", False), leaf("x", "exists", True), leaf("x", "in", [])]
    assert holding(raw, {}, {"x": 1}, {"x": 2}) == [[0, 1, 2], [0, 3], [0, 1, 3]]


def test_fields_are_followed_into_lists_and_any_mapping() -> None:
    raw = [leaf("items.0.sku", "eq", "A1"), leaf("customer.tier", "eq", "gold"), leaf("customer.age", "gt", 18)]
    customer = MappingProxyType({"tier": "gold", "age": 20})
    document = {"items": [{"sku": "A1"}, {"sku": "B2"}], "customer": customer}
    assert holding(raw, document, {"items": {"0": {"sku": "A1"}}}, {"items": [], "customer": []}) == [
        [0, 1, 2], [0], [],
    ]  # fmt: skip


def test_they_come_in_the_order_they_were_given_and_each_once() -> None:
    raw = [leaf("x", "in", [1, 1, 1.0]), {"any": [leaf("x", "eq", 1), leaf("x", "gt", 0), leaf("y", "eq", 1)]}, {}]
    assert holding([*raw, *raw[:1], *raw[1:]], {"x": 1, "y": 1}) == [[0, 1, 2, 3, 4, 5]]


def test_no_conditions() -> None:
    assert Index([]).holding({"x": 1}) == []


def test_of_a_thousand_only_those_are_asked_that_share_what_the_document_holds() -> None:
    by_value = Counted([leaf("sku", "eq", f"sku-{number}") for number in range(1000)])
    assert by_value.holding({"sku": "sku-7"}) == ([7], 1)
    assert by_value.holding({"sku": "other"}) == ([], 0)
    by_member = Counted([leaf("sku", "in", [f"sku-{number}", f"sku-{number + 1}"]) for number in range(1000)])
    assert by_member.holding({"sku": "sku-7"}) == ([6, 7], 2)
    of_all_kinds: list[Any] = [*range(100), None, *map(str, range(100)), [], {}]
    mixed = Counted([leaf("sku", "eq", value) for value in of_all_kinds])
    assert [mixed.holding({"sku": of_all_kinds[place]}) for place in (7, 108, 100, 201)] == [
        ([7], 1), ([108], 1), ([100], 1), ([201], 2),
    ]  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_several_bounds_are_one_range(order: Sequence[int]) -> None:
    def between(number: int) -> Json:
        members = [("gte", number), ("gte", number - 100), ("lt", number + 3), ("lt", number + 100)]
        return {"all": [leaf("amount", *members[place]) for place in order]}

    counted = Counted([between(number) for number in range(200)])
    assert counted.holding({"amount": 100.5}) == ([98, 99, 100], 3)
    assert counted.holding({"amount": 100}) == ([98, 99, 100], 4)  # the index knows no open ends
    assert counted.holding({"amount": "100"}) == ([], 0)


@pytest.mark.parametrize(
    ("operator", "found", "asked"),
    [("gt", range(30), 31), ("gte", range(31), 31), ("lt", range(31, 100), 70), ("lte", range(30, 100), 70)],
)
@pytest.mark.parametrize("spelt", [int, "{:03}".format, "2026-03-10T14:30:00.{:03}1Z".format])
def test_a_bound_on_one_side_leads_to_those_on_that_side(
    operator: str, found: range, asked: int, spelt: Callable[[int], Any]
) -> None:
    counted = Counted([leaf("x", operator, spelt(number)) for number in range(100)])
    assert counted.holding({"x": spelt(30)}) == (list(found), asked)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_condition_is_filed_by_what_the_fewest_share(swapped: bool) -> None:
    def both(number: int) -> Json:
        members = [leaf("country", "eq", "NL"), leaf("sku", "eq", f"sku-{number}")]
        return {"all": members[::-1] if swapped else members}

    narrow = [
        {"all": [leaf("country", "eq", "NL"), leaf("amount", "gt", n), leaf("amount", "lt", n + 1)]}
        for n in range(1000)
    ]
    with patch.object(implementation, "_Shelf", wraps=implementation._Shelf) as shelves:
        assert Counted([both(n) for n in range(1000)]).holding({"country": "NL", "sku": "sku-7"}) == ([7], 1)
        assert Counted(narrow).holding({"country": "NL", "amount": 7.5}) == ([7], 1)
    assert shelves.call_count == 2  # one each: nothing had to be filed a second time


def test_where_each_field_alone_is_shared_by_many_the_next_one_parts_them() -> None:
    raw = [
        {"all": [leaf("tier", "eq", n % 20), leaf("channel", "eq", n // 20 % 20), leaf("amount", "gt", n)]}
        for n in range(8000)
    ]
    counted = Counted(raw)
    assert counted.holding({"tier": 3, "channel": 4, "amount": 0}) == ([], 0)
    found, asked = counted.holding({"tier": 3, "channel": 4, "amount": 900})
    assert found == [83, 483, 883]
    assert asked <= 20


def test_conditions_that_are_all_the_same_are_all_asked() -> None:
    assert Counted([leaf("tier", "eq", "gold")] * 100).holding({"tier": "gold"}) == (list(range(100)), 100)


def test_threads_that_share_a_new_index_find_the_same() -> None:
    raw = [{"all": [leaf("tier", "eq", n % 3), leaf("amount", "gt", n)]} for n in range(2000)]
    index = index_of([parse(one) for one in raw])
    together = Barrier(4)

    def find(tier: int) -> list[int]:
        together.wait(timeout=30)
        return index.holding({"tier": tier, "amount": 30})

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(find, [0, 0, 1, 1])) == [list(range(start, 30, 3)) for start in (0, 0, 1, 1)]
