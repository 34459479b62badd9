"""Whether events can be processed, and what to tell the person at the terminal once they can."""

import http.client
import json
from pathlib import Path

DEMO_NAME = "demo.json"
_EVENT = (
    '{"eventType": "outcome.recorded", "customerId": "cust_1", '
    '"properties": {"outcomeType": "conversion", "metadata": {"amount": 750}}}'
)


def unreadiness(port: int) -> str | None:
    """None once `GET /readyz` answers 200, else what stands in the way."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read(2000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"no answer from the web server ({error})"
    finally:
        connection.close()
    return None if response.status == http.HTTPStatus.OK else f"/readyz answers {response.status}: {body}"


def announcement(*, port: int, home: Path, took_s: float) -> str:
    """The first line begins with `Kaireon is ready`."""
    address = f"http://127.0.0.1:{port}"
    lines = [f"Kaireon is ready at {address} (started in {took_s:.1f} s)", ""]
    credentials = _demo_credentials(home / DEMO_NAME)
    api_key = credentials.get("apiKey", "$KEY")
    rows = [("Admin", f"{address}/admin/"), ("API", f"{address}/api/v1/docs")]
    if credentials:
        rows += [
            ("Login", f"{credentials.get('login')}   password {credentials.get('password')}"),
            ("API key", api_key),
        ]
    else:
        rows += [("API key", ".venv/bin/python manage.py create_api_key --role admin --name NAME  makes one")]
    rows += [("State", f"{home}   logs in {home / 'logs'}")]
    lines += [f"  {label:<9}{text}" for label, text in rows]
    lines += [
        "",
        "Try it: an event that the demo's trigger waits for",
        "",
        f"  curl -s {address}/api/v1/events -H 'Authorization: Bearer {api_key}' \\",
        f"    -H 'Content-Type: application/json' -d '{_EVENT}'",
        "",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _demo_credentials(file: Path) -> dict[str, str]:
    try:
        credentials = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in credentials.items()} if isinstance(credentials, dict) else {}
