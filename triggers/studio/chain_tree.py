"""A chain as a tree: what led to an event, and what it led to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.urls import reverse

from triggers.chain import EVENT, FIRING, Chain, Node
from triggers.models import Trigger

_ICONS = {
    EVENT: "activity",
    FIRING: "zap",
    "enrolment": "route",
    "recommendation": "sparkles",
    "delivery": "send",
    "message": "message-square",
}
_SHOWN_STATUS = {EVENT: "status", FIRING: "outcome", "enrolment": "status", "delivery": "status"}


@dataclass(slots=True, kw_only=True)
class Branch:
    """A member with those behind which it is. `url` is empty for what has no page."""

    icon: str
    kind: str
    title: str
    note: str
    url: str
    status: str
    at: datetime | None
    is_here: bool
    is_gone: bool
    branches: list["Branch"] = field(default_factory=list)


def names_in(chain: Chain) -> dict[str, str]:
    """The names of the chain's triggers by their ids, as far as they are still there; in one query."""
    ids = {str(node.facts["triggerId"]) for node in chain.nodes if node.type == FIRING and node.facts}
    return dict(Trigger.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def tree_of(chain: Chain, *, here: tuple[str, str], names: Mapping[str, str]) -> Branch:
    """The tree with one member marked: `here` is its type and id. `names` are those of the triggers (`names_in`)."""
    branches: dict[tuple[str, str], Branch] = {}
    root = branches[chain.root.key] = _branch(chain.root, here, names)
    by_id = {chain.root.id: root}
    for node in _behind(chain):
        if node.key in branches:
            continue
        branch = branches[node.key] = _branch(node, here, names)
        by_id.setdefault(node.id, branch)
        by_id[node.parent or chain.root.id].branches.append(branch)
    return root


def _behind(chain: Chain) -> Sequence[Node]:
    return [node for node in chain.nodes if node.key != chain.root.key]


def _branch(node: Node, here: tuple[str, str], names: Mapping[str, str]) -> Branch:
    facts = node.facts
    trigger_id = str(facts.get("triggerId", ""))
    titles = {
        EVENT: facts.get("eventType") or node.id,
        FIRING: names.get(trigger_id) or trigger_id or node.id,
        "enrolment": f"Journey {facts.get('journeyId', node.id)}",
        "recommendation": f"Recommendation of {facts.get('decisionFlowId', node.id)}",
        "delivery": "Delivery",
        "message": f"Message through {facts.get('channelId', node.id)}",
    }
    return Branch(
        icon=_ICONS.get(node.type, "circle"),
        kind=node.type,
        title=str(titles.get(node.type, node.id)),
        note=node.id,
        url=_url(node),
        status=str(facts.get(_SHOWN_STATUS.get(node.type, ""), "")),
        at=node.at,
        is_here=node.key == here,
        is_gone=not facts and node.at is None,
    )


def _url(node: Node) -> str:
    if node.at is None:
        return ""
    match node.type:
        case "event":
            return reverse("studio-event", args=[node.id])
        case "firing":
            return reverse("studio-firing", args=[node.id])
        case "delivery":
            return reverse("studio-delivery", args=[node.id])
        case "enrolment":
            return reverse("studio-journey", args=[node.facts["journeyId"]])
        case _:
            return ""
