"""Expressions: exact results, everything else refused in words, and nothing that gets out of hand."""

import ast
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaireon.core.expressions import MAX_DEPTH, MAX_LENGTH, Expression, ExpressionError, parse

RECORD: dict[str, Any] = {
    "event_count": 5,
    "spend": 12.5,
    "tenth": 0.1,
    "fifth": 0.2,
    "debt": -7.5,
    "tier": "gold",
    "empty": "",
    "vip": True,
    "nothing": None,
    "tags": ["a"],
    "address": {"city": "Riga"},
    "large": 10**37,
    "huge": 1e300,
    "tiny": 1e-300,
    "max": 3,
}


def value_of(text: str, record: dict[str, Any] = RECORD) -> Any:
    return parse(text).evaluate(record)


def exactly(value: object, expected: object) -> bool:
    """Equal in type, too: 1, Decimal(1) and true are three values."""
    return repr(value) == repr(expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("event_count + 1", 6),
        ("  event_count\n+\t1 ", 6),
        ("absent + 1", 1),
        ("nothing + 1", 1),
        ("absent", 0),
        ("nothing", 0),
        ("event_count - 7 * 2", -9),
        ("(event_count - 7) * 2", -4),
        ("-event_count", -5),
        ("+event_count", 5),
        ("--event_count", 5),
        ("tenth + fifth", Decimal("0.3")),
        ("0.1 * 3", Decimal("0.3")),
        ("1.10 + 0", Decimal("1.10")),
        ("spend * 2", Decimal("25.0")),
        ("spend - spend", 0),
        ("-1 * tenth * 0", 0),
        ("event_count / 5", 1),
        ("event_count / 2", Decimal("2.5")),
        ("1 / 3", Decimal("0." + "3" * 38)),
        ("spend / 5", Decimal("2.5")),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("debt // 2", Decimal("-4")),
        ("debt // -2", Decimal("3")),
        ("3 // 0.4", Decimal("7")),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("debt % 2", Decimal("0.5")),
        ("7.5 % -2", Decimal("-0.5")),
        ("tiny", 0),
        ("abs(debt)", Decimal("7.5")),
        ("abs(-3)", 3),
        ("max(event_count, spend, 3)", Decimal("12.5")),
        ("max + 1", 4),
        ("max(max, 1)", 3),
        ("min(event_count, absent)", 0),
        ("min(event_count)", 5),
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(0.4)", 0),
        ("round(event_count)", 5),
        ("round(1.005, 2)", Decimal("1.01")),
        ("round(2.4, 2)", Decimal("2.4")),
        ("round(event_count, 2)", 5),
        ("round(1 / 3, 18)", Decimal("0." + "3" * 18)),
        ("coalesce(absent, nothing, 7)", 7),
        ("coalesce(event_count, 7)", 5),
        ("coalesce(absent, tier)", "gold"),
        ("coalesce(absent, nothing)", None),
        ("coalesce(coalesce(absent), 2)", 2),
        ("coalesce(absent) + 1", 1),
        ("coalesce(absent + 1, 7)", 1),
        ("coalesce(absent) == 0", True),
        ("'silver'", "silver"),
        ("tier", "gold"),
        ("vip", True),
        ("true", True),
        ("False", False),
        ("'high' if spend > 10 else 'low'", "high"),
        ('"high" if spend > 100 else "low"', "low"),
        ("1 if event_count else 2", 1),
        ("1 if absent else 2", 2),
        ("1 if empty else 2", 2),
        ("1 if vip and tier == 'gold' else 2", 1),
        ("tier or 'none'", "gold"),
        ("absent or 'none'", "none"),
        ("vip and event_count", 5),
        ("not vip", False),
        ("not absent", True),
        ("event_count == 5.0", True),
        ("event_count != 5", False),
        ("tier == 5", False),
        ("tier != 5", True),
        ("absent == 0", True),
        ("absent == ''", False),
        ("vip == 1", False),
        ("vip == true", True),
        ("0 < event_count < 10", True),
        ("0 < event_count < 5", False),
        ("5 <= event_count >= 5", True),
        ("tier < 'h'", True),
        ("9" * 38, 10**38 - 1),
        ("(" * 100 + "event_count" + ")" * 100, 5),
    ],
)
def test_an_expression_has_exactly_this_value(text: str, value: object) -> None:
    assert exactly(value_of(text), value)


