"""Nothing that a template or an event holds makes rendering slow or large, or lets another error out."""

from contextlib import suppress
from itertools import chain
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from liquid import Environment
from liquid.exceptions import LiquidError

from kaireon.core.templating import FILTER_NAMES, RenderError, Template, parse
from kaireon.core.templating.filters import FILTERS
from kaireon.core.templating.scanning import scan
from tests.core.templating_examples import CONTEXT, ROOTS, exactly, failure, parsed, rendered

HEAVY = {
    "event": {
        "text": "a" * 60_000,
        "list": [{"k": n, "v": [1, 2, 3]} for n in range(3_000)],
        "same": [{"k": n, "v": [1, 2, 3]} for n in range(3_000)],
    }
}
STEPS = "The template takes too many steps: make its loops shorter or its filters fewer."
ROUNDS = "The loops take more than 10,000 rounds."
FILTERED = "A filter makes a text over 64 KiB."
LONG = "The rendered text exceeds 64 KiB."


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param("{% for a in (1..1000) %}{% endfor %}" * 11, ROUNDS, id="loops behind loops"),
        pytest.param(
            "{% for a in (1..200) %}{% for b in (1..200) %}{% endfor %}{% endfor %}", ROUNDS, id="loops in loops"
        ),
        pytest.param("{% for a in (1..1000) %}" + "{{ a }}" * 500 + "{% endfor %}", STEPS, id="a long body"),
        pytest.param(
            "{% for a in (1..1000) %}" + "{% if true %}{% endif %}" * 500 + "{% endfor %}", STEPS, id="idle tags"
        ),
        pytest.param(
            "{% for a in (1..1000) %}" + "{% capture c %}{% endcapture %}" * 300 + "{% endfor %}", STEPS, id="captures"
        ),
        pytest.param(
            "{% for a in (1..1000) %}{% if event.list == event.same %}{% endif %}{% endfor %}",
            STEPS,
            id="comparisons in a loop",
        ),
        pytest.param("{% if event.list == event.same %}{% endif %}" * 300, STEPS, id="comparisons in a row"),
        pytest.param(
            "{% for a in (1..1000) %}{% case event.list %}{% when event.same %}{% endcase %}{% endfor %}",
            STEPS,
            id="cases",
        ),
        pytest.param(
            "{% for a in (1..1000) %}{% assign x = event.text | upcase %}{% endfor %}", STEPS, id="filters in a loop"
        ),
        pytest.param("{{ event.text" + " | upcase" * 100 + " }}", STEPS, id="filters in a row"),
        pytest.param(
            "{% for a in (1..1000) %}{{ event.text | size }}{% endfor %}", STEPS, id="filters with short results"
        ),
        pytest.param(
            "{% for a in (1..1000) %}{% capture c %}{{ event.text }}{% endcapture %}{% endfor %}",
            STEPS,
            id="long captures",
        ),
        pytest.param(
            "{% assign x = event.list %}{% for a in (1..100) %}{% assign x = x | concat: x %}{% endfor %}",
            STEPS,
            id="doubled lists",
        ),
        pytest.param(
            "{% assign x = 'aaaaaaaa' %}{% for a in (1..100) %}{% assign x = x | append: x %}{% endfor %}",
            FILTERED,
            id="doubled texts",
        ),
        pytest.param("{{ event.text | replace: 'a', event.text }}", FILTERED, id="replaced by itself"),
        pytest.param("{{ event.text | replace: '', event.text }}", FILTERED, id="put between all characters"),
        pytest.param("{{ event.text | split: '' | join: event.text }}", FILTERED, id="joined with itself"),
        pytest.param("{{ event.text | url_decode | append: event.text }}", FILTERED, id="appended to itself"),
        pytest.param(
            "{% assign x = 10 %}{% for a in (1..100) %}{% assign x = x | times: x %}{% endfor %}",
            "The filter times makes a number of more than 38 digits.",
            id="squared numbers",
        ),
        pytest.param("{{ event.text }}{{ event.text }}", LONG, id="a long text"),
        pytest.param("{% capture c %}{{ event.text }}{{ event.text }}{% endcapture %}", LONG, id="a long capture"),
    ],
)
def test_what_would_take_long_or_grow_large_fails_instead(template: str, message: str) -> None:
    assert failure(template, HEAVY) == message


def test_comparing_what_a_template_made_itself_costs_as_much_as_it_made() -> None:
    template = (
        "{% assign a = 'TEXT' | split: '' %}{% assign b = 'TEXT' | split: '' %}"
        "{% for n in (1..5) %}{% assign a = a | concat: a %}{% assign b = b | concat: b %}{% endfor %}"
        "{% for n in (1..ROUNDS) %}{% if a == b %}x{% endif %}{% endfor %}"
    ).replace("TEXT", "x" * 900)
    assert rendered(template.replace("ROUNDS", "10"), {}) == "x" * 10
    assert failure(template.replace("ROUNDS", "1000"), {}) == STEPS


def test_branches_of_nested_cases_are_not_multiplied() -> None:
    template = "{% case 1 %}{% when " + ",".join("1" * 200) + " %}"
    assert rendered(template * 10 + "x" + "{% endcase %}" * 10) == "x"


def test_a_rendering_has_one_allowance_for_all_of_its_texts() -> None:
    loop = "{% for a in (1..1000) %}{% endfor %}"
    assert rendered([loop] * 10) == [""] * 10
    assert failure([loop] * 11) == f"[10]: {ROUNDS}"
    text = {"event": {"text": "a" * 60_000}}
    assert len(rendered(["{{ event.text }}"] * 4, text)) == 4
    assert failure(["{{ event.text }}"] * 5, text) == "[4]: What is rendered exceeds 256 KiB in all."
    assert failure(["{{ event }}"] * 5, text) == "[4]: What is rendered exceeds 256 KiB in all."


