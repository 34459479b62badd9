"""What tests look at in an answer."""

from typing import Any


def refusal(answer: Any) -> tuple[int, str]:
    """Status and code of an error. Asserts that it has the contract's shape, whatever it says."""
    assert answer["Content-Type"].startswith("application/"), answer["Content-Type"]
    body = answer.json()
    assert body.keys() == {"error"}
    error = body["error"]
    assert error.keys() == {"code", "message", "status", "requestId", "details"}
    assert error["status"] == answer.status_code
    assert error["requestId"] == answer["X-Request-Id"] != ""
    assert error["message"].endswith((".", "?", ")", "…")), error["message"]
    assert all(detail.keys() == {"field", "message"} for detail in error["details"])
    return answer.status_code, error["code"]


def fields(answer: Any) -> list[str]:
    """The paths of an error's details."""
    return [detail["field"] for detail in answer.json()["error"]["details"]]
