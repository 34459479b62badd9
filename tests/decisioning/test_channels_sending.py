"""What goes through channels, and what does not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kaireon.core import clock
from kaireon.customers.working_set import WorkingSet
from kaireon.decisioning.channels import CHANNELS
from kaireon.decisioning.models import Channel, InboxMessage, Offer
from kaireon.decisioning.recommending import Decision, Recommendation
from kaireon.decisioning.sending import NotSent, Outgoing, Sent, compose, send, shown
from kaireon.delivery.models import Delivery
from kaireon.delivery.sender import send_due
from kaireon.secrets.vault import create_secret
from tests.decisioning.deciding import make_channel
from tests.decisioning.offering import make_offer
from tests.delivery.mail_server import MailServer
from tests.delivery.receiver import Receiver

pytestmark = pytest.mark.django_db

MakeCustomer = Callable[..., None]


def recommendation(*offer_ids: str) -> Recommendation:
    """One of these offers, best first."""
    decisions = [Decision(rank, offer_id, offer_id.upper(), 10.0 - rank) for rank, offer_id in enumerate(offer_ids, 1)]
    return Recommendation("rec_1", "cust_78", decisions, [], "df_cross_sell")


def outgoing(**changes: Any) -> Outgoing:
    """A message to one customer through the inbox."""
    example = {
        "channel_id": "ch_in_app",
        "customer_id": "cust_78",
        "event": {"type": "purchase", "amount": 750},
        "source": "test",
        "source_id": "test_1",
        "firing_id": "fir_1",
        "event_id": "evt_1",
    }
    return Outgoing(**{**example, **changes})


def sent(*messages: Outgoing) -> list[Sent | NotSent]:
    """What came of `messages`, in one call."""
    now = clock.now()
    return send(messages, records=WorkingSet(now=now), now=now)


def test_an_in_app_message_lies_in_the_inbox(make_customer: MakeCustomer) -> None:
    make_customer("cust_78", tier="gold")
    make_channel(
        "in_app",
        config={
            "title": "{{offer.name}} for {{customer.tier}} {{customer.customerId}}",
            "body": "{{event.amount}} {{offer.attributes.pitch}} {% for one in recommendation.decisions %}"
            "{{one.rank}}:{{one.offer.name}} {% endfor %}{{recommendation.id}}",
        },
    )
    make_offer("off_a", name="Card", attributes={"pitch": "No fee."})
    make_offer("off_b", name="Loan")
    (answer,) = sent(outgoing(recommendation=recommendation("off_a", "off_b")))
    assert isinstance(answer, Sent)
    message = InboxMessage.objects.get()
    assert (answer.ids, answer.is_queued) == ([message.pk], False)
    assert message.pk.startswith("msg_")
    assert message.title == "Card for gold cust_78"
    assert message.body == "750 No fee. 1:Card 2:Loan rec_1"
    assert (message.offer_id, message.recommendation_id, message.channel_id) == ("off_a", "rec_1", "ch_in_app")
    assert (message.customer_id, message.cause, message.read_at) == ("cust_78", "fir_1", None)


def test_an_email_goes_to_the_customers_own_address(make_customer: MakeCustomer, mail_server: MailServer) -> None:
    make_customer("cust_78", tier="ada@example.com")
    make_channel(
        "email",
        config={
            "from": "Bank <offers@bank.example>",
            "to": "{{customer.tier}}",
            "subject": "{{offer.name}}",
            "body": "<{{event.amount}}>",
        },
    )
    make_offer("off_a", name="Card")
    (answer,) = sent(outgoing(channel_id="ch_email", offer_id="off_a"))
    assert isinstance(answer, Sent)
    delivery = Delivery.objects.get()
    assert (answer.ids, answer.is_queued) == ([delivery.pk], True)
    assert (delivery.source, delivery.source_id, delivery.firing_id, delivery.event_id, delivery.customer_id) == (
        "test",
        "test_1",
        "fir_1",
        "evt_1",
        "cust_78",
    )
    send_due(run_seconds=10)
    (mail,) = mail_server.received
    assert (mail.sender, mail.recipients) == ("offers@bank.example", ["ada@example.com"])
    assert (mail.message["Subject"], mail.text) == ("Card", "<750>")


def test_a_webhook_is_signed_and_its_secret_is_filled_in_on_the_way(
    make_customer: MakeCustomer, receiver: Receiver
) -> None:
    make_customer("cust_78", balance=12.5)
    create_secret(name="push_token", value="s3cret-token")
    make_channel(
        "webhook",
        config={
            "url": receiver.url,
            "headers": {"Authorization": "Bearer {{secret.push_token}}", "X-Balance": "{{customer.balance}}"},
            "bodyTemplate": {
                "to": "{{customer.customerId}}",
                "balance": "{{customer.balance}}",
                "offers": "{{recommendation.decisions | map: 'offerId'}}",
                "offer": "{{offer}}",
            },
        },
    )
    make_offer("off_a", name="Card", category="cards", tags=["new"])
    sent(outgoing(channel_id="ch_webhook", recommendation=recommendation("off_a")))
    assert "s3cret-token" not in str(Delivery.objects.values())
    send_due(run_seconds=10)
    (request,) = receiver.received
    assert request.headers["authorization"] == "Bearer s3cret-token"
    assert request.headers["x-balance"] == "12.5"
    assert request.headers["webhook-id"] == "fir_1"
    assert request.json == {
        "to": "cust_78",
        "balance": 12.5,
        "offers": ["off_a"],
        "offer": {
            "id": "off_a",
            "name": "Card",
            "category": "cards",
            "tags": ["new"],
            "priority": 50,
            "businessValue": 0,
            "attributes": {},
        },
    }


def test_nothing_of_an_event_or_an_attribute_is_a_template(make_customer: MakeCustomer) -> None:
    make_customer("cust_78", tier="{{secret.push_token}}")
    make_channel("in_app", config={"title": "{{customer.tier}}", "body": "{{event.evil}}"})
    sent(outgoing(event={"evil": "{{offer.name}}"}))
    assert InboxMessage.objects.values_list("title", "body").get() == ("{{secret.push_token}}", "{{offer.name}}")


EMAIL = {"to": "{{customer.tier}}", "subject": "Hello {{customer.notes}}", "body": "x"}


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "the customer has no address: to of the channel ch_email renders to nothing."),
        ({"tier": "   "}, "the customer has no address: to of the channel ch_email renders to nothing."),
        ({"tier": "ada"}, "to of the channel ch_email must be an e-mail address, such as ada@example.com."),
        (
            {"tier": "ada@example.com,bob@example.com"},
            "to of the channel ch_email must be one e-mail address, not several.",
        ),
        (
            {"tier": "ada@example.com\nBcc: bob@example.com"},
            "to of the channel ch_email must not contain line breaks or other control characters.",
        ),
        (
            {"tier": "ada@example.com", "notes": "x\r\nBcc: bob@example.com"},
            "subject of the channel ch_email must not contain line breaks or other control characters.",
        ),
    ],
)
def test_an_address_that_is_none_and_a_header_that_would_be_two_are_not_sent(
    make_customer: MakeCustomer, attributes: dict[str, Any], reason: str
) -> None:
    make_customer("cust_78", **attributes)
    make_channel("email", config=EMAIL)
    assert sent(outgoing(channel_id="ch_email")) == [NotSent(reason)]
    assert Delivery.objects.count() == 0


def test_a_channel_that_is_paused_or_gone_sends_nothing() -> None:
    make_channel("in_app")
    CHANNELS.update(row_id="ch_in_app", values={"status": "paused"}, now=clock.now())
    assert sent(outgoing(), outgoing(channel_id="ch_none")) == [
        NotSent("the channel ch_in_app is paused; nothing is sent through it."),
        NotSent("there is no channel ch_none any more."),
    ]
    assert InboxMessage.objects.count() == 0


def test_an_offer_that_is_over_or_gone_is_not_sent() -> None:
    make_channel("in_app")
    make_offer("off_over", ends_at=clock.now() - timedelta(seconds=1))
    over, gone = sent(outgoing(offer_id="off_over"), outgoing(offer_id="off_none"))
    assert isinstance(over, NotSent)
    assert over.reason.startswith("the offer off_over can't be sent: The offer ended at ")
    assert gone == NotSent("there is no offer off_none any more.")
    Offer.objects.update(ends_at=None)
    assert isinstance(sent(outgoing(offer_id="off_over"))[0], Sent)


def test_a_template_that_fails_stops_no_other_message() -> None:
    make_channel("in_app", config={"title": "{{ 1 | divided_by: event.zero }}", "body": ""})
    broken, fine = sent(outgoing(event={"zero": 0}), outgoing(event={"zero": 1}))
    assert isinstance(broken, NotSent)
    assert broken.reason.startswith("the channel ch_in_app can't be rendered for this customer: title: ")
    assert isinstance(fine, Sent)
    assert InboxMessage.objects.get().title == "1"


def test_without_offer_and_recommendation_there_is_a_message_all_the_same() -> None:
    make_channel("in_app", config={"title": "Hello{{offer.name}}", "body": "{{recommendation.count}}"})
    sent(outgoing(event={}))
    assert InboxMessage.objects.values_list("title", "body", "offer_id").get() == ("Hello", "", None)


def test_answers_stand_in_the_order_of_the_messages(make_customer: MakeCustomer, receiver: Receiver) -> None:
    make_customer("cust_78", tier="ada@example.com")
    make_channel("in_app")
    make_channel("email", config={**EMAIL, "subject": "x"})
    make_channel("webhook", config={"url": receiver.url, "bodyTemplate": {}})
    kinds = ["ch_email", "ch_in_app", "ch_none", "ch_webhook", "ch_in_app", "ch_email"]
    answers = sent(*(outgoing(channel_id=channel_id) for channel_id in kinds))
    told = {
        **dict(Delivery.objects.values_list("pk", "kind")),
        **dict.fromkeys(InboxMessage.objects.values_list("pk", flat=True), "in_app"),
    }
    assert [told[answer.ids[0]] if isinstance(answer, Sent) else "not sent" for answer in answers] == [
        "email",
        "in_app",
        "not sent",
        "http",
        "in_app",
        "email",
    ]
    assert len(told) == 5


def test_many_messages_need_as_many_queries_as_one(make_customer: MakeCustomer) -> None:
    make_channel("in_app")
    make_channel("email", config={"to": "ada@example.com", "subject": "x", "body": "{{customer.tier}}"})
    make_offer("off_a")
    for number in range(10):
        make_customer(f"cust_{number}", tier="gold")

    def queries(count: int) -> int:
        messages = [
            outgoing(channel_id=channel_id, customer_id=f"cust_{number}", offer_id="off_a")
            for number in range(count)
            for channel_id in ("ch_in_app", "ch_email")
        ]
        with CaptureQueriesContext(connection) as captured:
            sent(*messages)
        return len(captured)

    assert queries(10) == queries(1)


def test_composing_shows_everything_masked_and_writes_nothing(receiver: Receiver) -> None:
    make_channel(
        "webhook",
        config={
            "url": receiver.url,
            "headers": {"A": "{{secret.push_token}}"},
            "bodyTemplate": {"a": "{{event.amount}}"},
        },
    )
    now = clock.now()
    (composed,) = compose([outgoing(channel_id="ch_webhook")], records=WorkingSet(now=now), now=now)
    assert not isinstance(composed, NotSent)
    assert shown(composed) == {
        "method": "POST",
        "url": receiver.url,
        "headers": {"A": "{{secret.push_token}}"},
        "body": {"a": 750},
    }
    assert (Delivery.objects.count(), Channel.objects.count()) == (0, 1)
