"""Deliveries: the list, live if wanted, one with all that happened to it, and sending again what has ended."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.core.errors import NotFound
from kaireon.core.ids import GIVEN_ID
from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.redelivery import AT_MOST, redeliver, redeliver_all
from kaireon.delivery.studio.filters import DeliveryListFilters
from kaireon.delivery.studio.life import last_answer, life_of
from kaireon.studio import wording
from kaireon.studio.bulk import BulkPage
from kaireon.studio.counting import counted
from kaireon.studio.pages import Crumb, Question, StudioPage
from kaireon.studio.tail import LiveList

SECTION = "Deliveries"
ENDED = frozenset({Status.DELIVERED, Status.DEAD, Status.CANCELLED})


def find_delivery(delivery_id: str) -> Delivery:
    """The delivery with that id. Raises NotFound."""
    delivery = Delivery.objects.filter(pk=delivery_id).first() if GIVEN_ID.match(delivery_id) else None
    if delivery is None:
        raise NotFound(f"There is no delivery {delivery_id!r}.")
    return delivery


class DeliveryList(LiveList[Delivery]):
    """All deliveries, newest first."""

    title = "Deliveries"
    section = SECTION
    template_name = "studio/deliveries/list.html"
    tail_template = "studio/deliveries/tail.html"
    filters = DeliveryListFilters
    keys = ("id",)
    arrived = "created_at"

    def rows(self) -> QuerySet[Delivery]:
        return Delivery.objects.defer("headers", "body")

    def decorate(self, rows: Sequence[Delivery]) -> Mapping[str, Any]:
        answers = {delivery.pk: last_answer(delivery) for delivery in rows}
        return {"answers": answers, "can_tick": self.may(Ability.WRITE)}


class DeliveryPage(StudioPage):
    """One delivery."""

    section = SECTION
    template_name = "studio/deliveries/one.html"

    def get(self, request: HttpRequest, delivery_id: str) -> HttpResponse:
        self.delivery = find_delivery(delivery_id)
        attempts = list(self.delivery.attempt_log.order_by("number"))
        return self.render(
            {
                "delivery": self.delivery,
                "attempts": attempts,
                "life": life_of(self.delivery, attempts),
                "answer": last_answer(self.delivery),
                "has_ended": self.delivery.status in ENDED,
            }
        )

    def page_title(self) -> str:
        return "E-mail" if self.delivery.kind == "email" else "Request"

    def crumbs(self) -> list[Crumb]:
        return [Crumb("Deliveries", reverse("studio-deliveries"))]


class RedeliverOne(StudioPage):
    """Sends one delivery again."""

    section = SECTION

    def post(self, request: HttpRequest, delivery_id: str) -> HttpResponse:
        delivery = redeliver(delivery=find_delivery(delivery_id), now=clock.now())
        return self.done(
            "It is queued and goes out at once, if its trigger or journey lets it.",
            self.next_url(reverse("studio-delivery", args=[delivery.pk])),
        )


class RedeliverMany(BulkPage[Delivery]):
    """Asks, and sends again what was given up: what was ticked, or all that fits the filters of the list."""

    title = "Send again"
    section = SECTION
    filters = DeliveryListFilters
    list_route = "studio-deliveries"

    def rows(self) -> QuerySet[Delivery]:
        return Delivery.objects.filter(status=Status.DEAD)

    def ask(self, number: int) -> Question:
        are = "is 1 delivery" if number == 1 else f"are {counted(number)} deliveries"
        at_once = (
            f" At most {wording.count(AT_MOST)} go at once; the others stay as they are." if number > AT_MOST else ""
        )
        one_or_many = "1 delivery" if number == 1 else f"{wording.count(min(number, AT_MOST))} deliveries"
        return Question(
            title="Send again what was given up?",
            text=f"There {are} given up{self.which()}. Each is tried anew under its old id, by which receivers can tell"
            f" a repetition. No trigger fires again.{at_once}",
            button=f"Send {one_or_many}",
            back_url=self.back_url(),
        )

    def carry_out(self, rows: QuerySet[Delivery]) -> str:
        tally = redeliver_all(deliveries=rows, now=clock.now())
        return self.tell(tally.done, tally.left, thing="delivery", things="deliveries", what="queued again")
