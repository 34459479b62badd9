"""Decision flows: finding, creating, changing and deleting them."""

from collections.abc import Collection
from typing import Any

from kaireon.core.errors import Detail, ValidationFailed
from kaireon.decisioning.eligibility import checked_eligibility
from kaireon.decisioning.keeping import AuditActions, Keeper
from kaireon.decisioning.models import DecisionFlow, FlowStatus
from kaireon.decisioning.scoring import DEFAULTS, formula_problem


def _check(flow: DecisionFlow, given: Collection[str]) -> None:
    problems: list[Detail] = []
    if "eligibility" in given:
        try:
            flow.eligibility = checked_eligibility(flow.eligibility)
        except ValidationFailed as error:
            problems += error.details
    flow.score = {**DEFAULTS, **flow.score}
    if "formula" in flow.score and (problem := formula_problem(flow.score["formula"])):
        problems.append(Detail("score.formula", problem))
    if problems:
        raise ValidationFailed.of(problems)


def _facts(flow: DecisionFlow) -> dict[str, Any]:
    return {
        "name": flow.name,
        "status": flow.status,
        "candidates": flow.candidates,
        "eligibility": flow.eligibility,
        "score": flow.score,
        "limit": flow.limit,
    }


FLOWS = Keeper(
    model=DecisionFlow,
    noun="decision flow",
    id_prefix="df_",
    actions=AuditActions(
        created="decision_flow.created",
        updated="decision_flow.updated",
        status_changed="decision_flow.status_changed",
        deleted="decision_flow.deleted",
    ),
    check=_check,
    facts=_facts,
)


def flow_problem(flow_id: str, flow: DecisionFlow | None) -> str:
    """Why `flow`, which was found under that id, recommends nothing, as a sentence; empty where it does."""
    if flow is None:
        return f"there is no decision flow {flow_id} any more."
    if flow.status != FlowStatus.ACTIVE:
        return f"the decision flow {flow_id} is {flow.status}, not active."
    return ""
