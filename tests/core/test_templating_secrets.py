"""Secrets in templates, and the markers that stand for them until the moment of sending."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaireon.core.templating import MissingSecret, RenderError, SecretMarkers, is_secret_name, parse
from tests.core.templating_examples import ROOTS, ROOTS_OF_WEBHOOKS, problems

NO_SECRETS = "Secrets are for webhooks alone."
PLAIN_SECRETS = (
    "A secret can only be written as {{ secret.name }}, without filters, and not in a tag or between capture and "
    "endcapture; its name has at most 64 letters, digits and _, and begins with a letter."
)


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
