"""Which headers users may set."""

import pytest

from kaireon.core.errors import Detail, ValidationFailed
from kaireon.delivery.headers import check_headers, header_problems


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer {{secret.token}}"),
        ("X-Empty", ""),
        ("X-Name", "Zoë Łukasz 東京"),
        ("X-Tab", "a\tb"),
        ("Content-Type", "application/json"),
        ("content-type", "application/json; charset=utf-8"),
        ("!#$%&'*+-.^_`|~", "odd, and a token"),
    ],
)
def test_good_headers_pass(name: str, value: str) -> None:
    check_headers({name: value})


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "CONTENT-LENGTH",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "TE",
        "Trailer",
        "Expect",
        "Proxy-Connection",
        "webhook-id",
        "Webhook-Signature",
        "webhook-timestamp",
        "webhook-anything",
        "Content_Length",
        "TRANSFER_ENCODING",
        "webhook_id",
        "User-Agent",
        "",
        "X Y",
        "X-Y:",
        "X-Ü",
        "X-A\r\nX-B",
        "X-A\n",
        "x" * 129,
    ],
)
def test_names_that_are_not_theirs_to_set_or_no_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationFailed) as failed:
        check_headers({"X-Good": "1", name: "value"})
    assert [detail.field for detail in failed.value.details] == [name]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x00b", "a\x7f", "\x0b", 1, None, ["a"], True])
def test_values_that_would_break_the_message_are_refused(value: object) -> None:
    with pytest.raises(ValidationFailed):
        check_headers({"X-A": value})


def test_another_content_type_is_refused_rather_than_ignored() -> None:
    assert header_problems({"Content-Type": "text/xml"}) == [
        ("Content-Type", "can't be set: the body is always application/json.")
    ]


def test_all_problems_are_named_at_once_and_none_quotes_a_value() -> None:
    with pytest.raises(ValidationFailed) as failed:
        check_headers({"Host": "s3cret", "x-a": "1", "X-A": "2"})
    assert failed.value.details == [
        Detail("Host", "can't be set: it belongs to the connection."),
        Detail("X-A", "is there twice, in another spelling."),
    ]
