"""Journeys for tests, short to write."""

from datetime import datetime, timedelta
from typing import Any

from kaireon.core import clock
from kaireon.journeys.by_hand import Enrolling, enrol_customers
from kaireon.journeys.definition import read_journey
from kaireon.journeys.enrolling import Deduplication
from kaireon.journeys.lifecycle import create_journey, update_journey
from kaireon.journeys.models import Enrolment, Journey
from kaireon.journeys.resuming import resume_due

HOUR = timedelta(hours=1)
JOURNEYS = "/api/v1/journeys"


def node(node_id: str, node_type: str, **config: Any) -> dict[str, Any]:
    """A node as the API takes it."""
    return {"id": node_id, "type": node_type, "config": config}


def edge(source: str, target: str, when: bool | None = None) -> dict[str, Any]:
    """An edge as the API takes it."""
    return {"from": source, "to": target} | ({} if when is None else {"when": when})


def line(*nodes: dict[str, Any]) -> dict[str, Any]:
    """A definition whose nodes come one after the other."""
    ids = [one["id"] for one in nodes]
    return {"nodes": list(nodes), "edges": [edge(here, there) for here, there in zip(ids, ids[1:], strict=False)]}


def one_wait(**config: Any) -> dict[str, Any]:
    """Entry, a wait of an hour unless told otherwise, exit."""
    return line(
        node("start", "entry_trigger"), node("pause", "wait", **{"delayHours": 1, **config}), node("end", "exit")
    )


def make_journey(definition: dict[str, Any], **body: Any) -> Journey:
    """An active journey, saved as the API saves it."""
    whole = {"name": "Loan nurture", "status": "active", "definition": definition, **body}
    return create_journey(values=read_journey(whole), now=clock.now())


def change(journey: Journey, **body: Any) -> Journey:
    """Changes it as the API does."""
    values = read_journey(body, existing=Journey.objects.get(pk=journey.pk))
    return update_journey(journey_id=journey.pk, values=values, now=clock.now())


def enrol(journey: Journey, *customer_ids: str, deduplication: str = "skip_if_active", now: datetime) -> Enrolling:
    """Enrols by hand."""
    return enrol_customers(
        journey_id=journey.pk, customer_ids=customer_ids, deduplication=Deduplication(deduplication), now=now
    )


def only(customer_id: str = "ada") -> Enrolment:
    """The customer's one enrolment."""
    return Enrolment.objects.get(customer_id=customer_id)


def story(enrolment: Enrolment) -> list[tuple[str, str]]:
    """Nodes and results of its history."""
    return [(one["node"], one["result"]) for one in enrolment.history]


def pass_time(now: datetime, hours: float = 1) -> datetime:
    """Some hours later; who is due by then has been taken up."""
    later = now + timedelta(hours=hours)
    resume_due(now=later)
    return later