def test_a_rendered_text_has_at_most_64_kib() -> None:
    for template in ("{{ event.text }}", "{{ event.text | strip }}"):
        assert rendered(template, {"event": {"text": "ä" * 32 * 1024}}) == "ä" * 32 * 1024
    too_long = {"event": {"text": "ä" * 32 * 1024 + "a"}}
    assert failure("{{ event.text }}", too_long) == LONG
    assert failure("{{ event.text | strip }}", too_long) == FILTERED


def test_an_ordinary_loop_over_a_large_event_is_within_the_bounds() -> None:
    assert rendered("{% for a in event.list %}{{ a.k }},{% endfor %}", HEAVY) == "".join(f"{n}," for n in range(3_000))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "{{" + " " * 16_000,
        "{% " + "a" * 8_000 + " " * 8_000,
        "{{ event.x" + " " * 900 + "}}",
        "{% comment %}" + "{{" * 8_000,
        "{% raw %}" * 1_800,
        "{% comment %}" + "{% comment " * 1_400,
        ("{{ " + "(" * 990 + "}}") * 16,
        ("{{ event" + "['" * 490 + "}}") * 16,
        "{{ x | y }}" * 1_400,
        "{% if event.x and " + "event.x and " * 80 + "event.x %}{% endif %}",
    ],
    ids=range(10),
)
def test_odd_templates_are_read_in_linear_time(text: str) -> None:
    # python-liquid's own scanner takes minutes for some of these: the time limit is the assertion.
    template = parsed([text] * 4)
    assert template is None or len(template.render(CONTEXT)) == 4


# --- laws ------------------------------------------------------------------------------------------------------------

law = settings(max_examples=200, deadline=None)

PIECES = [
    "{{", "}}", "{%", "%}", "-", " ", "\n", "event", ".x", "[0]", "['a']", ".0", "secret", ".size", " | ", "upcase",
    "append: ", "'", '"', "{% if ", "{% endif %}", "{% else %}", "{% elsif ", "{% for i in ", "{% endfor %}", "i",
    "(1..3)", "{% case ", "{% when ", "{% endcase %}", "{% assign a = ", "{% capture a %}", "{% endcapture %}", "a",
    "{% raw %}", "{% endraw %}", "{% comment %}", "{% endcomment %}", "{% # ", " == ", " > ", " contains ", " and ",
    "1", "1.5", ",", ":", "{{ event.x }}", "{{ event.y | sort }}", "text", "(", ")", "..", "?", "\0", "\ud800",
]  # fmt: skip
template_texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=30)
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -1, 0, 2**63])
texts = st.text(max_size=8) | st.sampled_from(
    ["", "1", "-1.5", "1e999", "nan", "x", "%", "%Y", "%00", "\0", "\ud800", "2026-01-01"]
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz") | texts, inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(st.sampled_from("xyz"), json_values, max_size=3)
contexts = st.fixed_dictionaries({}, optional={"event": objects | json_values, "customer": objects, "secret": objects})


@law
@given(text=template_texts, context=contexts)
@example("{{ (1..3) | size }}{{ empty | append: blank }}", {})
def test_whatever_is_parsed_and_rendered_only_the_two_errors_come_out(text: str, context: dict[str, Any]) -> None:
    template = parsed({"a": [text]})
    if template:
        with suppress(RenderError):
            template.render(context, secret_marker=str)


@law
@given(value=json_values)
def test_any_json_value_is_parsed_or_refused(value: object) -> None:
    template = parsed(value)
    if template and "{" not in repr(value):
        assert exactly(template.render({}), value)


def calls_of(name: str) -> list[Template]:
    """The filter with every number of arguments that it takes, alone and in a text."""
    counts = [count for count in range(4) if FILTERS[name].misuse(count, []) is None]
    calls = [
        f"{{{{ event.x | {name}{': ' if count else ''}{', '.join(['event.y', 'event.z'][:count])} }}}}"
        for count in counts
    ]
    return [parse(text, roots=ROOTS) for text in chain(calls, (f" {call}" for call in calls))]


CALLS = {name: calls_of(name) for name in FILTER_NAMES}


@settings(max_examples=400, deadline=None)
@given(name=st.sampled_from(FILTER_NAMES), event=objects)
def test_no_filter_lets_anything_out_but_json_or_a_render_error(name: str, event: dict[str, Any]) -> None:
    for template in CALLS[name]:
        with suppress(RenderError):
            value = template.render({"event": event})
            assert value is None or isinstance(value, str | int | float | list | dict)


def test_every_filter_is_called_by_that_test() -> None:
    assert all(CALLS.values())
    assert len(FILTER_NAMES) == len(FILTERS) == 57


@law
@given(pieces=st.lists(st.sampled_from([piece for piece in PIECES if piece not in ("\n", "{% # ", "\0")]), max_size=14))
def test_the_scanner_agrees_with_that_of_python_liquid(pieces: list[str]) -> None:
    text = "".join(pieces)
    if "comment" in text:
        return
    try:
        # An expression or a raw block may be empty there; the one is refused here, the other left out.
        theirs = [(token.kind, token.value) for token in Environment().tokenizer()(text) if token.value]
        ours = [(token.kind, token.value) for token in scan(text)]
    except LiquidError:
        return
    assert ours == theirs
