"""What templates render, and what is read from the context."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from kaireon.core.templating import parse
from tests.core.templating_examples import CONTEXT, ROOTS, exactly, failure, rendered

# --- placeholders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{event.amount}}", 12.5),
        ("{{ event.whole }}", 7),
        ("{{\n event.vip\t}}", True),
        ("{{ event.cancelled }}", False),
        ("{{ event.nothing }}", None),
        ("{{ event.missing }}", None),
        ("{{ event.missing.deeper }}", None),
        ("{{ event.name.deeper }}", None),
        ("{{ event.tags }}", ["x", "y"]),
        ("{{ event.address }}", {"city": "Riga", "size": "large"}),
        ("{{ event.items[0].sku }}", "a-1"),
        ("{{ event.items.1.sku }}", "b-2"),
        ("{{ event.items[-1].count }}", 1),
        ("{{ event.items[2] }}", None),
        ('{{ event["address"]["city"] }}', "Riga"),
        ("{{ event.address[event.nothing] }}", None),
        ("{{ event.whole | plus: 1 }}", 8),
        ("{{ event.amount | times: 2 }}", 25.0),
        ("{{ event.name | upcase }}", "EVE"),
        ("{{ event.missing | default: 3 }}", 3),
        ("{{ event.items | map: 'sku' }}", ["a-1", "b-2"]),
        ("{{- event.whole -}}", 7),
        ("{{ (1..3) }}", [1, 2, 3]),
        ("{{ 'a' }}", "a"),
    ],
)
def test_a_placeholder_alone_keeps_the_type_of_its_value(template: str, value: object) -> None:
    assert exactly(rendered(template), value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (" {{ event.whole }}", " 7"),
        ("{{ event.whole }}{{ event.whole }}", "77"),
        ("a {{ event.amount }}, {{ event.price }}", "a 12.5, 3.0"),
        ("{{ event.vip }}/{{ event.cancelled }}", "true/false"),
        ("<{{ event.nothing }}{{ event.missing }}{{ event.missing.deeper }}>", "<>"),
        ("tags: {{ event.tags }}", 'tags: ["x","y"]'),
        ("at {{ event.address }}", 'at {"city":"Riga","size":"large"}'),
        ("{{ event.vip | append: '!' }} ", "true! "),
        ("{{ event.tags | append: event.cancelled }} ", '["x","y"]false '),
        ("{{ event.name }} & <b>", "Eve & <b>"),
        ("{% if event.vip %}yes{% else %}no{% endif %}", "yes"),
        ("{% if event.amount > 500 %}a{% elsif event.amount >= 12.5 %}b{% endif %}", "b"),
        ("{% unless event.vip %}a{% else %}b{% endunless %}", "b"),
        ("{% for item in event.items %}{{ forloop.index }}{{ item.sku }} {% endfor %}", "1a-1 2b-2 "),
        ("{% for item in event.missing %}x{% else %}none{% endfor %}", "none"),
        (
            "{% for n in (1..9) %}{% if n == 2 %}{% continue %}{% endif %}{% if n == 4 %}{% break %}{% endif %}{{n}}"
            "{% endfor %}",
            "13",
        ),
        ("{% for pair in event.address %}{{ pair[0] }}={{ pair[1] }};{% endfor %}", "city=Riga;size=large;"),
        ("{% assign n = event.items | size %}{{ n }} items", "2 items"),
        ("{% capture c %}{{ event.name }}!{% endcapture %}{{ c }}{{ c }}", "Eve!Eve!"),
        ("{% comment %}{{ nobody.reads }} {% comment %}{%{% endcomment %}{% endcomment %}a", "a"),
        ("a{% # a remark %}b", "ab"),
        ("{% raw %}{{ event.type }}{% endraw %}", "{{ event.type }}"),
        ("a \n{{- event.whole -}}\n b", "a7b"),
        (" {{- event.whole -}} ", "7"),
        ("{% comment %}a number{% endcomment %}{{ event.whole }}", "7"),
        ("{% raw %} a {% endraw -%}  b", " a b"),
    ],
)
def test_a_text_is_written_as_json_writes_values(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(
    ("subject", "text"),
    [(1, "one"), (2, "two or three"), (3, "two or three"), (4, "other"), ("1", "other"), (True, "other")],
)
def test_a_case_renders_the_first_branch_that_matches_and_renders_it_once(subject: object, text: str) -> None:
    template = (
        "{% case event.n %} {% when 1, 1, 1 %}one{% when 2 or 3 %}two or three{% when 3 %}again"
        "{% else %}other{% endcase %}"
    )
    assert rendered(template, {"event": {"n": subject}}) == text


def test_size_first_and_last_are_keys_where_there_are_such_keys_and_liquids_otherwise() -> None:
    assert rendered("{{ event.address.size }}") == "large"
    assert rendered("{{ event.items.size }}") == 2
    assert rendered("{{ event.name.size }}") == 3
    assert rendered("{{ event.tags.first }}{{ event.tags.last }}") == "xy"
    assert rendered("{{ event.address.first }}") == ["city", "Riga"]


def test_lists_and_objects_keep_their_shape_and_what_is_no_text_stays_itself() -> None:
    value = {
        "a": ["{{ event.whole }}", 1, 1.5, None, True, {"b": "x {{ event.name }}", "c": "plain }}"}],
        "d": {},
        "e": [],
    }
    expected = {"a": [7, 1, 1.5, None, True, {"b": "x Eve", "c": "plain }}"}], "d": {}, "e": []}
    assert exactly(rendered(value), expected)


def test_each_rendering_makes_new_lists_and_objects() -> None:
    template = parse({"a": [1]}, roots=ROOTS)
    template.render({})["a"].append(2)
    assert template.render({}) == {"a": [1]}


def test_keys_are_read_and_attributes_are_not() -> None:
    context = {"event": {"items": [1], "keys": "k", "__class__": "c"}, "customer": {}}
    assert rendered("{{ event.items }}{{ event.keys }}{{ event.__class__ }}", context) == "[1]kc"
    for step in ("__class__", "items", "keys", "get", "__init__.__globals__", "__dict__"):
        assert rendered(f"{{{{ customer.{step} }}}}", context) is None
        assert rendered(f"<{{{{ customer.{step} }}}}>", context) == "<>"
        assert rendered(f'{{{{ customer["{step}"] | default: "none" }}}}', context) == "none"


def test_nothing_outside_the_roots_is_read_from_the_context() -> None:
    template = "{% if event.vip %}{% assign note = 'x' %}{% endif %}<{{ note }}>"
    assert rendered(template, {"event": {"vip": True}, "note": "not yours"}) == "<x>"
    assert rendered(template, {"event": {"vip": False}, "note": "not yours"}) == "<>"


@pytest.mark.parametrize("template", ["{{ event.looks_like_a_template }}", "x{{ event.looks_like_a_template }}"])
def test_what_looks_like_a_template_in_an_event_stays_text(template: str) -> None:
    text = CONTEXT["event"]["looks_like_a_template"]
    assert rendered(template) == template.partition("{{")[0] + text
    assert rendered("{% assign a = event.looks_like_a_template %}{{ a }}") == text
    assert rendered("{% capture a %}{{ event.looks_like_a_template }}{% endcapture %}{{ a | strip }}") == text


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ -3 | abs }}", 3),
        ("{{ 3 | at_least: 5 }}", 5),
        ("{{ 3 | at_most: 2.5 }}", 2.5),
        ("{{ 1.2 | ceil }}", 2),
        ("{{ 1.8 | floor }}", 1),
        ("{{ 2.5 | round }}", 3),
        ("{{ -2.5 | round }}", -3),
        ("{{ 1.005 | round: 2 }}", 1.01),
        ("{{ 7 | round: 2 }}", 7),
        ("{{ 7 | divided_by: 2 }}", 3),
        ("{{ 7 | divided_by: 2.0 }}", 3.5),
        ("{{ 7 | modulo: 4 }}", 3),
        ("{{ 0.1 | plus: 0.2 }}", 0.3),
        ("{{ 1 | minus: 0.9 }}", 0.1),
        ("{{ event.missing | plus: 1 }}", 1),
        ("{{ 'a b' | capitalize }}", "A b"),
        ("{{ 'A' | downcase | append: 'b' | prepend: 'c' }}", "cab"),
        ("{{ ' a ' | strip }}", "a"),
        ("{{ 'a,b' | split: ',' }}", ["a", "b"]),
        ("{{ event.tags | join }}", "x y"),
        ("{{ event.tags | join: ', ' }}", "x, y"),
        ("{{ event.missing | join: ', ' }}", ""),
        ("{{ 'aXbX' | replace: 'X', '-' }}", "a-b-"),
        ("{{ 'aXbX' | remove: 'X' }}", "ab"),
        ("{{ 'aXbX' | remove_first: 'X' | remove_last: 'X' }}", "ab"),
        ("{{ 'long text' | truncate: 7 }}", "long..."),
        ("{{ 'one two three' | truncatewords: 2 }}", "one two..."),
        ("{{ 'hello' | slice: 1, 3 }}", "ell"),
        ("{{ event.tags | slice: -1, 1 }}", ["y"]),
        ("{{ event.whole | slice: 0 }}", "7"),
        ("{{ 'ä b&' | url_encode }}", "%C3%A4+b%26"),
        ("{{ '%C3%A4+b' | url_decode }}", "ä b"),
        ("{{ 'ä' | base64_encode }}", "w6Q="),
        ("{{ 'w6Q=' | base64_decode }}", "ä"),
        ("{{ '<a&b>' | escape }}", "&lt;a&amp;b&gt;"),
        ("{{ event.items | first }}", {"sku": "a-1", "count": 2}),
        ("{{ event.tags | last }}", "y"),
        ("{{ event.tags | concat: event.tags | uniq }}", ["x", "y"]),
        ("{{ event.items | where: 'sku', 'b-2' | map: 'count' }}", [1]),
        ("{{ event.items | reject: 'sku', 'b-2' | map: 'count' }}", [2]),
        ("{{ event.items | find: 'count', 1 }}", {"sku": "b-2", "count": 1}),
        ("{{ event.items | has: 'count', 3 }}", False),
        ("{{ event.items | sort: 'count' | map: 'count' }}", [1, 2]),
        ("{{ event.items | sum: 'count' }}", 3),
        ("{{ event.items | map: 'missing' }}", [None, None]),
        ("{{ event.items | map: 'missing' | compact }}", []),
        ("{{ event.items | compact: 'sku' | size }}", 2),
        ("{{ event.tags | reverse }}", ["y", "x"]),
        ("{{ event.name | size }}", 3),
        ("{{ event.cancelled | default: 'x', allow_false: true }}", False),
        ("{{ event.name | json }}", '"Eve"'),
        ("{{ event.tags | json }}", '["x","y"]'),
        ("{{ event.timestamp | date: '%Y-%m-%d %H:%M:%S %z' }}", "2026-03-05 09:07:01 +0200"),
        (
            "{{ event.timestamp | date: '%A %-d %B %Y, %-I:%M %p, %j, %s%%' }}",
            "Thursday 5 March 2026, 9:07 AM, 064, 1772694421%",
        ),
        ("{{ 0 | date: '%F %T' }}", "1970-01-01 00:00:00"),
        ("{{ '2026-01-01' | date: '%b %e' }}", "Jan  1"),
        ("{{ 'soon' | date: '%Y' }}", "soon"),
        ("{{ event.missing | date: '%Y' }}", None),
    ],
)
def test_filters_give_json_values(template: str, value: object) -> None:
    assert exactly(rendered(template), value)


def test_uniq_knows_true_from_1_and_objects_by_their_content() -> None:
    context = {"event": {"l": [1, True, 1, {"a": 1, "b": 2}, {"b": 2, "a": 1}, "1"]}}
    assert exactly(rendered("{{ event.l | uniq }}", context), [1, True, {"a": 1, "b": 2}, "1"])


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{{ event.whole | divided_by: 0 }}",
            "The filter divided_by can't be applied to this value or with these arguments.",
        ),
        ("{{ event.items | sort }}", "The filter sort can't be applied to this value or with these arguments."),
        (
            "{{ event.name | base64_decode }}",
            "The filter base64_decode can't be applied to this value or with these arguments.",
        ),
        ("{{ event.tags | concat: 1 }}", "The filter concat can't be applied to this value or with these arguments."),
        ("{{ event.whole | times: '1e999' }}", "The filter times makes a number that JSON can't express."),
        ("{{ '%00' | url_decode }}", "The filter url_decode makes a NUL character."),
        (
            "{{ 'now' | date: '%Y' }}",
            "The filter date has no clock: write event.timestamp in the place of now or today.",
        ),
        (
            "{% if event.whole > 'a' %}{% endif %}",
            "The template compares, or goes through, values that don't fit together.",
        ),
    ],
)
def test_a_failure_names_its_place_and_no_value(template: str, message: str) -> None:
    assert failure({"body": [template]}) == f"body[0]: {message}"


def test_unknown_directives_of_a_date_are_named_with_the_known_ones() -> None:
    for directive in ("%Q", "%9999999999d", "%", "%-"):
        assert failure(f"{{{{ event.timestamp | date: '{directive}' }}}}").startswith(
            "The filter date does not know one of the directives in its format; it knows %Y %y %m"
        )
    assert "over 100 characters" in failure("{{ event.timestamp | date: '" + "%Y" * 51 + "' }}")


def test_what_msgspec_would_refuse_is_no_surprise() -> None:
    assert failure("x{{ event.s }}", {"event": {"s": "\ud800"}}) == "The template can't be rendered with these values."
    assert failure("x{{ event.n }}", {"event": {"n": 10**5000}}) == "The template can't be rendered with these values."


# --- processes and threads -------------------------------------------------------------------------------------------


def test_one_template_serves_many_threads() -> None:
    template = parse("{% for a in event.l %}{% assign x = a | times: 2 %}{{ x }},{% endfor %}", roots=ROOTS)

    def render(start: int) -> bool:
        numbers = list(range(start, start + 50))
        return bool(template.render({"event": {"l": numbers}}) == "".join(f"{2 * n}," for n in numbers))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(render, range(200)))


def test_the_package_needs_nothing_of_django_or_the_project() -> None:
    script = (
        "import sys, kaireon.core.templating, kaireon.core.expressions;"
        "print([name for name in sys.modules if name.startswith(('django', 'rest_framework', 'celery')) or"
        " name.startswith('kaireon.') and not name.startswith(('kaireon.core.templating', 'kaireon.core.expressions'))"
        " and name != 'kaireon.core'])"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


@pytest.mark.parametrize("text", ["a\r\nb", "a\rb", "a\nb", "\r\n", "a\r\n\r\nb\r"])
def test_line_breaks_stay_as_they_are(text: str) -> None:
    context = {"event": {"text": text}}
    assert rendered("{{ event.text }}", context) == text
    assert rendered("<{{ event.text }}>", context) == f"<{text}>"
    assert rendered("{% capture c %}{{ event.text }}{% endcapture %}<{{ c }}>", context) == f"<{text}>"
    assert rendered(f"{text}{{% if true %}}x{{% endif %}}", context) == f"{text}x"