ALLOWED = (
    "allowed are names, numbers, texts in quotes, true, false, + - * / // %, == != < <= > >=, and, or, not, "
    "if … else, parentheses, and the functions abs, coalesce, max, min, round."
)
NO_EXPRESSION = f"This is not an expression: a sign, a name or a parenthesis is missing; {ALLOWED}"
NO_NULL = "can't be used here: what is absent counts as 0, and coalesce(a, b) gives b for it."
OPEN_TEXT = "A text is never closed by its quote, or holds a line break or a backslash."
FUNCTIONS = "is not a function; there are abs, coalesce, max, min, round."
TOO_DEEP = "The expression is nested more than 30 deep; use fewer operations in a row."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "An expression is needed, such as event_count + 1."),
        (" \n", "An expression is needed, such as event_count + 1."),
        ("a +", NO_EXPRESSION),
        ("a b", NO_EXPRESSION),
        ("(a", NO_EXPRESSION),
        ("a)", NO_EXPRESSION),
        ("a if b", NO_EXPRESSION),
        ("1e5", NO_EXPRESSION),
        ("007", NO_EXPRESSION),
        ("f'{a}'", NO_EXPRESSION),
        ("b'a'", NO_EXPRESSION),
        ("a ** 2", f"Powers can't be used; {ALLOWED}"),
        ("a.b", f"'.' can't be used here; {ALLOWED}"),
        (".5", f"'.' can't be used here; {ALLOWED}"),
        ("a[0]", f"'[' can't be used here; {ALLOWED}"),
        ("[a for a in b]", f"'[' can't be used here; {ALLOWED}"),
        ("{a}", f"'{{' can't be used here; {ALLOWED}"),
        ("(a := 1)", f"':' can't be used here; {ALLOWED}"),
        ("a = 1", f"'=' can't be used here; {ALLOWED}"),
        ("a; b", f"';' can't be used here; {ALLOWED}"),
        ("a # b", f"'#' can't be used here; {ALLOWED}"),
        ("a ^ b", f"'^' can't be used here; {ALLOWED}"),
        ("~a", f"'~' can't be used here; {ALLOWED}"),
        ("é", f"'é' can't be used here; {ALLOWED}"),
        ("a\0", f"'\\x00' can't be used here; {ALLOWED}"),
        ("lambda: 1", f"lambda can't be used in an expression; {ALLOWED}"),
        ("a in b", f"in can't be used in an expression; {ALLOWED}"),
        ("a is b", f"is can't be used in an expression; {ALLOWED}"),
        ("max(a for a in b)", f"for can't be used in an expression; {ALLOWED}"),
        ("await a", f"await can't be used in an expression; {ALLOWED}"),
        ("null", f"null {NO_NULL}"),
        ("a == None", f"None {NO_NULL}"),
        ("a, b", f"A list can't be used here; {ALLOWED}"),
        ("()", f"A list can't be used here; {ALLOWED}"),
        ("max(*a)", f"* can't be used in front of an argument; {ALLOWED}"),
        ("'a", OPEN_TEXT),
        ("'a\\''", OPEN_TEXT),
        ("'a\nb'", OPEN_TEXT),
        ("__import__('os')", f"__import__ {FUNCTIONS}"),
        ("print(a)", f"print {FUNCTIONS}"),
        ("'a'('b')", f"This {FUNCTIONS}"),
        ("max(a)(b)", f"This {FUNCTIONS}"),
        ("min()", "min takes 1 to 20 arguments; here it has 0."),
        ("max(" + "1," * 20 + "1)", "max takes 1 to 20 arguments; here it has 21."),
        ("abs(1, 2)", "abs takes 1 argument; here it has 2."),
        ("round(1, 2, 3)", "round takes 1 to 2 arguments; here it has 3."),
        ("9" * 39, "A number has at most 38 digits."),
        ("a" * 501, "An expression has at most 500 characters; this one has 501."),
        ("-" * 400 + "a", TOO_DEEP),
        ("not " * 100 + "a", TOO_DEEP),
        ("+".join("a" * 31), TOO_DEEP),
        ("abs(" * 60 + "a" + ")" * 60, TOO_DEEP),
        ("(" * 240 + "a" + ")" * 240, NO_EXPRESSION),
    ],
)
def test_what_is_no_expression_is_refused_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert str(refused.value) == message


