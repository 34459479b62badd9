"""Templates: what they render, what they refuse, and that nothing in them or in an event gets out of hand."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from liquid import Environment
from liquid.exceptions import LiquidError

from kaireon.core.templating import (
    FILTER_NAMES,
    MissingSecret,
    RenderError,
    SecretMarkers,
    Template,
    TemplateError,
    is_secret_name,
    parse,
)
from kaireon.core.templating.filters import FILTERS
from kaireon.core.templating.scanning import scan

ROOTS = frozenset({"event", "trigger", "customer", "firing"})
ROOTS_OF_WEBHOOKS = ROOTS | {"secret"}
CONTEXT: dict[str, Any] = {
    "event": {
        "type": "outcome.recorded",
        "amount": 12.5,
        "whole": 7,
        "price": 3.0,
        "vip": True,
        "cancelled": False,
        "nothing": None,
        "name": "Eve",
        "timestamp": "2026-03-05T09:07:01+02:00",
        "items": [{"sku": "a-1", "count": 2}, {"sku": "b-2", "count": 1}],
        "tags": ["x", "y"],
        "address": {"city": "Riga", "size": "large"},
        "looks_like_a_template": "{{ event.type }}{% if true %}x{% endif %}",
    },
    "trigger": {"id": "trg_1", "name": "First"},
    "customer": {"tier": "gold"},
    "firing": {"id": "fir_1"},
}


def rendered(value: object, context: dict[str, Any] = CONTEXT) -> Any:
    return parse(value, roots=ROOTS).render(context)


def problems(value: object, roots: frozenset[str] = ROOTS) -> list[tuple[str, str]]:
    with pytest.raises(TemplateError) as refused:
        parse(value, roots=roots)
    return refused.value.problems


def failure(value: object, context: dict[str, Any] = CONTEXT) -> str:
    template = parse(value, roots=ROOTS)
    with pytest.raises(RenderError) as failed:
        template.render(context)
    return str(failed.value)


def parsed(value: object) -> Template | None:
    """Nothing for what is refused; anything but a refusal is raised."""
    try:
        return parse(value, roots=ROOTS_OF_WEBHOOKS)
    except TemplateError:
        return None


def exactly(value: object, expected: object) -> bool:
    """Equal in type, too: 1, 1.0 and true are three values."""
    return repr(value) == repr(expected)


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


# --- what is refused when a template is saved -------------------------------------------------------------------------

UNKNOWN = "use customer, event, firing or trigger"
NO_SECRETS = "Secrets are for webhooks alone."
PLAIN_SECRETS = (
    "A secret can only be written as {{ secret.name }}, without filters, and not in a tag or between capture and "
    "endcapture; its name has at most 64 letters, digits and _, and begins with a letter."
)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ evnt.x }}", f"Unknown name evnt; {UNKNOWN}; did you mean event?"),
        ("{{ x }}", f"Unknown name x; {UNKNOWN}."),
        ("{{ now }}", f"Unknown name now; {UNKNOWN}."),
        ("{{ partial }}", f"Unknown name partial; {UNKNOWN}."),
        ("{{ forloop.index }}", f"Unknown name forloop; {UNKNOWN}."),
        ("{{ event[evnt.x] }}", f"Unknown name evnt; {UNKNOWN}; did you mean event?"),
        ("{{ event.x | append: evnt.y }}", f"Unknown name evnt; {UNKNOWN}; did you mean event?"),
        ("{% if event.x == evnt.y %}{% endif %}", f"Unknown name evnt; {UNKNOWN}; did you mean event?"),
        ("{% case event.x %}{% when evnt.y %}{% endcase %}", f"Unknown name evnt; {UNKNOWN}; did you mean event?"),
        ("{% for a in evnt.y %}{% endfor %}", f"Unknown name evnt; {UNKNOWN}; did you mean event?"),
        ("{% for a in event.y limit: evnt.n %}{% endfor %}", f"Unknown name evnt; {UNKNOWN}; did you mean event?"),
        ("{% for a in event.y %}{% endfor %}{{ a }}", f"Unknown name a; {UNKNOWN}."),
        ("{{ a }}{% assign a = 1 %}", f"Unknown name a; {UNKNOWN}."),
        ("{{ [event.x] }}", "A placeholder needs a name in front of its brackets."),
        ("{% assign event = 1 %}", "The name event is taken; use another one."),
        ("{% for trigger in event.x %}{% endfor %}", "The name trigger is taken; use another one."),
        ("{% capture secret %}{% endcapture %}", "The name secret is taken; use another one."),
        ("{{ event.x | upcas }}", "Unknown filter upcas; did you mean upcase?"),
        ("{{ event.x | money }}", f"Unknown filter money; use {', '.join(FILTER_NAMES[:-1])} or {FILTER_NAMES[-1]}."),
        ("{{ event.x | append }}", "Filter append: missing a required argument: 'arg'."),
        ("{{ event.x | upcase: 1 }}", "Filter upcase: too many positional arguments."),
        ("{{ event.x | default: 1, context: 2 }}", "Filter default: got an unexpected keyword argument 'context'."),
        ("{% include 'x' %}", "Unknown tag include; use if, unless, case, for, assign, capture, comment or raw."),
        ("{% render 'x' %}", "Unknown tag render; use if, unless, case, for, assign, capture, comment or raw."),
        (
            "{% tablerow a in event.x %}",
            "Unknown tag tablerow; use if, unless, case, for, assign, capture, comment or raw.",
        ),
        ("{% endif %}", "{% endif %} does not belong here."),
        ("{% else %}", "{% else %} does not belong here."),
        ("{% break %}", "Break and continue belong inside a for."),
        ("{{ event.x", "{{ is never closed by }}."),
        ("{% if event.x }}", "{% is never closed by %}."),
        ("{% raw %}{{", "{% raw %} is never closed by {% endraw %}."),
        ("{% comment %}{{", "{% comment %} is never closed by {% endcomment %}."),
        ("{% case event.x %}text{% when 1 %}{% endcase %}", "{% case %} needs a {% when %} directly behind it."),
        ("{% case event.x %}{% when 1 junk %}{% endcase %}", "Unexpected junk."),
        ("{% case event.x %}{% when 1 == 2 %}{% endcase %}", "Unexpected token eq."),
        ("{{}}", "A placeholder needs a name, such as {{ event.type }}."),
        ("{% %}", "A tag needs a name, such as {% if %}."),
        ("{{ event. }}", "A dot needs a name behind it."),
        ("{{ event..x }}", "Expected end of expression, found '..'."),
        ("{{ event.limit }}", 'Write ["limit"] in the place of .limit, which is a word of Liquid\'s own.'),
        ("{{ event 5 }}", "Unexpected 5."),
        ("{{ event.1.5abc }}", "Unexpected abc."),
        ("{{ event.x ? }}", "Unexpected '?'."),
        ("{{ event.x =< 1 }}", "Unknown operator '=<'."),
        ("{{ (1..event.n) }}", "A range needs two whole numbers, such as (1..5)."),
        ("{{ (1..1001) }}", "A range has at most 1,000 numbers."),
        ("a\nb {{ event.x }}\n{{ evnt.x }}", f"Line 3: Unknown name evnt; {UNKNOWN}; did you mean event?"),
        ("a\n{{ event.x | | }}", "Line 2: Expected word, found '|'."),
        ("{{ secret.token }}", NO_SECRETS),
        ("{% if secret.token %}{% endif %}", NO_SECRETS),
    ],
)
def test_a_mistake_is_refused_with_what_to_do(template: str, message: str) -> None:
    assert problems(template) == [("", message)]


@pytest.mark.parametrize("end", ["{% else %}b{% else %}c{% endif %}", "{% else %}b{% elsif event.y %}c{% endif %}", ""])
def test_what_liquid_would_leave_out_in_silence_is_refused(end: str) -> None:
    assert [path for path, _ in problems("{% if event.x %}a" + end)] == [""]


def test_every_problem_is_found_with_its_path() -> None:
    value = {
        "headers": {"Authorization": "{{ evnt.x }}"},
        "items": [{"sku": "{{ a }}{{ event.x | nope }}"}, "{{"],
        "k{{ event.x }}": 1,
        "t{% if %}": 1,
        "odd": object(),
        "fine": "{{ event.x }}",
    }
    assert [path for path, _ in problems(value)] == [
        "headers.Authorization",
        "items[0].sku",
        "items[0].sku",
        "items[1]",
        "",
        "",
        "odd",
    ]
    assert str(TemplateError([("a", "One."), ("", "Two.")])) == "a: One. Two."


def test_the_search_for_problems_ends_at_a_hundred() -> None:
    assert len(problems(["{{ x }}" * 60, "{{ y }}" * 60])) == 100


def test_a_text_has_at_most_16_kib_and_all_have_at_most_64() -> None:
    full = "{{ event.x }}".ljust(16 * 1024)
    assert rendered(full) == " " * (16 * 1024 - 13)
    assert problems({"a": full + " "}) == [("a", "The template exceeds 16 KiB.")]
    assert len(rendered([full] * 4)) == 4
    assert problems([*[full] * 4, "{{ event.x }}"]) == [("", "All templates together exceed 64 KiB.")]
    assert rendered("no template " * 10_000) == "no template " * 10_000


def test_nesting_is_bounded() -> None:
    assert rendered("{% if event.vip %}" * 10 + "x" + "{% endif %}" * 10) == "x"
    assert problems("{% if event.vip %}" * 11 + "{% endif %}" * 11) == [("", "Block nesting limit reached.")]
    assert (
        problems("{{ event" + "[event" * 60 + "]" * 60 + " }}")[0][1] == "The expression is nested more than 40 deep."
    )
    assert problems("{{ event" + "[event" * 200 + "]" * 200 + " }}") == [("", "{{ … }} is over 1,000 characters.")]
    value: object = "{{ event.whole }}"
    for _ in range(32):
        value = [value]
    assert rendered(value) == eval("[" * 32 + "7" + "]" * 32)  # noqa: S307
    assert problems([value])[0][1] == "This value is nested too deeply; move it further up."


def test_what_is_read_is_known_without_rendering() -> None:
    template = parse(
        {
            "a": "{{ customer.tier }} {{ event.items[0].sku }} {{ event.items.1.sku }} {{ event['x y'].z }}",
            "b": "{% for i in event.list %}{{ i.n }}{{ forloop.index }}{% endfor %}{% assign q = event.q %}{{ q.r }}",
            "c": "{% if event.flag %}{{ event.text | append: firing.id }}{% endif %}{{ event.map[trigger.key].x }}",
            "d": "{{ secret.token }} {{ secret.other }}{% raw %}{{ nothing }}{% endraw %}",
        },
        roots=ROOTS_OF_WEBHOOKS,
    )
    assert template.fields_read == {
        "customer.tier",
        "event.items[0].sku",
        "event.items[1].sku",
        "event.x y.z",
        "event.list",
        "event.q",
        "event.flag",
        "event.text",
        "firing.id",
        "event.map",
        "trigger.key",
    }
    assert template.secrets == {"token", "other"}
    assert template.reads("customer") is True
    assert parse(["{{ customer }}", 1], roots=ROOTS).reads("customer") is True
    assert parse("{{ customer[0] }}", roots=ROOTS).reads("customer") is True
    assert parse("{{ event.customer }}", roots=ROOTS).reads("customer") is False


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "template", ["{{secret.token}}", "{{ secret.token }}", "{{- secret.token -}}", "{{ secret.size }}"]
)
def test_a_secret_renders_to_its_marker(template: str) -> None:
    markers = SecretMarkers.new()
    name = "size" if "size" in template else "token"
    assert parse(template, roots=ROOTS_OF_WEBHOOKS).render({}, secret_marker=markers.mark) == markers.mark(name)
    beside = parse(f"Bearer {template}", roots=ROOTS_OF_WEBHOOKS).render({}, secret_marker=markers.mark)
    assert beside.endswith(markers.mark(name))


def test_a_secret_may_depend_on_a_condition() -> None:
    template = parse("{% if event.vip %}{{ secret.a }}{% else %}{{ secret.b }}{% endif %}", roots=ROOTS_OF_WEBHOOKS)
    assert template.secrets == {"a", "b"}
    assert template.render({"event": {"vip": True}}, secret_marker=str.upper) == "A"
    assert template.render({"event": {}}, secret_marker=str.upper) == "B"


@pytest.mark.parametrize(
    "template",
    [
        "{{ secret }}",
        "{{ secret.token | upcase }}",
        "{{ event.x | append: secret.token }}",
        "{{ event[secret.token] }}",
        "{{ secret.token.x }}",
        "{{ secret['token'] }}",
        "{{ secret[event.x] }}",
        "{{ secret.1x }}",
        "{{ secret.a-b }}",
        "{{ secret." + "a" * 65 + " }}",
        "{% if secret.token %}{% endif %}",
        "{% unless secret.token %}{% endunless %}",
        "{% case secret.token %}{% when 1 %}{% endcase %}",
        "{% for i in secret.token %}{% endfor %}",
        "{% assign a = secret.token %}",
        "{% capture a %}{{ secret.token }}{% endcapture %}",
        "{% capture a %}{% if event.x %}{{ secret.token }}{% endif %}{% endcapture %}",
    ],
)
def test_a_secret_can_only_be_put_out_as_it_is(template: str) -> None:
    assert {message for _, message in problems(template, ROOTS_OF_WEBHOOKS)} == {PLAIN_SECRETS}
    assert NO_SECRETS in {message for _, message in problems(template, ROOTS)}


def test_a_template_with_secrets_needs_markers() -> None:
    with pytest.raises(RenderError, match=r"^The template has secrets, which can't be filled in here\.$"):
        parse("{{ secret.token }}", roots=ROOTS_OF_WEBHOOKS).render({})


def test_a_context_can_not_bring_its_own_secrets() -> None:
    template = parse("{{ secret.token }}", roots=ROOTS_OF_WEBHOOKS)
    assert template.render({"secret": {"token": "mine"}}, secret_marker=str.upper) == "TOKEN"


def test_markers_are_filled_masked_and_named() -> None:
    markers = SecretMarkers("n0nce")
    value = {"h": f"Bearer {markers.mark('a')}", "l": [markers.mark("b") + markers.mark("a") + "x", 1, None, True]}
    assert markers.fill(value, {"a": "A", "b": "B"}) == {"h": "Bearer A", "l": ["BAx", 1, None, True]}
    assert markers.mask(value) == {"h": "Bearer {{secret.a}}", "l": ["{{secret.b}}{{secret.a}}x", 1, None, True]}
    assert markers.names(value) == {"a", "b"}
    assert markers.names({"a": 1}) == frozenset()
    assert SecretMarkers(nonce=markers.nonce).fill(markers.mark("a"), {"a": "A"}) == "A"
    with pytest.raises(MissingSecret, match=r"^There is no secret named b\.$") as missing:
        markers.fill(value, {"a": "A"})
    assert missing.value.name == "b"


def test_filling_is_one_pass_and_takes_secrets_as_they_are() -> None:
    markers = SecretMarkers.new()
    assert markers.fill(markers.mark("a"), {"a": markers.mark("b"), "b": "B"}) == markers.mark("b")
    assert markers.fill(markers.mark("a"), {"a": r"\1 \g<0> {{ event.type }}"}) == r"\1 \g<0> {{ event.type }}"


def test_an_event_can_not_forge_a_marker() -> None:
    yesterday, today = SecretMarkers.new(), SecretMarkers.new()
    assert len(today.nonce) == 32
    assert yesterday.nonce != today.nonce
    forged = yesterday.mark("token") + "{{secret.token}}" + "kaireon-secret--token-"
    result = parse("{{ event.x }} {{ secret.token }}", roots=ROOTS_OF_WEBHOOKS).render(
        {"event": {"x": forged}}, secret_marker=today.mark
    )
    assert today.fill(result, {"token": "S3CRET"}) == f"{forged} S3CRET"


@given(text=st.text(max_size=40), name=st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,63}", fullmatch=True))
def test_markers_keep_their_names_whatever_stands_beside_them(text: str, name: str) -> None:
    markers = SecretMarkers("00ff")
    assert is_secret_name(name)
    assert markers.fill(f"{text}{markers.mark(name)}{text}", {name: "S"}) == f"{text}S{text}"


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "_a", "a" * 65, "ä", "a\n"])
def test_names_of_secrets_are_plain_words(name: str) -> None:
    assert is_secret_name(name) is False


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


# --- bounds ----------------------------------------------------------------------------------------------------------

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
