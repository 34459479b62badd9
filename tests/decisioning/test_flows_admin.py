"""Channels, the inbox, decision flows and recommendations in Django admin."""

import pytest
from django.test import Client

from kaireon.accounts.models import User
from kaireon.decisioning.models import InboxMessage, Recommendation
from tests.decisioning.deciding import answer, make_channel, make_flow
from tests.decisioning.offering import make_offer
from tests.decisioning.test_channels_sending import outgoing, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    """Signed in as an admin."""
    client = Client()
    client.force_login(User.objects.create_user("ada", role="admin"))
    return client


def test_they_are_listed_and_shown_and_found_in_the_sidebar(ada: Client) -> None:
    make_flow(limit=1, score={"formula": "customer_balance + 4711"})
    make_offer("off_a", name="Card", priority=60)
    make_offer("off_b")
    make_channel("in_app", config={"title": "{{offer.name}}", "body": "{{event.type}}"})
    recommendation = answer(cause="fir_1")
    sent(outgoing(recommendation=recommendation))
    for path, text in {
        "channel/": "ch_in_app",
        "channel/ch_in_app/change/": "{{event.type}}",
        "decisionflow/": "Cross-sell",
        "decisionflow/df_cross_sell/change/": "customer_balance + 4711",
        "inboxmessage/": "Card",
        "inboxmessage/?q=fir_1": "Card",
        f"inboxmessage/{InboxMessage.objects.get().pk}/change/": "purchase",
        "recommendation/": "Card",
        "recommendation/?q=fir_1": recommendation.recommendation_id,
        f"recommendation/{recommendation.recommendation_id}/change/": "ranked 2nd, the limit is 1",
    }.items():
        shown = ada.get(f"/admin/decisioning/{path}")
        assert shown.status_code == 200, path
        assert text in shown.content.decode(), path
    page = ada.get("/admin/").content.decode()
    for model in ("channel", "decisionflow", "inboxmessage", "recommendation"):
        assert f'href="/admin/decisioning/{model}/"' in page


def test_nothing_can_be_added_changed_or_deleted_there(ada: Client) -> None:
    make_flow()
    make_channel("in_app")
    for path in (
        "channel/add/",
        "channel/ch_in_app/delete/",
        "channel/ch_in_app/change/",
        "decisionflow/add/",
        "decisionflow/df_cross_sell/delete/",
        "decisionflow/df_cross_sell/change/",
        "inboxmessage/add/",
        "recommendation/add/",
    ):
        assert ada.post(f"/admin/decisioning/{path}", {"post": "yes", "name": "x"}).status_code == 403, path
    assert Recommendation.objects.count() == 0
