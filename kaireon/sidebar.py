"""The sidebar of Django admin, in the order in which an event meets its pages; each item for those who may see it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """What unfold shows at the left."""
    return [
        {
            "title": "Studio",
            "items": [
                _item("Triggers", "bolt", "triggers", "trigger"),
                _item("Firings", "local_fire_department", "triggers", "firing"),
                _item("Journeys", "route", "journeys", "journey"),
                _item("Enrolments", "directions_walk", "journeys", "enrolment"),
            ],
        },
        {
            "title": "Decisioning",
            "items": [
                _item("Offers", "sell", "decisioning", "offer"),
                _item("Decision flows", "alt_route", "decisioning", "decisionflow"),
                _item("Recommendations", "recommend", "decisioning", "recommendation"),
                _item("Channels", "campaign", "decisioning", "channel"),
                _item("Inbox messages", "inbox", "decisioning", "inboxmessage"),
                _item("Outcomes", "thumbs_up_down", "decisioning", "interaction"),
                _item("Outcome types", "label", "decisioning", "outcometype"),
            ],
        },
        {
            "title": "Data",
            "items": [
                _item("Events", "timeline", "events", "event"),
                _item("Streams", "water", "events", "streamprogress"),
                _item("Dead letters of streams", "report", "events", "streamdeadletter"),
                _item("Deliveries", "send", "delivery", "delivery"),
                _item("Receivers", "electrical_services", "delivery", "circuit"),
                _item("Customer records", "person", "customers", "record"),
                _item("Schemas", "schema", "customers", "schema"),
                _item("Segments", "groups", "customers", "segment"),
            ],
        },
        {
            "title": "Admin",
            "items": [
                _item("Audit", "fact_check", "audit", "entry"),
                _item("Secrets", "lock", "secrets", "secret"),
                _item("API keys", "key", "accounts", "apikey"),
                _item("Users", "group", "accounts", "user"),
            ],
        },
    ]


def _item(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": _may_view(f"{app}.view_{model}"),
    }


def _may_view(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)
