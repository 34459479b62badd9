"""Which conditions are accepted, and what is said about the others."""

import copy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kaireon.conditions import Always, ConditionError, Group, Leaf, compile, fields_read, parse, to_json
from tests.conditions.strategies import conditions, hostile_values, leaves, nodes, search

LEAF = {"field": "amount", "operator": "gt", "value": 500}
NAMES = "eq, neq, gt, gte, lt, lte, in, exists"
SHAPES = "a leaf has field, operator and value, a group has all, any or both"


def refusal(raw: object) -> list[tuple[str, str]]:
    with pytest.raises(ConditionError) as caught:
        parse(raw)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def nested(depth: int, innermost: Any = LEAF) -> Any:
    condition = innermost
    for level in range(depth):
        condition = {"any" if level % 2 else "all": [condition]}
    return condition


def test_the_example_of_the_specification() -> None:
    raw = {
        "all": [
            {"field": "metadata.amount", "operator": "gt", "value": 500},
            {"field": "outcomeType", "operator": "eq", "value": "conversion"},
        ]
    }
    assert parse(raw) == Group(
        all=(
            Leaf("metadata.amount", ("metadata", "amount"), "gt", 500),
            Leaf("outcomeType", ("outcomeType",), "eq", "conversion"),
        ),
        any=None,
    )
    assert fields_read(parse(raw)) == {"metadata.amount", "outcomeType"}
    assert to_json(parse(raw)) == raw


def test_the_empty_condition_is_always_true() -> None:
    assert parse({}) == Always()
    assert to_json(Always()) == {}
    assert fields_read(Always()) == frozenset()


def test_a_leaf_may_be_the_whole_condition() -> None:
    assert parse(LEAF) == Leaf("amount", ("amount",), "gt", 500)


def test_a_group_may_have_both_lists() -> None:
    other = {"field": "tier", "operator": "exists"}
    raw = {"any": [LEAF, {"all": [other]}], "all": [other]}
    tier = Leaf("tier", ("tier",), "exists", True)
    assert parse(raw) == Group(all=(tier,), any=(Leaf("amount", ("amount",), "gt", 500), Group(all=(tier,))))


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("eq", None),
        ("neq", [{"a": None}]),
        ("gt", 0.5),
        ("gte", "2026-03-10T14:30:00Z"),
        ("lt", ""),
        ("lte", 10**400),
        ("in", []),
        ("in", [None, True, 1, "a", [], {}]),
        ("exists", True),
        ("exists", False),
    ],
)
def test_values_that_an_operator_takes(operator: str, value: Any) -> None:
    assert parse({"field": "x", "operator": operator, "value": value}) == Leaf("x", ("x",), operator, value)


@pytest.mark.parametrize("raw", [None, True, 0, 1.5, "all", [], [LEAF]])
def test_a_condition_is_an_object(raw: object) -> None:
    ((path, message),) = refusal(raw)
    assert path == ""
    assert message.startswith("A condition must be an object, not ")
    assert message.endswith(f": {SHAPES}.")


EMPTY = "An empty condition may only stand alone, as the whole condition; leave it out here."
VALUE_CASES: list[tuple[str, Any, str]] = [
    ("gt", None, "gt needs a number or text, not null."),
    ("gte", True, "gte needs a number or text, not a boolean."),
    ("lt", [5], "lt needs a number or text, not a list."),
    ("lte", {}, "lte needs a number or text, not an object."),
    ("in", "gold", "in needs a list of values, not text."),
    ("in", {"0": "gold"}, "in needs a list of values, not an object."),
    ("in", None, "in needs a list of values, not null."),
    ("exists", 1, "exists needs no value, or true or false, not a number."),
    ("exists", None, "exists needs no value, or true or false, not null."),
    ("exists", "true", "exists needs no value, or true or false, not text."),
    ("eq", "a\0b", "Text must not contain the NUL character; remove it."),
    ("gt", "\0", "Text must not contain the NUL character; remove it."),
    ("eq", float("nan"), "A number must be finite."),
    ("gt", float("inf"), "A number must be finite."),
    ("eq", {1, 2}, "A value must be JSON, not a set."),
]


