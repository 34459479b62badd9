"""The operations: on whole numbers, decimals and texts, exact, bounded, and refusing all else in words."""

import ast
import operator
from collections.abc import Callable, Mapping
from decimal import (
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import Any, Final

from kaireon.core.expressions.errors import ExpressionError
from kaireon.core.expressions.syntax import MAX_DIGITS

Number = int | Decimal
Value = int | Decimal | str | bool | None

MAX_DECIMAL_PLACES: Final = 18
"""Of round()."""
_LIMIT: Final = 10**MAX_DIGITS
TOO_LARGE: Final = f"A number in the calculation has more than {MAX_DIGITS} digits."

# What is too large to be a result fails in `bounded`; what is too small to matter becomes 0.
CONTEXT: Final = Context(
    prec=MAX_DIGITS,
    rounding=ROUND_HALF_EVEN,
    Emin=-100,
    Emax=100,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""Evaluation copies it into the current thread's decimal context."""


def from_record(name: str, value: object) -> Value:
    """An attribute's JSON value as an operand. Raises ExpressionError for a list, an object, or too large a number."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return bounded(value)
    if isinstance(value, float | Decimal):
        number = Decimal(str(value))
        if not number.is_finite():
            raise ExpressionError(f"{name} is not a number that can be calculated with.")
        return bounded(+number)
    raise ExpressionError(
        f"{name} is {'a list' if isinstance(value, list) else 'an object'}, which an expression can't use."
    )


def bounded(number: Number) -> Number:
    """`number`, and 0 for minus 0. Raises ExpressionError if it is too large."""
    if abs(number) >= _LIMIT:
        raise ExpressionError(TOO_LARGE)
    return number or 0


def _number(value: Value) -> Number:
    """An operand of a calculation. Null, which only coalesce can give, counts as 0 like any absent attribute."""
    if value is None:
        return 0
    if isinstance(value, bool):
        raise ExpressionError(
            f"{'true' if value else 'false'} can't be calculated with; use a condition: 1 if … else 0."
        )
    if isinstance(value, str):
        raise ExpressionError("A text can't be calculated with, only numbers can.")
    return value


def _calculation(operation: Callable[..., Number]) -> Callable[..., Number]:
    """`operation` on numbers, with its result bounded."""

    def calculate(*operands: Value) -> Number:
        return bounded(operation(*map(_number, operands)))

    return calculate


def _divide(dividend: Number, divisor: Number) -> Number:
    _refuse_zero(divisor)
    if isinstance(dividend, int) and isinstance(divisor, int) and dividend % divisor == 0:
        return dividend // divisor
    return Decimal(dividend) / Decimal(divisor)


def _floor_divide(dividend: Number, divisor: Number) -> Number:
    _refuse_zero(divisor)
    if isinstance(dividend, int) and isinstance(divisor, int):
        return dividend // divisor
    quotient, remainder = divmod(Decimal(dividend), Decimal(divisor))
    # Decimal rounds towards zero.
    return quotient - 1 if remainder and (remainder < 0) != (divisor < 0) else quotient


def _modulo(dividend: Number, divisor: Number) -> Number:
    _refuse_zero(divisor)
    if isinstance(dividend, int) and isinstance(divisor, int):
        return dividend % divisor
    remainder = Decimal(dividend) % Decimal(divisor)
    return remainder + divisor if remainder and (remainder < 0) != (divisor < 0) else remainder


def _refuse_zero(divisor: Number) -> None:
    if divisor == 0:
        raise ExpressionError("The expression divides by zero.")


def _round(number: Number, places: Number | None = None) -> Number:
    if places is None:
        return int(Decimal(number).to_integral_value(ROUND_HALF_UP))
    if not isinstance(places, int) or not 0 <= places <= MAX_DECIMAL_PLACES:
        raise ExpressionError(f"round takes a whole number of decimals from 0 to {MAX_DECIMAL_PLACES}.")
    if isinstance(number, int):
        return number
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -places:
        return number
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _equal(left: Value, right: Value) -> bool:
    left = 0 if left is None else left
    right = 0 if right is None else right
    return _kind(left) == _kind(right) and left == right


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    def ordered(left: Value, right: Value) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        if isinstance(left, str) != isinstance(right, str):
            raise ExpressionError("A text and a number can't be compared by order.")
        return compare(_number(left), _number(right))

    return ordered


def _kind(value: Value) -> type:
    return Decimal if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


OPERATORS: Final[Mapping[type[ast.AST], Callable[..., Value]]] = {
    ast.Add: _calculation(operator.add),
    ast.Sub: _calculation(operator.sub),
    ast.Mult: _calculation(operator.mul),
    ast.Div: _calculation(_divide),
    ast.FloorDiv: _calculation(_floor_divide),
    ast.Mod: _calculation(_modulo),
    ast.USub: _calculation(operator.neg),
    ast.UAdd: _calculation(operator.pos),
    ast.Not: operator.not_,
    ast.Eq: _equal,
    ast.NotEq: lambda left, right: not _equal(left, right),
    ast.Lt: _ordering(operator.lt),
    ast.LtE: _ordering(operator.le),
    ast.Gt: _ordering(operator.gt),
    ast.GtE: _ordering(operator.ge),
}
FUNCTIONS: Final[Mapping[str, Callable[..., Value]]] = {
    "abs": _calculation(abs),
    "coalesce": _coalesce,
    "max": _calculation(lambda *numbers: max(numbers)),
    "min": _calculation(lambda *numbers: min(numbers)),
    "round": _calculation(_round),
}
