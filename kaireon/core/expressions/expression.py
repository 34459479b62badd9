"""Parsing and evaluating an expression."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import DecimalException, localcontext
from typing import Any

from simpleeval import SimpleEval

from kaireon.core.expressions.arithmetic import CONTEXT, FUNCTIONS, OPERATORS, TOO_LARGE, Value, from_record
from kaireon.core.expressions.errors import ExpressionError
from kaireon.core.expressions.syntax import names_in, read


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. Immutable, and shared between threads as it is."""

    text: str
    names: frozenset[str]
    """The attributes that it reads."""
    tree: ast.expr = field(repr=False, compare=False)

    def evaluate(self, attributes: Mapping[str, Any]) -> Value:
        """The value for a record with these attributes, which are JSON values.

        Raises ExpressionError and nothing else.
        """
        with localcontext(CONTEXT):
            try:
                return _Evaluator(attributes).value(self.tree)
            except DecimalException:
                raise ExpressionError(TOO_LARGE) from None


def parse(text: str) -> Expression:
    """Raises ExpressionError, and nothing else whatever text it is given."""
    tree = read(text)
    return Expression(text, names_in(tree), tree)


class _Evaluator(SimpleEval):  # type: ignore[misc]  # simpleeval ships no types
    """simpleeval with none of its defaults: our operations, and no node that `syntax` would not let through."""

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        # Not super().__init__(): it makes a table of nodes that we don't want, and changes the warning filters of the
        # whole process meanwhile, which is not safe between threads.
        self.operators = OPERATORS
        self.functions = FUNCTIONS
        self._attributes = attributes
        self.nodes = {
            ast.BinOp: self._eval_binop,
            ast.BoolOp: self._eval_boolop,
            ast.Call: self._call,
            ast.Compare: self._eval_compare,
            ast.Constant: self._eval_constant,
            ast.IfExp: self._eval_ifexp,
            ast.Name: self._attribute_or_zero,
            ast.UnaryOp: self._eval_unaryop,
        }

    def value(self, tree: ast.expr) -> Value:
        result: Value = self._eval(tree)
        return result

    def _attribute(self, name: ast.Name) -> Value:
        return from_record(name.id, self._attributes.get(name.id))

    def _attribute_or_zero(self, name: ast.Name) -> Value:
        value = self._attribute(name)
        return 0 if value is None else value

    def _call(self, call: ast.Call) -> Value:
        if isinstance(call.func, ast.Name) and call.func.id == "coalesce":
            # Here alone an absent attribute differs from 0.
            values = (self._attribute(part) if isinstance(part, ast.Name) else self._eval(part) for part in call.args)
            return FUNCTIONS["coalesce"](*values)
        result: Value = self._eval_call(call)
        return result