@pytest.mark.parametrize(("operator", "value", "message"), VALUE_CASES)
def test_values_that_an_operator_does_not_take(operator: str, value: Any, message: str) -> None:
    assert refusal({"field": "x", "operator": operator, "value": value}) == [("value", message)]


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        ({"all": []}, [("all", "all must not be empty; add a condition or leave all out.")]),
        ({"all": [LEAF], "any": []}, [("any", "any must not be empty; add a condition or leave any out.")]),
        ({"any": LEAF}, [("any", "any must be a list of conditions, not an object.")]),
        ({"all": None}, [("all", "all must be a list of conditions, not null.")]),
        ({"all": [{}]}, [("all[0]", EMPTY)]),
        ({"any": [LEAF, {"all": [LEAF, {}]}]}, [("any[1].all[1]", EMPTY)]),
        ({"all": [LEAF, 5]}, [("all[1]", f"A condition must be an object, not a number: {SHAPES}.")]),
        (
            {"all": [LEAF], **LEAF},
            [("", f"A leaf and a group at once, but {SHAPES}; move the leaf into the group's list.")],
        ),
        ({"and": [LEAF]}, [("and", f'"and" is not known here: {SHAPES}; did you mean all?')]),
        ({"none": [LEAF]}, [("none", f'"none" is not known here: {SHAPES}.')]),
        ({"all": [LEAF], "note": "x"}, [("note", f'"note" is not known here: {SHAPES}.')]),
        (
            {"all": [{"feild": "x", "operator": "eq", "value": 1}]},
            [
                ("all[0].feild", f'"feild" is not known here: {SHAPES}; did you mean field?'),
                ("all[0].field", "A leaf needs a field: the dotted path to read, such as metadata.amount."),
            ],
        ),
        ({"field": "x", "value": 1}, [("operator", f"A leaf needs an operator: one of {NAMES}.")]),
        ({"field": "x", "operator": "eq"}, [("value", "value is missing; eq needs any JSON value.")]),
        ({"field": "x", "operator": "in"}, [("value", "value is missing; in needs a list of values.")]),
        (
            {"field": "x", "operator": ["eq"], "value": 1},
            [("operator", f"operator must be text, one of {NAMES}, not a list.")],
        ),
        (
            {"field": "x", "operator": "contains", "value": 1},
            [("operator", f'"contains" is not an operator; the operators are {NAMES}.')],
        ),
    ],
)
def test_each_fault_is_said_with_its_place(raw: Any, problems: list[tuple[str, str]]) -> None:
    assert refusal(raw) == problems


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("", "field must not be empty; give a dotted path such as metadata.amount."),
        (None, "field must be text, a dotted path such as metadata.amount, not null."),
        (["a", "b"], "field must be text, a dotted path such as metadata.amount, not a list."),
        (".", 'field "." has an empty step; put exactly one dot between two names.'),
        ("a..b", 'field "a..b" has an empty step; put exactly one dot between two names.'),
        (".a", 'field ".a" has an empty step; put exactly one dot between two names.'),
        ("a.", 'field "a." has an empty step; put exactly one dot between two names.'),
        ("a\0b", "field must not contain the NUL character; remove it."),
        ("x" * 201, "field may have at most 200 characters; this one has 201."),
    ],
)
def test_fields_that_are_refused(field: Any, message: str) -> None:
    assert refusal({"field": field, "operator": "eq", "value": 1}) == [("field", message)]


def test_a_field_may_have_200_characters() -> None:
    field = ".".join(["x"] * 100) + "y"
    assert len(field) == 200
    assert fields_read(parse({"field": field, "operator": "exists"})) == {field}


@pytest.mark.parametrize(
    ("operator", "hint"),
    [
        ("EQ", "eq"),
        ("==", "eq"),
        ("equalz", "eq"),
        ("!=", "neq"),
        ("greater_than", "gt"),
        ("Greater Than", "gt"),
        (">=", "gte"),
        ("gtee", "gte"),
        ("<", "lt"),
        ("le", "lte"),
        ("one-of", "in"),
        ("exist", "exists"),
        ("not_exists", 'exists with "value": false'),
        ("not_in", "all with a neq for each value"),
    ],
)
def test_an_unknown_operator_is_answered_with_the_one_that_was_meant(operator: str, hint: str) -> None:
    assert refusal({"field": "x", "operator": operator, "value": 1}) == [
        ("operator", f'"{operator}" is not an operator; the operators are {NAMES}; did you mean {hint}?')
    ]


def test_all_faults_are_found_at_once_in_the_order_of_the_document() -> None:
    raw = {
        "all": [
            {"field": "a..b", "operator": "gtt", "value": 1, "extra": 1},
            LEAF,
            {"any": [{"field": "x", "operator": "in", "value": "gold"}, {}], "note": ""},
        ],
        "any": [],
    }
    assert [path for path, _ in refusal(raw)] == [
        "all[0].extra",
        "all[0].field",
        "all[0].operator",
        "all[2].note",
        "all[2].any[0].value",
        "all[2].any[1]",
        "any",
    ]


def test_the_error_says_its_problems_when_it_is_printed() -> None:
    with pytest.raises(ConditionError, match=r"^all\[0\]: An empty condition may only stand alone"):
        parse({"all": [{}]})


def test_groups_may_be_nested_ten_deep() -> None:
    assert compile(parse(nested(10)))({"amount": 750}) is True
    (problem,) = refusal(nested(11))
    assert problem == (
        ".".join(["all[0]", "any[0]"] * 5),
        "Groups may be nested at most 10 deep; bring this one further up.",
    )


