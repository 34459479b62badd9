"""Other libraries that decide by rules, each with the specification's example condition, made ready as far as can be.

Each is given the event as a dict and says whether the condition holds. They come with requirements-bench.txt alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

Event = dict[str, Any]
Predicate = Callable[[Event], Any]

AMOUNT, KIND = 500, "conversion"
CONDITION = {
    "all": [
        {"field": "metadata.amount", "operator": "gt", "value": AMOUNT},
        {"field": "outcomeType", "operator": "eq", "value": KIND},
    ]
}
"""The specification's example."""
_JSON_LOGIC = {"and": [{">": [{"var": "metadata.amount"}, AMOUNT]}, {"==": [{"var": "outcomeType"}, KIND]}]}


def _business_rules() -> Predicate:
    from business_rules.engine import check_conditions_recursively
    from business_rules.variables import BaseVariables, numeric_rule_variable, string_rule_variable

    class Variables(BaseVariables):
        def __init__(self, event: Event) -> None:
            self.event = event

        @numeric_rule_variable
        def amount(self) -> Any:
            return self.event["metadata"]["amount"]

        @string_rule_variable
        def outcome_type(self) -> Any:
            return self.event["outcomeType"]

    rule = {
        "all": [
            {"name": "amount", "operator": "greater_than", "value": AMOUNT},
            {"name": "outcome_type", "operator": "equal_to", "value": KIND},
        ]
    }
    return lambda event: check_conditions_recursively(rule, Variables(event))


def _cel_python() -> Predicate:
    import celpy

    environment = celpy.Environment(runner_class=celpy.CompiledRunner)
    program = environment.program(environment.compile(f'metadata.amount > {AMOUNT} && outcomeType == "{KIND}"'))
    # Quicker than to hand over the event as one CEL value.
    return lambda event: program.evaluate({name: celpy.json_to_cel(value) for name, value in event.items()})


def _datalogic() -> Predicate:
    from datalogic_py import Engine

    engine = Engine()
    session, rule = engine.session(), engine.compile(_JSON_LOGIC)
    return lambda event: session.evaluate(rule, event)


def _json_logic() -> Predicate:
    from json_logic import jsonLogic

    return lambda event: jsonLogic(_JSON_LOGIC, event)


def _rule_engine() -> Predicate:
    from rule_engine import Rule

    matches: Predicate = Rule(f'metadata["amount"] > {AMOUNT} and outcomeType == "{KIND}"').matches
    return matches


def _zen() -> Predicate:
    import zen

    evaluate: Predicate = zen.compile_expression(f'metadata.amount > {AMOUNT} and outcomeType == "{KIND}"').evaluate
    return evaluate


PREDICATES: Mapping[str, Callable[[], Predicate]] = {
    "datalogic-py": _datalogic,
    "zen-engine": _zen,
    "json-logic-qubit": _json_logic,
    "rule-engine": _rule_engine,
    "cel-python": _cel_python,
    "business-rules": _business_rules,
}
"""By the names that the packages have. Raise ImportError where they are missing."""
