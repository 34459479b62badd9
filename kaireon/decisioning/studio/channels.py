"""The pages of channels."""

from collections.abc import Mapping, Sequence
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from kaireon.core import clock
from kaireon.core.rest import validated
from kaireon.decisioning.api.channels import ChannelBody
from kaireon.decisioning.channels import CHANNELS
from kaireon.decisioning.models import Channel, ChannelStatus, ChannelType
from kaireon.studio.forms import BodyForm, JSONText
from kaireon.studio.lists import SearchFilter
from kaireon.studio.resources import Resource

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    ChannelType.EMAIL: {
        "to": "{{customer.email}}",
        "subject": "{{offer.name}}, for you",
        "body": "Hello {{customer.first_name | default: 'there'}},\n\n{{offer.name}} is waiting for you.",
    },
    ChannelType.WEBHOOK: {
        "url": "https://push.example.com/send",
        "headers": {"Authorization": "Bearer {{secret.push_token}}"},
        "bodyTemplate": {"customerId": "{{customer.customerId}}", "offer": "{{offer.name}}"},
    },
    ChannelType.IN_APP: {"title": "{{offer.name}}", "body": "Chosen for you. Open the app to see it."},
}
"""What a new channel of each type begins with."""


class ChannelFilters(django_filters.FilterSet):
    """What the list can be narrowed by."""

    search = SearchFilter(method="search_text", label="Search channels")
    status = django_filters.ChoiceFilter(choices=ChannelStatus.choices, empty_label="Any status")
    channel_type = django_filters.ChoiceFilter(choices=ChannelType.choices, empty_label="Any type", label="Type")

    class Meta:
        model = Channel
        fields: tuple[str, ...] = ()

    def search_text(self, rows: QuerySet[Channel], name: str, value: Any) -> QuerySet[Channel]:
        return rows.filter(Q(name__icontains=value) | Q(pk__icontains=value))


class ChannelForm(BodyForm):
    """The fields of a channel."""

    name = forms.CharField(max_length=255)
    channel_type = forms.ChoiceField(choices=ChannelType.choices, label="Type")
    config = JSONText(
        required=True,
        label="Configuration",
        help_text="E-mail: from, to, subject, body. Webhook: url, headers, bodyTemplate. In-app: title, body."
        " Liquid can read customer, offer, recommendation and event.",
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
    )


class ChannelResource(Resource[Channel]):
    """Channels."""

    slug = "channel"
    slugs = "channels"
    noun = "channel"
    title = "Channels"
    form_class = ChannelForm
    filters = ChannelFilters
    sorts = {
        "name": ("name", "id"),
        "-name": ("-name", "-id"),
        "-updated": ("-updated_at", "id"),
        "updated": ("updated_at", "id"),
    }
    deleting = "What was sent through it stays. Triggers and journeys that name it will fail, and say so."

    def rows(self) -> QuerySet[Channel]:
        return Channel.objects.all()

    def find(self, row_id: str) -> Channel:
        return CHANNELS.find(row_id)

    def create(self, body: Mapping[str, Any]) -> Channel:
        return CHANNELS.create(values=validated(ChannelBody, body), now=clock.now())

    def update(self, row_id: str, body: Mapping[str, Any]) -> Channel:
        return CHANNELS.update(row_id=row_id, values=validated(ChannelBody, body, partial=True), now=clock.now())

    def delete(self, row_id: str) -> None:
        CHANNELS.delete(row_id=row_id, now=clock.now())

    def next_statuses(self, row: Channel) -> Sequence[str]:
        return [ChannelStatus.PAUSED if row.status == ChannelStatus.ACTIVE else ChannelStatus.ACTIVE]

    def initial(self, row: Channel | None, request: HttpRequest) -> Mapping[str, Any]:
        if row is not None:
            return {"name": row.name, "channel_type": row.channel_type, "config": row.config}
        wish = request.GET.get("type", "")
        channel_type = wish if wish in ChannelType.values else ChannelType.EMAIL.value
        return {"channel_type": channel_type, "config": EXAMPLES[channel_type]}

    def form_context(self, form: BodyForm, row: Channel | None) -> Mapping[str, Any]:
        return {"types": ChannelType.choices}


CHANNEL_PAGES = ChannelResource()
