"""What every route keeps, without being asked: generated from the URL conf, so that a new route is held to it."""

from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.schemas import create_schema
from kaireon.customers.segments import create_segment
from kaireon.journeys.definition import read_journey
from kaireon.journeys.lifecycle import create_journey
from tests.api.answers import fields, refusal
from tests.api.routes import CALLS, HERE, METHODS, ROUTES, Route, name_of
from triggers.definition import read_definition
from triggers.lifecycle import create_trigger

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# Anybody may read how the API is to be used.
PUBLIC = {"openapi.json", "docs"}
# Their path says everything.
BODILESS = {
    "customers/<path:customer_id>/erase",
    "deliveries/<str:delivery_id>/redeliver",
    "events/<str:event_id>/replay",
    "messages/<str:message_id>/read",
    "signing-secret/rotate",
}
EMPTY_WHERE_NOBODY_IS = {"customers/<path:customer_id>/erase", "customers/<path:customer_id>/messages"}
NO_JSON = (
    b"{not json",
    b"   ",
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": "\\ud800"}',
    b'{"a": "\xff"}',
    b"\xef\xbb\xbf{}",
    b'{"a": 1} {}',
    b"[" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    '{"a": 1}'.encode("utf-16"),
)
ODD_IDS = ("%FF", "%ED%A0%80", "%0A", "%0D%0Aa", "%1B", "%20", "%2e%2e", "%25", "'", '"', "\\", "{{1}}", "x" * 10_000)
NO_NUMBERS = (
    "abc", "", "1_0", "１", "٣", "-0", "-1", "+5", "%2B5", "1e3", "1.0", "0x10", "5%20", "9" * 30, "NaN", "%00",
)  # fmt: skip
WRITES = [(route, method) for route, method in CALLS if method in {"POST", "PUT", "PATCH"}]
LISTS = [route for route in ROUTES if route.is_list]

each_call = pytest.mark.parametrize(("route", "method"), CALLS, ids=name_of)
each_write = pytest.mark.parametrize(("route", "method"), WRITES, ids=name_of)
each_list = pytest.mark.parametrize("route", LISTS, ids=name_of)


@pytest.fixture(autouse=True)
def _here(db: None) -> None:
    """One of each thing with parts: a body is looked at before somebody notices that nothing is there."""
    create_schema(schema_id=HERE, name="here", fields=[Field("a", "text")], now=clock.now())
    body = {"id": HERE, "name": "here", "eventType": "a", "actionType": "webhook", "actionConfig": {"url": "http://a"}}
    create_trigger(values=read_definition(body), now=clock.now())
    create_journey(values=read_journey({"id": HERE, "name": "here", "status": "draft"}), now=clock.now())
    criteria = {"field": "customer.a", "operator": "exists"}
    create_segment(segment_id=HERE, name="here", schema_id=HERE, criteria=criteria, now=clock.now())


def send(client: Any, method: str, path: str, body: bytes, content_type: str = "application/json") -> Any:
    return client.generic(method, path, body, content_type=content_type)


def test_there_are_routes_to_test() -> None:
    assert len(ROUTES) > 20
    assert len(LISTS) > 5
    assert {route.pattern for route in ROUTES} >= PUBLIC | BODILESS


@each_call
def test_nobody_comes_in_without_a_key(anonymous_api: APIClient, route: Route, method: str) -> None:
    answer = send(anonymous_api, method, route.path(), b"")
    if route.pattern in PUBLIC:
        assert answer.status_code == 200
        return
    assert refusal(answer) == (401, "unauthenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer ")


@each_call
def test_nobody_comes_in_with_a_wrong_key(anonymous_api: APIClient, route: Route, method: str) -> None:
    for header in ("Bearer krn_wrong", "Bearer", "Basic YTpi", "krn_wrong", "Bearer krn_é"):
        answer = anonymous_api.generic(method, route.path(), headers={"Authorization": header})
        assert route.pattern in PUBLIC or refusal(answer) == (401, "unauthenticated"), header


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_a_method_that_a_route_lacks_is_405_and_names_the_others(admin_api: APIClient, route: Route) -> None:
    for method in {*METHODS, "TRACE", "PROPFIND"} - {*route.methods}:
        answer = admin_api.generic(method, route.path())
        assert refusal(answer) == (405, "method_not_allowed")
        assert set(route.methods) <= {allowed.strip() for allowed in answer["Allow"].split(",")}


@each_write
def test_a_body_that_is_no_json_is_refused(admin_api: APIClient, route: Route, method: str) -> None:
    for body in NO_JSON:
        assert refusal(send(admin_api, method, route.path(), body)) == (400, "malformed_json"), body[:20]


@each_write
def test_an_empty_body_is_refused_where_one_is_needed(admin_api: APIClient, route: Route, method: str) -> None:
    answer = send(admin_api, method, route.path(), b"")
    if route.pattern in BODILESS:
        assert answer.status_code in {200, 404}
    else:
        assert refusal(answer) == (400, "malformed_json")