def test_a_condition_may_have_two_hundred_leaves() -> None:
    halves: dict[str, list[Any]] = {"all": [LEAF] * 100, "any": [{"all": [LEAF] * 50}, {"any": [LEAF] * 50}]}
    assert fields_read(parse(halves)) == {"amount"}
    halves["any"].append(LEAF)
    assert refusal(halves) == [("", "A condition may have at most 200 leaves; this one has 201.")]


def test_values_may_be_nested_sixteen_deep() -> None:
    value: Any = "gold"
    for _ in range(16):
        value = [value]
    condition = {"field": "x", "operator": "eq", "value": value}
    assert compile(parse(condition))({"x": value}) is True
    ((path, message),) = refusal({**condition, "value": [value]})
    assert path == "value" + "[0]" * 16
    assert message == "Lists and objects in a value may be nested at most 16 deep."


def test_a_nul_character_is_found_inside_a_value() -> None:
    assert refusal({"field": "x", "operator": "in", "value": ["a", {"b": "\0"}, {"\0": 1}]}) == [
        ("value[1].b", "Text must not contain the NUL character; remove it."),
        ("value[2]", "The keys of an object must not contain the NUL character; remove it."),
    ]


def test_a_hostile_condition_gets_a_short_answer() -> None:
    assert len(refusal({"all": [{}] * 100_000})) == 100
    assert len(refusal({f"key{n}": n for n in range(100_000)})) == 100
    ((path, message),) = refusal({"field": "x", "operator": "y" * 1_000_000, "value": 1})
    assert path == "operator"
    assert len(message) < 250
    ((path, message),) = refusal({"k" * 1_000_000: 1})
    assert len(path) < 70
    assert len(message) < 250


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"all": [inner]}, lambda inner: {"x": inner}])
def test_no_depth_of_nesting_overflows_the_stack(wrap: Any) -> None:
    deep: Any = LEAF
    for _ in range(100_000):
        deep = wrap(deep)
    refusal(deep)
    refusal({"field": "x", "operator": "eq", "value": deep})
    while isinstance(deep, (list, dict)) and deep is not LEAF:  # or else Python's own clean-up goes deep, too
        deep = next(iter(deep.values())) if isinstance(deep, dict) else deep[0]


def test_the_condition_shares_nothing_with_what_it_was_parsed_from() -> None:
    raw: dict[str, Any] = {"field": "tier", "operator": "in", "value": ["gold", {"a": []}]}
    before = copy.deepcopy(raw)
    condition = parse(raw)
    raw["value"].append("silver")
    raw["value"][1]["a"].append(1)
    assert to_json(condition) == before
    assert compile(condition)({"tier": "silver"}) is False


def test_conditions_are_compared_as_json_and_can_be_hashed() -> None:
    one, one_point_zero, true = (parse({"field": "x", "operator": "eq", "value": value}) for value in (1, 1.0, True))
    assert one == one_point_zero
    assert hash(one) == hash(one_point_zero)
    assert one != true
    assert len({parse({"any": [LEAF, LEAF]}), parse({"any": [LEAF, LEAF]}), parse({"all": [LEAF, LEAF]})}) == 2
    assert {parse({"field": "x", "operator": "in", "value": [["a"]]}): "found"}


def test_exists_is_written_without_a_value_unless_it_is_false() -> None:
    short = {"field": "email", "operator": "exists"}
    assert to_json(parse(short)) == short
    assert to_json(parse({**short, "value": True})) == short
    assert to_json(parse({**short, "value": False})) == {**short, "value": False}


@search
@given(conditions)
def test_a_condition_survives_the_way_to_json_and_back(raw: dict[str, Any]) -> None:
    condition = parse(raw)
    assert parse(to_json(condition)) == condition


@search
@given(nodes)
def test_the_empty_condition_is_refused_at_every_place_but_the_root(raw: dict[str, Any]) -> None:
    assert ("all[1]", EMPTY) in refusal({"all": [raw, {}]})


keys_and_values = st.dictionaries(
    st.sampled_from(["all", "any", "field", "operator", "value", "note"]), hostile_values | leaves, max_size=6
)
almost_conditions = st.recursive(
    leaves | keys_and_values,
    lambda inner: st.dictionaries(st.sampled_from(["all", "any", "field"]), st.lists(inner, max_size=3), max_size=2),
    max_leaves=6,
)


@search
@given(hostile_values | almost_conditions)
@example({1: 2})
@example({"all": [{"field": "x", "operator": "eq", "value": {1: 2}}]})
@example({"field": "x", "operator": object(), "value": 1})
def test_parse_raises_nothing_but_its_own_error(raw: object) -> None:
    try:
        condition = parse(raw)
    except ConditionError as error:
        assert error.problems  # noqa: PT017 - either outcome is fine, as long as it is one of the two
    else:
        compile(condition)({})
