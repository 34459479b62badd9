"""The fields of `fire_recommend`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.db.models import Model

from kaireon.decisioning.models import MAX_LIMIT, Channel, DecisionFlow
from triggers.studio.action_forms.base import ActionForm, Names


class FireRecommendForm(ActionForm):
    """Which flow is asked, for how many offers, and by what channel the customer is told."""

    action_type = "fire_recommend"
    icon = "sparkles"
    line = "Let a decision flow choose offers, and deliver the best."
    template_name = "studio/trigger_form/fire_recommend.html"
    rendering_template = "studio/trigger_form/rendered_fire_recommend.html"
    targets: ClassVar[Mapping[str, type[Model]]] = {"flow": DecisionFlow, "channel": Channel}
    paths: ClassVar[Mapping[str, str]] = {
        "decisionFlowId": "flow",
        "channelId": "channel",
        "limit": "limit",
        "deliverImmediately": "deliver",
    }

    flow = forms.CharField(
        label="Decision flow", widget=forms.Select, error_messages={"required": "Choose a decision flow."}
    )
    limit = forms.IntegerField(
        label="Offers at most",
        required=False,
        help_text="Empty: as many as the flow says.",
        widget=forms.NumberInput(attrs={"min": 1, "max": MAX_LIMIT, "inputmode": "numeric"}),
    )
    deliver = forms.BooleanField(label="Deliver at once", required=False, initial=True)
    channel = forms.CharField(label="Channel", required=False, widget=forms.Select)

    @classmethod
    def fields_of(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "flow": config.get("decisionFlowId", ""),
            "limit": config.get("limit"),
            "deliver": config.get("deliverImmediately", True),
            "channel": config.get("channelId", ""),
        }

    def body(self) -> dict[str, Any]:
        data = self.cleaned_data
        body: dict[str, Any] = {"deliverImmediately": data.get("deliver", False)}
        known = (("decisionFlowId", "flow"), ("channelId", "channel"), ("limit", "limit"))
        return {**{key: data[name] for key, name in known if data.get(name) not in (None, "")}, **body}

    @classmethod
    def phrase(cls, config: Mapping[str, Any], names: Names) -> str:
        flow_id, channel_id = config.get("decisionFlowId"), config.get("channelId")
        flow = _name(DecisionFlow, flow_id, names.get(("flow", flow_id))) if flow_id else "a decision flow"
        limit = config.get("limit")
        offers = "the best offer" if limit == 1 else f"the best {limit} offers" if limit else "what it chooses"
        if not config.get("deliverImmediately", True):
            return f"run {flow} and store {offers}, without a message"
        channel = _name(Channel, channel_id, names.get(("channel", channel_id))) if channel_id else "a channel"
        return f"run {flow} and deliver {offers} by {channel}"


def _name(model: type[DecisionFlow] | type[Channel], pk: str, known: str | None) -> str:
    if known:
        return known
    found: str | None = model.objects.filter(pk=pk).values_list("name", flat=True).first()
    return found or pk
