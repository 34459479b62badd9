"""Expressions: arithmetic over a record's own attributes, such as `event_count + 1`.

Plain Python and simpleeval: nothing of Django's, no input or output.

    expression = parse("round(spend * 1.1, 2) if tier == 'gold' else spend")    # or ExpressionError
    expression.names                                       # frozenset({"spend", "tier"})
    expression.evaluate({"tier": "gold", "spend": 10})     # Decimal("11.00")

**Grammar.** Names, numbers, texts in quotes, true and false; `+ - * / // %`; `== != < <= > >=`, also in a row
(`0 < a < 5`); `and or not`; `a if condition else b`; parentheses; the functions abs, coalesce, max, min and round.
At most 500 characters and 30 levels. Nothing else: no powers, no attributes, no other calls.

**Values.** An absent or null name counts as 0; only as an argument of coalesce, which gives the first of its arguments
that is not null, it is null. Whole numbers stay whole numbers, and are exact. Other numbers are decimals: `0.1 + 0.2`
is 0.3. `/` gives a whole number if two of them come out even. `//` and `%` round towards minus infinity, for decimals
too. `round(x)` gives a whole number, `round(x, 2)` two decimals, half away from zero. A number has at most 38 digits in
front of the point; of a decimal 38 digits are kept.

**Kinds.** Only numbers are calculated with and ordered; two texts are ordered by their characters. `==` and `!=` take
anything, and values of different kinds are not equal; true and false are no numbers. Conditions take 0, the empty text,
false and null as false; `and` and `or` give the operand that decided.
"""

from kaireon.core.expressions.errors import ExpressionError
from kaireon.core.expressions.expression import Expression, parse
from kaireon.core.expressions.syntax import MAX_DEPTH, MAX_LENGTH

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "Expression", "ExpressionError", "parse"]
