"""The condition builder's model, without its page: nothing of a condition may be lost on the way through it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from kaireon import conditions
from kaireon.conditions.description import ABSENT, WORDS, WORDS_OF_MOMENTS
from kaireon.conditions.grammar import MAX_DEPTH, MAX_LEAVES
from kaireon.conditions.instants import instant
from tests.conditions.strategies import conditions as any_condition
from tests.conditions.strategies import documents, json_values
from tests.studio.browser.builder import MODULES, exact, exact_condition

# One page serves all examples.
law = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def page(page_as: Callable[..., Page]) -> Page:
    """A page that has the modules loaded as `json`, `tree`, `checks`, `steps` and so on."""
    page = page_as("viewer")
    page.goto("/studio/segments")
    page.evaluate(
        f"""async () => {{
          const load = (name) => import(`{MODULES}/${{name}}.js`)
          window.json = await load("json_text")
          window.tree = await load("tree")
          window.checks = await load("checks")
          window.operators = await load("operators")
          window.kinds = await load("value_kinds")
          const treeOf = (text) => tree.fromJson(json.readJson(text)).tree
          window.through = (text) => tree.toText(treeOf(text))
          window.complaints = (text) => checks.check(treeOf(text))
        }}"""
    )
    return page


def written(value: Any, *, indent: int | None, ascii_only: bool) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only)


spellings = st.fixed_dictionaries({"indent": st.sampled_from([None, 0, 2, 4]), "ascii_only": st.booleans()})


def test_any_valid_condition_survives_builder_json_builder_exactly_and_without_complaint(page: Page) -> None:
    @law
    @given(any_condition, spellings)
    def survives(condition: dict[str, Any], spelling: dict[str, Any]) -> None:
        text = written(condition, **spelling)
        once, problems = page.evaluate("text => [through(text), complaints(text)]", text)
        assert problems == []
        assert exact_condition(once) == exact_condition(text)
        assert page.evaluate("text => through(text)", once) == once
        assert conditions.parse(json.loads(once)) == conditions.parse(condition)

    survives()


LITERALS = [
    "1.0",
    "1",
    "-0",
    "-0.0",
    "1E5",
    "1e-7",
    "9007199254740993",
    "123456789012345678901234567890.123456789",
    f"1{'0' * 400}",
    '"\\u00e9\\ud83d\\ude00\\u2028\\n\\"\\\\"',
    '{"a":1,"a":2,"__proto__":{"x":null}}',
    '[1.0,[],{},"",null,false]',
]


def test_a_value_keeps_its_digits_its_letters_and_its_keys(page: Page) -> None:
    for literal in LITERALS:
        text = f'{{"field":"a","operator":"eq","value":{literal}}}'
        assert exact_condition(page.evaluate("text => through(text)", text)) == exact_condition(text)


def test_the_reader_takes_what_python_takes_and_nothing_else(page: Page) -> None:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    @law
    @given(
        json_values | documents, st.integers(0, 200), st.integers(0, 3), st.sampled_from('{}[]",:01-.eE\\ux \n\ttrue')
    )
    def agrees(value: Any, at: int, removed: int, letter: str) -> None:
        text = json.dumps(value, ensure_ascii=False)
        at = min(at, len(text))
        text = text[:at] + letter + text[at + removed :]
        read = page.evaluate(
            "text => { try { return json.writeJson(json.readJson(text)) } catch (problem) {"
            " if (!(problem instanceof json.JsonProblem)) throw problem; return null } }",
            text,
        )
        try:
            json.loads(text, parse_constant=refuse)
        except ValueError:
            assert read is None, text
        else:
            assert read is not None, text
            assert exact(read) == exact(text)

    agrees()


def test_moving_a_node_neither_loses_nor_makes_a_leaf_and_back_is_back(page: Page) -> None:
    script = """([text, pick, direction]) => {
      const { tree: root } = tree.fromJson(json.readJson(text))
      const all = [...tree.walk(root)]
      if (!all.length) return null
      const { node } = all[pick % all.length]
      const next = tree.step(root, node.id, direction)
      if (!next) return null
      const back = { up: "down", down: "up" }[direction]
      return { moved: tree.toText(next), back: back ? tree.toText(tree.step(next, node.id, back)) : null }
    }"""

    @law
    @given(any_condition, st.integers(0, 30), st.sampled_from(["up", "down", "in", "out"]))
    def keeps(condition: dict[str, Any], pick: int, direction: str) -> None:
        text = json.dumps(condition)
        moved = page.evaluate(script, [text, pick, direction])
        if moved is None:
            return
        before = sorted(map(repr, _leaves(conditions.parse(condition))))
        assert sorted(map(repr, _leaves(conditions.parse(json.loads(moved["moved"]))))) == before
        if moved["back"] is not None:
            assert exact_condition(moved["back"]) == exact_condition(text)

    keeps()


def _leaves(condition: conditions.Condition) -> list[conditions.Leaf]:
    if isinstance(condition, conditions.Leaf):
        return [condition]
    if isinstance(condition, conditions.Group):
        return [leaf for member in (*(condition.all or ()), *(condition.any or ())) for leaf in _leaves(member)]
    return []


LEAF = '{"field":"a","operator":"eq","value":1}'


NOT_SHOWN = [
    ("[]", ""),
    ('{"all":[{}]}', "all[0]"),
    ('{"all":{}}', "all"),
    ('{"all":[1]}', "all[0]"),
    (f'{{"all":[{LEAF}],"field":"a"}}', ""),
    (f'{{"all":[{LEAF}],"and":[]}}', "and"),
    (f'{{"all":[{LEAF}],"all":[{LEAF}]}}', "all"),
    ('{"field":"a","field":"b","operator":"exists"}', "field"),
    ('{"field":1,"operator":"exists"}', "field"),
    ('{"field":"a","operator":null}', "operator"),
    (f'{{"any":[{",".join([LEAF] * (MAX_LEAVES + 1))}]}}', ""),
    ('{"all":[' * (MAX_DEPTH + 1) + LEAF + "]}" * (MAX_DEPTH + 1), ".".join(["all[0]"] * MAX_DEPTH)),
]


def test_what_the_builder_could_not_show_without_a_loss_is_a_problem_at_its_path(page: Page) -> None:
    for text, path in NOT_SHOWN:
        found = page.evaluate("text => tree.fromJson(json.readJson(text))", text)
        assert [one["path"] for one in found["problems"]] == [path], text
        assert "tree" not in found


REFUSED = [
    ('{"all":[]}', "all"),
    ('{"operator":"exists"}', "field"),
    ('{"field":"","operator":"exists"}', "field"),
    ('{"field":"a..b","operator":"exists"}', "field"),
    (f'{{"field":"{"x" * 201}","operator":"exists"}}', "field"),
    ('{"field":"a\\u0000","operator":"exists"}', "field"),
    ('{"field":"a","operator":"gte "}', "operator"),
    ('{"field":"a"}', "operator"),
    ('{"field":"a","operator":"eq"}', "value"),
    ('{"field":"a","operator":"gt","value":true}', "value"),
    ('{"field":"a","operator":"in","value":"x"}', "value"),
    ('{"field":"a","operator":"exists","value":"x"}', "value"),
    ('{"field":"a","operator":"eq","value":1e400}', "value"),
    ('{"field":"a","operator":"eq","value":["\\u0000"]}', "value"),
    (f'{{"field":"a","operator":"eq","value":{"[" * 17}{"]" * 17}}}', "value"),
]


def test_what_the_server_would_refuse_is_found_at_the_same_place(page: Page) -> None:
    for text, path in REFUSED:
        found = page.evaluate("text => complaints(text)", text)
        assert [one["path"] for one in found] == [path], text
        with pytest.raises(conditions.ConditionError) as refused:
            conditions.parse(json.loads(text))
        assert refused.value.problems[0].path.startswith(path)


SYNTAX_ERRORS = [
    ('{\n  "a": 1\n  "b": 2\n}', 3, 3),
    ('{\n  "a": 1,\n}', 2, 9),
    ('{\n  "a" 1\n}', 2, 7),
    ("{\n  a: 1\n}", 2, 3),
    ('["a\n"]', 1, 2),
    ("[1,\n 'a']", 2, 2),
    ("[True]", 1, 2),
    ("[01]", 1, 2),
    ('["\\x"]', 1, 3),
    ("{} {}", 1, 4),
    ('{\n"a": [\n1', 3, 2),
    ("", 1, 1),
]


def test_a_syntax_error_is_found_at_its_line_and_column(page: Page) -> None:
    for text, line, column in SYNTAX_ERRORS:
        place = page.evaluate(
            "text => { try { json.readJson(text) } catch (problem) { return json.placeOf(text, problem.at) } }", text
        )
        assert place == {"line": line, "column": column}, text


def test_a_path_leads_to_the_line_where_it_stands_or_would_stand(page: Page) -> None:
    text = '{\n "all": [\n  {"any": [\n   {\n    "field": "a",\n    "operator": "x"\n   }\n  ]}\n ]\n}'
    paths = ["", "all", "all[0].any[0]", "all[0].any[0].operator", "all[0].any[0].value", "all[7].field"]
    lines = page.evaluate(
        "([text, paths]) => paths.map(path => json.placeOf(text, json.locate(json.readJson(text), path)).line)",
        [text, paths],
    )
    assert lines == [1, 2, 4, 6, 4, 2]


def test_operators_are_said_in_the_words_of_the_server(page: Page) -> None:
    choices = page.evaluate("operators.CHOICES")
    assert {one["operator"]: one["words"] for one in choices if "isAbsence" not in one} == WORDS
    assert [one["words"] for one in choices if one.get("isAbsence")] == [ABSENT]
    moments = {one["operator"]: one["ofMoments"] for one in choices if "ofMoments" in one}
    assert moments == WORDS_OF_MOMENTS


MOMENTS = [
    ("2026-03-10T14:30:00Z", True),
    ("2026-03-10T15:30+01:00", True),
    ("2026-03-10T14:30:00.123456789-0500", True),
    ("2026-03-10", False),
    ("2026-03-10T14:30:00", False),
    ("2026-03-10 14:30:00Z", False),
    ("20260310T143000Z", False),
    ("2026-03-10T24:00:00Z", False),
]


def test_a_moment_is_what_the_server_takes_for_one(page: Page) -> None:
    for text, is_moment in MOMENTS:
        assert page.evaluate("text => kinds.isMoment(text)", text) is is_moment
        assert (instant(text) is not None) is is_moment
