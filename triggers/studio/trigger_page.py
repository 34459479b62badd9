"""The page of one trigger: what it does, what it did, and how much of what it looked at came through."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from kaireon.core import clock
from triggers.definition import priority_band
from triggers.models import Firing, Trigger
from triggers.studio.chart import DEFAULT_RANGE, RANGES, chart_of, funnel_of
from triggers.studio.one_trigger import OneTrigger
from triggers.studio.sentence import sentence_of
from triggers.studio.targets import targets_of
from triggers.studio.wording import action_icon, action_label, cooldown_in_words

LATEST_SHOWN = 10


class TriggerPage(OneTrigger):
    """The overview; `?range=7d` is how far back its chart and funnel go."""

    template_name = "studio/triggers/one.html"

    def get(self, request: HttpRequest, trigger_id: str) -> HttpResponse:
        self.recall()
        trigger = self.remembered.trigger
        now = clock.now()
        wanted = request.GET.get("range", DEFAULT_RANGE)
        wanted = wanted if wanted in RANGES else DEFAULT_RANGE
        chart = chart_of(trigger_id, RANGES[wanted], now=now)
        targets = targets_of(trigger)
        latest = Firing.objects.filter(trigger_id=trigger_id).order_by("-fired_at", "-id")[:LATEST_SHOWN]
        return self.render(
            {
                "sentence": sentence_of(trigger),
                "targets": targets,
                "problems": [target.problem for target in targets if target.problem],
                "facts": _facts(trigger),
                "ranges": RANGES,
                "range": wanted,
                "words": RANGES[wanted].words,
                "chart": chart,
                "funnel": funnel_of(trigger, chart, now=now),
                "latest": list(latest),
            }
        )


_ELSEWHERE = {"journeyId", "decisionFlowId", "channelId", "schemaId"}
"""Keys of the config that are shown as targets, by name."""

_LABELS = {
    "deduplication": "If in it already",
    "limit": "Offers at most",
    "deliverImmediately": "Deliver at once",
    "url": "URL",
    "method": "Method",
    "headers": "Headers",
    "bodyTemplate": "Body",
    "updates": "Changes",
}
_WORDS = {
    "skip_if_active": "leave it at that",
    "restart": "begin anew",
    "allow_multiple": "enrol once more",
    True: "yes",
    False: "no",
}


def _facts(trigger: Trigger) -> Mapping[str, Any]:
    rest = [(_LABELS.get(key, key), value) for key, value in trigger.action_config.items() if key not in _ELSEWHERE]
    return {
        "band": priority_band(trigger.priority),
        "cooldown": cooldown_in_words(trigger.cooldown_ms),
        "action": action_label(trigger.action_type),
        "icon": action_icon(trigger.action_type),
        "plain": [(label, _in_words(value)) for label, value in rest if not isinstance(value, dict | list)],
        "documents": [(label, value) for label, value in rest if isinstance(value, dict | list) and value],
    }


def _in_words(value: Any) -> str:
    return _WORDS.get(value, str(value)) if isinstance(value, str | bool) else str(value)
