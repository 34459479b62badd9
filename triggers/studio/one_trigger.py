"""What the pages of one trigger share: its head, its tabs, and that a deleted one is still shown."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from kaireon.studio.pages import Crumb, StudioPage
from triggers.lifecycle import ALLOWED_TRANSITIONS
from triggers.models import Status
from triggers.studio.remembered import Remembered, remember


class OneTrigger(StudioPage):
    """A page below /studio/triggers/<id>. `tab` is which of them it is."""

    section = "Triggers"
    tab = "overview"
    remembered: Remembered

    def recall(self) -> None:
        """To be called first. Raises NotFound for what there is no trace of."""
        self.remembered = remember(self.kwargs["trigger_id"])

    def page_title(self) -> str:
        return self.remembered.trigger.name

    def crumbs(self) -> list[Crumb]:
        return [Crumb("Triggers", reverse("studio-triggers"))]

    def frame(self) -> dict[str, Any]:
        return {**super().frame(), **self._head()}

    def _head(self) -> Mapping[str, Any]:
        trigger = self.remembered.trigger
        allowed = ALLOWED_TRANSITIONS.get(trigger.status, frozenset())
        return {
            "trigger": trigger,
            "remembered": self.remembered,
            "tab": self.tab,
            "can": {status.value: status in allowed for status in Status},
        }
