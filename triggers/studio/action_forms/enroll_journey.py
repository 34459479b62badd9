"""The fields of `enroll_journey`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.db.models import Model

from kaireon.journeys.enrolling import Deduplication
from kaireon.journeys.models import Journey
from triggers.studio.action_forms.base import ActionForm, Names

_REPEATS = (
    (Deduplication.SKIP_IF_ACTIVE.value, "Leave them where they are"),
    (Deduplication.RESTART.value, "Begin again from the start"),
    (Deduplication.ALLOW_MULTIPLE.value, "Enrol them once more, side by side"),
)
_REPEATS_IN_WORDS = {
    Deduplication.SKIP_IF_ACTIVE.value: "unless they are in it already",
    Deduplication.RESTART.value: "from the start, even if they are in it already",
    Deduplication.ALLOW_MULTIPLE.value: "once more, even if they are in it already",
}


class EnrollJourneyForm(ActionForm):
    """Which journey, and what happens with a customer who is in it already."""

    action_type = "enroll_journey"
    icon = "route"
    line = "Take the customer through steps over days or weeks."
    template_name = "studio/trigger_form/enroll_journey.html"
    rendering_template = "studio/trigger_form/rendered_enroll_journey.html"
    targets: ClassVar[Mapping[str, type[Model]]] = {"journey": Journey}
    paths: ClassVar[Mapping[str, str]] = {"journeyId": "journey", "deduplication": "deduplication"}

    journey = forms.CharField(label="Journey", widget=forms.Select, error_messages={"required": "Choose a journey."})
    deduplication = forms.ChoiceField(
        label="A customer who is in it already",
        choices=_REPEATS,
        widget=forms.RadioSelect,
        initial=Deduplication.SKIP_IF_ACTIVE.value,
    )

    @classmethod
    def fields_of(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "journey": config.get("journeyId", ""),
            "deduplication": config.get("deduplication", Deduplication.SKIP_IF_ACTIVE.value),
        }

    def body(self) -> dict[str, Any]:
        data = self.cleaned_data
        known = (("journeyId", "journey"), ("deduplication", "deduplication"))
        return {key: data[name] for key, name in known if name in data}

    @classmethod
    def phrase(cls, config: Mapping[str, Any], names: Names) -> str:
        journey_id = config.get("journeyId")
        if not journey_id:
            return "enrol the customer in a journey"
        name = names.get(("journey", journey_id)) or _name(journey_id)
        repeats = _REPEATS_IN_WORDS.get(config.get("deduplication", Deduplication.SKIP_IF_ACTIVE.value), "")
        return f"enrol the customer in {name}{', ' if repeats.startswith('unless') else ' '}{repeats}".rstrip()


def _name(journey_id: str) -> str:
    return Journey.objects.filter(pk=journey_id).values_list("name", flat=True).first() or journey_id
