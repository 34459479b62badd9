"""What is refused when a template is saved, in which words, and what is known of one that is not."""

import pytest

from kaireon.core.templating import FILTER_NAMES, TemplateError, parse
from tests.core.templating_examples import ROOTS, ROOTS_OF_WEBHOOKS, problems, rendered

UNKNOWN = "use customer, event, firing or trigger"
NO_SECRETS = "Secrets are for webhooks alone."


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
    assert str(rendered(value)) == "[" * 32 + "7" + "]" * 32
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