TOO_LARGE = "A number in the calculation has more than 38 digits."
TRUE = "true can't be calculated with; use a condition: 1 if … else 0."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event_count / absent", "The expression divides by zero."),
        ("event_count // 0", "The expression divides by zero."),
        ("spend % 0.0", "The expression divides by zero."),
        ("tier + 1", "A text can't be calculated with, only numbers can."),
        ("tier + tier", "A text can't be calculated with, only numbers can."),
        ("tier * 3", "A text can't be calculated with, only numbers can."),
        ("-tier", "A text can't be calculated with, only numbers can."),
        ("max(1, tier)", "A text can't be calculated with, only numbers can."),
        ("vip + 1", TRUE),
        ("abs(vip)", TRUE),
        ("vip < 2", TRUE),
        ("(1 < 2) + 1", TRUE),
        ("not vip + 1", TRUE),
        ("tier < 1", "A text and a number can't be compared by order."),
        ("absent < tier", "A text and a number can't be compared by order."),
        ("tags", "tags is a list, which an expression can't use."),
        ("coalesce(tags, 1)", "tags is a list, which an expression can't use."),
        ("address == 1", "address is an object, which an expression can't use."),
        ("large * 10", TOO_LARGE),
        ("-large * 10", TOO_LARGE),
        ("large * large", TOO_LARGE),
        ("large + large * 9.5", TOO_LARGE),
        ("9" * 38 + " + 1", TOO_LARGE),
        ("huge", TOO_LARGE),
        ("large // tenth", TOO_LARGE),
        ("large % (tenth / large)", TOO_LARGE),
        ("round(spend, 19)", "round takes a whole number of decimals from 0 to 18."),
        ("round(spend, -1)", "round takes a whole number of decimals from 0 to 18."),
        ("round(spend, 1.5)", "round takes a whole number of decimals from 0 to 18."),
    ],
)
def test_what_can_not_be_calculated_is_said_in_a_sentence(text: str, message: str) -> None:
    expression = parse(text)
    with pytest.raises(ExpressionError) as failed:
        expression.evaluate(RECORD)
    assert str(failed.value) == message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_number_of_json_is_refused(value: object) -> None:
    with pytest.raises(ExpressionError, match=r"^a is not a number that can be calculated with\.$"):
        value_of("a + 1", {"a": value})


def test_only_what_decides_is_evaluated() -> None:
    assert value_of("0 if absent == 0 else 1 / absent") == 0
    assert value_of("absent != 0 and 1 / absent > 2") is False
    assert value_of("vip or tags") is True


def test_the_names_that_are_read_are_known() -> None:
    assert parse("round(max(a, b) * 2, c) if not d == 'e' else coalesce(f, true)").names == {"a", "b", "c", "d", "f"}
    assert parse("max + abs(min)").names == {"max", "min"}
    assert parse("1").names == frozenset()