@each_write
def test_a_body_of_another_type_is_refused(admin_api: APIClient, route: Route, method: str) -> None:
    for body in (b"null", b"1", b'"text"', b"true", b"[]", b"[null]", b"[[]]"):
        assert refusal(send(admin_api, method, route.path(), body)) == (400, "validation_failed"), body


@each_write
def test_a_field_that_nobody_knows_is_refused_by_name(admin_api: APIClient, route: Route, method: str) -> None:
    answer = send(admin_api, method, route.path(), b'{"nonsense": 1}')
    assert refusal(answer) == (400, "validation_failed")
    assert ("" if route.pattern in BODILESS else "nonsense") in fields(answer)


@each_write
def test_a_field_with_nul_in_its_name_is_refused(admin_api: APIClient, route: Route, method: str) -> None:
    answer = send(admin_api, method, route.path(), b'{"a\\u0000b": "\\u0000"}')
    assert refusal(answer) == (400, "validation_failed")


@each_write
def test_a_body_that_is_not_sent_as_json_is_415(admin_api: APIClient, route: Route, method: str) -> None:
    for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain", ""):
        answer = send(admin_api, method, route.path(), b"a=1", content_type)
        assert refusal(answer) == (415, "unsupported_media_type"), content_type


@each_write
def test_a_compressed_body_is_415(admin_api: APIClient, route: Route, method: str) -> None:
    answer = admin_api.generic(
        method, route.path(), "{}", content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert refusal(answer) == (415, "unsupported_media_type")


@each_write
def test_a_body_that_is_too_large_is_413(admin_api: APIClient, settings: Settings, route: Route, method: str) -> None:
    settings.MAX_BODY_BYTES = 1000
    answer = send(admin_api, method, route.path(), b'{"a": "' + b"x" * 1000 + b'"}')
    assert refusal(answer) == (413, "payload_too_large")


@each_call
def test_nul_in_a_path_finds_nothing(admin_api: APIClient, route: Route, method: str) -> None:
    for odd in ("%00", "a%00b", "%00here"):
        for path in route.paths_with(odd):
            assert refusal(send(admin_api, method, path, b"{}")) == (404, "not_found"), path


@each_call
def test_an_odd_id_is_refused_like_any_other(admin_api: APIClient, route: Route, method: str) -> None:
    for odd in ODD_IDS:
        for path in route.paths_with(odd):
            answer = send(admin_api, method, path, b"{}")
            assert len(answer.content) < 5000
            # A customer's id is the caller's own: who has no messages has an empty inbox, and nothing to erase.
            if not (route.pattern in EMPTY_WHERE_NOBODY_IS and answer.status_code == 200):
                assert refusal(answer)[0] in {400, 404}, path


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_a_slash_too_many_finds_nothing(admin_api: APIClient, route: Route) -> None:
    for path in (f"{route.path()}/", route.path().replace("/v1/", "/v1//")):
        # Customer ids may have slashes in them.
        expected = {404} if "<path:" not in route.pattern else {400, 404}
        assert refusal(admin_api.get(path))[0] in expected


@each_list
@pytest.mark.parametrize("parameter", ["limit", "offset"])
def test_a_page_that_is_no_number_is_refused_by_name(admin_api: APIClient, route: Route, parameter: str) -> None:
    for value in NO_NUMBERS:
        answer = admin_api.get(f"{route.path()}?{parameter}={value}")
        assert refusal(answer) == (400, "validation_failed"), value
        assert fields(answer) == [parameter], value


@each_list
def test_a_parameter_that_nobody_knows_is_refused(admin_api: APIClient, route: Route) -> None:
    for query in ("nonsense=1", "=1", "limit=1&limit=2", "Limit=1", "%00=1", "format=json"):
        assert refusal(admin_api.get(f"{route.path()}?{query}")) == (400, "validation_failed"), query


@each_list
def test_a_page_has_its_envelope_and_at_most_200_rows(admin_api: APIClient, route: Route) -> None:
    answer = admin_api.get(f"{route.path()}?limit=1000&offset=999999")
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"data", "pagination"}
    assert body["pagination"] == {
        "total": body["pagination"]["total"], "limit": 200, "offset": 999999, "hasMore": False,
    }  # fmt: skip


@each_call
def test_an_answer_is_json_whatever_is_accepted(admin_api: APIClient, route: Route, method: str) -> None:
    answer = admin_api.generic(
        method, route.path(), "{}", content_type="application/json", headers={"Accept": "text/html, image/png"}
    )
    assert answer.status_code not in {406, 500}
    if answer.status_code >= 400:
        refusal(answer)


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_options_names_the_methods(admin_api: APIClient, route: Route) -> None:
    answer = admin_api.options(route.path())
    if route.pattern == "docs":
        assert refusal(answer) == (405, "method_not_allowed")
        return
    assert answer.status_code == 200
    assert set(route.methods) <= set(answer.json()["methods"])


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_a_header_does_not_change_the_method(admin_api: APIClient, route: Route) -> None:
    for header in ("X-HTTP-Method-Override", "X-Method-Override"):
        overridden = admin_api.get(route.path(), headers={header: "DELETE"})
        assert overridden.status_code == admin_api.get(route.path()).status_code
