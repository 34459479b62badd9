"""The triggers' routes."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import sent_json, validated
from kaireon.events.ingestion import read_event
from triggers.api.filters import FiringFilters, TriggerFilters
from triggers.api.serializers import ChainBody, DryRunBody, DryRunRequest, FiringBody
from triggers.chain import chain_of_event, chain_of_firing
from triggers.definition import TriggerDefinition, read_definition
from triggers.engine.dry_run import try_out
from triggers.lifecycle import create_trigger, delete_trigger, find_trigger, update_trigger
from triggers.models import Firing, Trigger


class TriggerCollection(ListAPIView[Trigger]):
    """All triggers, by priority descending, then id."""

    queryset = Trigger.objects.order_by("-priority", "id")
    serializer_class = TriggerDefinition
    filterset_class = TriggerFilters

    @extend_schema(request=TriggerDefinition, responses={201: TriggerDefinition})
    def post(self, request: Request) -> Response:
        """Creates a trigger; it is active at once unless another status is given."""
        trigger = create_trigger(values=read_definition(sent_json(request)), now=clock.now())
        return Response(
            TriggerDefinition(trigger).data, status=201, headers={"Location": f"{request.path}/{trigger.pk}"}
        )


class TriggerItem(APIView):
    """One trigger."""

    @extend_schema(responses=TriggerDefinition)
    def get(self, request: Request, trigger_id: str) -> Response:
        """The whole trigger."""
        return Response(TriggerDefinition(find_trigger(trigger_id)).data)

    @extend_schema(request=TriggerDefinition(partial=True), responses=TriggerDefinition)
    def put(self, request: Request, trigger_id: str) -> Response:
        """Changes the given fields and leaves the others, as PATCH does."""
        values = read_definition(sent_json(request), existing=find_trigger(trigger_id))
        return Response(TriggerDefinition(update_trigger(trigger_id=trigger_id, values=values, now=clock.now())).data)

    @extend_schema(request=TriggerDefinition(partial=True), responses=TriggerDefinition)
    def patch(self, request: Request, trigger_id: str) -> Response:
        """Changes the given fields and leaves the others."""
        return self.put(request, trigger_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, trigger_id: str) -> Response:
        """Deletes it; its firings and audit entries stay."""
        delete_trigger(trigger_id=trigger_id)
        return Response(status=204)


class TriggerTest(APIView):
    """The dry run."""

    abilities = {"POST": Ability.READ}

    @extend_schema(request=DryRunRequest, responses=DryRunBody)
    def post(self, request: Request, trigger_id: str) -> Response:
        """What the trigger would do with an event, and why; changes nothing."""
        payload = validated(DryRunRequest, sent_json(request))["eventPayload"]
        trigger = find_trigger(trigger_id)
        try:
            event = read_event({"eventType": trigger.event_type, **payload}, path="", source="test")
        except ValidationFailed as error:
            raise error.under("eventPayload") from None
        return Response(DryRunBody(try_out(trigger, event, now=clock.now())).data)


class TriggerFirings(ListAPIView[Firing]):
    """A trigger's firings, newest first. They stay when the trigger is deleted."""

    serializer_class = FiringBody
    filterset_class = FiringFilters
    queryset = Firing.objects.order_by("-fired_at", "-id")

    def get_queryset(self) -> QuerySet[Firing]:
        return super().get_queryset().filter(trigger_id=self.kwargs["trigger_id"])

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Nothing at all is 404 where there is no such trigger either."""
        response = super().list(request, *args, **kwargs)
        if not response.data["data"] and not self.get_queryset().exists():
            find_trigger(self.kwargs["trigger_id"])
        return response


class EventChain(APIView):
    """What led to an event, and what it led to."""

    @extend_schema(responses=ChainBody)
    def get(self, request: Request, event_id: str) -> Response:
        """The whole chain that the event belongs to: events, firings, their effects. At most 500 members."""
        return Response(ChainBody(chain_of_event(event_id)).data)


class FiringChain(APIView):
    """What led to a firing, and what it led to."""

    @extend_schema(responses=ChainBody)
    def get(self, request: Request, firing_id: str) -> Response:
        """The whole chain that the firing belongs to: events, firings, their effects. At most 500 members."""
        return Response(ChainBody(chain_of_firing(firing_id)).data)