def test_the_longest_and_the_deepest_expression_are_accepted() -> None:
    assert value_of("1" + " " * (MAX_LENGTH - 2) + " ") == 1
    assert value_of("+".join(["1"] * MAX_DEPTH)) == MAX_DEPTH


def test_expressions_are_values() -> None:
    assert parse("a + 1") == parse("a + 1")
    assert parse("a + 1") != parse("a + 2")
    assert len({parse("a + 1"), parse("a + 1")}) == 1


def test_one_expression_serves_many_threads() -> None:
    expression = parse("round(a / 3, 2) + coalesce(b, a)")

    def evaluate(number: int) -> bool:
        return expression.evaluate({"a": number * 3, "b": None}) == number * 4

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(evaluate, range(400)))


# --- laws ------------------------------------------------------------------------------------------------------------

law = settings(max_examples=200, deadline=None)

WORDS = [
    "a", "b", "max", "round(", "coalesce(", "abs(", "(", ")", ",", "+", "-", "*", "/", "//", "%", "**", "==", "<", ">=",
    "and", "or", "not", "if", "else", "1", "0", "2.5", "'x'", '"', "true", "in", "lambda", ".", "[", "{", "__class__",
]  # fmt: skip
expression_texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=30)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**38, -(10**400), 1e308, 5e-324, -0.0])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)


@law
@given(text=expression_texts, record=st.dictionaries(st.sampled_from(["a", "b", "max"]), json_values))
@example("a // b", {"a": 1e37, "b": 1e-37})
@example("round(a, 18)", {"a": 12345678901234567890.5})
@example("'\r'", {})
@example("'\ud800'", {})
@example("a" * MAX_LENGTH * 1000, {})
def test_whatever_is_parsed_and_evaluated_only_the_one_error_comes_out(text: str, record: dict[str, Any]) -> None:
    with suppress(ExpressionError):
        value = parse(text).evaluate(record)
        assert value is None or isinstance(value, int | Decimal | str)
        if isinstance(value, int | Decimal):
            assert -(10**38) < value < 10**38


@law
@given(record=st.dictionaries(st.sampled_from(["a", "b"]), json_values))
def test_every_operation_takes_every_value_or_says_why_not(record: dict[str, Any]) -> None:
    for expression in OPERATIONS:
        with suppress(ExpressionError):
            expression.evaluate(record)


OPERATIONS: list[Expression] = [
    *(parse(f"a {sign} b") for sign in ("+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or")),
    *(
        parse(text)
        for text in ("-a", "not a", "a if b else 1", "round(a, b)", "round(a)", "min(a, b)", "coalesce(a, b)")
    ),
]

sums = st.recursive(
    st.integers(0, 999).map(str) | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.builds(
            lambda left, sign, right: f"({left} {sign} {right})",
            inner,
            st.sampled_from(["+", "-", "*", "//", "%"]),
            inner,
        )
        | inner.map(lambda part: f"-{part}")
    ),
    max_leaves=6,
)


@law
@given(text=sums, a=st.integers(-999, 999), b=st.integers(-999, 999))
def test_whole_numbers_are_calculated_as_python_does(text: str, a: int, b: int) -> None:
    try:
        expected = eval(compile(ast.parse(text, mode="eval"), "", "eval"), {"a": a, "b": b})
    except ZeroDivisionError:
        expected = None
    if expected is None:
        with pytest.raises(ExpressionError, match=r"^The expression divides by zero\.$"):
            value_of(text, {"a": a, "b": b})
    else:
        assert exactly(value_of(text, {"a": a, "b": b}), expected)


cents = st.integers(-(10**12), 10**12)


@law
@given(dividend=cents, divisor=cents.filter(bool))
def test_quotient_and_remainder_of_decimals_belong_together_as_those_of_whole_numbers_do(
    dividend: int, divisor: int
) -> None:
    record = {"a": dividend / 100, "b": divisor / 100}
    assert (value_of("a // b", record), value_of("a % b", record) * 100) == divmod(dividend, divisor)
