"""The pages of channels: list, one, form, switching, deleting."""

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.core.rest import validated
from kaireon.decisioning.api.channels import ChannelBody
from kaireon.decisioning.channels import CHANNELS
from kaireon.decisioning.models import Channel, ChannelStatus, ChannelType
from kaireon.studio.forms import BodyForm, FormPage, JSONText
from kaireon.studio.lists import NumberedList, SearchFilter
from kaireon.studio.pages import ConfirmPage, Crumb, Question, StudioPage

SECTION = "Channels"

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

    search = SearchFilter(method="search_name", label="Search channels")
    status = django_filters.ChoiceFilter(choices=ChannelStatus.choices, empty_label="Any status")
    channel_type = django_filters.ChoiceFilter(choices=ChannelType.choices, empty_label="Any type", label="Type")

    class Meta:
        model = Channel
        fields: tuple[str, ...] = ()

    def search_name(self, rows: QuerySet[Channel], name: str, value: Any) -> QuerySet[Channel]:
        return rows.filter(name__icontains=value) | rows.filter(pk__icontains=value)


class ChannelList(NumberedList[Channel]):
    """All channels."""

    title = "Channels"
    section = SECTION
    template_name = "studio/channels/list.html"
    filters = ChannelFilters
    sorts = {
        "name": ("name", "id"),
        "-name": ("-name", "-id"),
        "-updated": ("-updated_at", "id"),
        "updated": ("updated_at", "id"),
    }

    def rows(self) -> QuerySet[Channel]:
        return Channel.objects.all()


class ChannelPage(StudioPage):
    """One channel."""

    section = SECTION
    template_name = "studio/channels/one.html"

    def get(self, request: HttpRequest, channel_id: str) -> HttpResponse:
        self.channel = CHANNELS.find(channel_id)
        return self.render({"channel": self.channel})

    def page_title(self) -> str:
        return self.channel.name

    def crumbs(self) -> list[Crumb]:
        return [Crumb("Channels", reverse("studio-channels"))]


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
    paths: ClassVar[Mapping[str, str]] = {"channelType": "channel_type", "config": "config"}

    def body(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {"name": data["name"], "channelType": data["channel_type"], "config": data["config"]}


class NewChannel(FormPage):
    """A new channel."""

    title = "New channel"
    section = SECTION
    template_name = "studio/channels/form.html"
    form_class = ChannelForm
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.WRITE}

    def crumbs(self) -> list[Crumb]:
        return [Crumb("Channels", reverse("studio-channels"))]

    def initial(self) -> Mapping[str, Any]:
        wish = self.request.GET.get("type", "")
        channel_type = wish if wish in ChannelType.values else ChannelType.EMAIL.value
        return {"channel_type": channel_type, "config": EXAMPLES[channel_type]}

    def more(self, form: BodyForm) -> Mapping[str, Any]:
        return {"types": ChannelType.choices, "cancel_url": reverse("studio-channels")}

    def save(self, form: BodyForm) -> HttpResponse:
        channel = CHANNELS.create(values=validated(ChannelBody, form.body()), now=clock.now())
        return self.done(f"{channel.name} was created.", reverse("studio-channel", args=[channel.pk]))


class EditChannel(FormPage):
    """Changing a channel. Its type stays."""

    section = SECTION
    template_name = "studio/channels/form.html"
    form_class = ChannelForm
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.WRITE}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.channel_id = kwargs["channel_id"]

    def page_title(self) -> str:
        return "Edit"

    def crumbs(self) -> list[Crumb]:
        channel = CHANNELS.find(self.channel_id)
        return [
            Crumb("Channels", reverse("studio-channels")),
            Crumb(channel.name, reverse("studio-channel", args=[channel.pk])),
        ]

    def initial(self) -> Mapping[str, Any]:
        channel = CHANNELS.find(self.channel_id)
        return {"name": channel.name, "channel_type": channel.channel_type, "config": channel.config}

    def more(self, form: BodyForm) -> Mapping[str, Any]:
        return {"cancel_url": reverse("studio-channel", args=[self.channel_id])}

    def save(self, form: BodyForm) -> HttpResponse:
        values = validated(ChannelBody, form.body(), partial=True)
        channel = CHANNELS.update(row_id=self.channel_id, values=values, now=clock.now())
        return self.done(f"{channel.name} was saved.", reverse("studio-channel", args=[channel.pk]))


class ChannelStatusSwitch(StudioPage):
    """Pauses and resumes."""

    def post(self, request: HttpRequest, channel_id: str) -> HttpResponse:
        values = validated(ChannelBody, {"status": request.POST.get("status", "")}, partial=True)
        channel = CHANNELS.update(row_id=channel_id, values=values, now=clock.now())
        return self.done(f"{channel.name} is {channel.status}.", reverse("studio-channel", args=[channel_id]))


class DeleteChannel(ConfirmPage):
    """Asks, and deletes."""

    section = SECTION
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.DELETE, "POST": Ability.DELETE}

    def question(self) -> Question:
        channel = CHANNELS.find(self.kwargs["channel_id"])
        return Question(
            title=f"Delete {channel.name}?",
            text="What was sent through it stays. Triggers, flows and journeys that name it will fail, and say so.",
            button="Delete channel",
            back_url=reverse("studio-channel", args=[channel.pk]),
            is_destructive=True,
        )

    def act(self) -> HttpResponse:
        CHANNELS.delete(row_id=self.kwargs["channel_id"], now=clock.now())
        return self.done("The channel was deleted.", reverse("studio-channels"))
