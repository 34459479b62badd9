from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaireon.conditions import compile, lookup, parse
from tests.conditions.strategies import documents, fields, hostile_values, law

DOCUMENT = {
    "outcomeType": "conversion",
    "metadata": {"amount": 750, "none": None, "0": "a key", "a.b": "out of reach"},
    "items": [{"sku": "A1"}, {"sku": "B2"}, ["x", "y"]],
    "0": "a key of the root",
    "text": "abc",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("outcomeType", "conversion"),
        ("metadata.amount", 750),
        ("metadata", DOCUMENT["metadata"]),
        ("metadata.none", None),
        ("metadata.0", "a key"),
        ("0", "a key of the root"),
        ("items.0.sku", "A1"),
        ("items.1.sku", "B2"),
        ("items.2.1", "y"),
        # Missing, or not to be followed.
        ("amount", None),
        ("metadata.amount.cents", None),
        ("metadata.none.more", None),
        ("metadata.a.b", None),
        ("outcometype", None),
        ("text.0", None),
        ("items.sku", None),
        ("items.3", None),
        ("items.-1", None),
        ("items.00.sku", None),
        ("items.+1", None),
        ("items.1.0", None),
        ("items.²", None),
        ("items.١.sku", None),
        ("items.9999999999999999999999999", None),
        ("items.length", None),
        ("", None),
        ("metadata..amount", None),
    ],
)
def test_a_path_leads_to_its_value_or_to_none(path: str, value: Any) -> None:
    assert lookup(DOCUMENT, path) == value
    assert lookup(DOCUMENT, tuple(path.split("."))) == value


def test_a_part_of_the_document_may_be_any_mapping() -> None:
    document = MappingProxyType({"customer": MappingProxyType({"address": MappingProxyType({"tags": ["vip"]})})})
    assert lookup(document, "customer.address.tags.0") == "vip"
    for field in ("customer", "customer.address", "customer.address.tags", "customer.address.tags.0"):
        assert compile(parse({"field": field, "operator": "exists"}))(document) is True
        assert compile(parse({"field": f"{field}.more", "operator": "exists"}))(document) is False


def test_a_number_of_thousands_of_digits_is_only_a_missing_index() -> None:
    assert lookup([1], "1" * 10_000) is None


@law
@given(documents, fields)
def test_a_compiled_condition_reads_what_lookup_reads(document: dict[str, Any], field: str) -> None:
    expected = lookup(document, field)
    assert compile(parse({"field": field, "operator": "eq", "value": expected}))(document) is True


@law
@given(hostile_values, st.text())
def test_lookup_never_raises(document: Any, path: str) -> None:
    lookup(document, path)
