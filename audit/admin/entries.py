"""The list of entries, one entry, and the downloads of either. Nothing here can be changed."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from audit.admin.filters import (
    ActionFilter,
    ActorFilter,
    CustomerFilter,
    DayRange,
    EventTypeFilter,
    OutcomeFilter,
    TriggerFilter,
)
from audit.admin.state import state_of_the_seals
from audit.export import FORMATS, stream
from audit.models import Entry, EntryQuerySet
from kaireon.core import clock
from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.core.clock import iso


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """Needs Django's permission `audit.view_entry`. Made for millions of rows: nothing is counted, sorted or joined."""

    list_display = (
        "shown_at",
        "action",
        "trigger_id",
        "customer_id",
        "event_type",
        "action_taken",
        "shown_outcome",
        "actor",
    )
    list_display_links = ("shown_at", "action")
    list_filter = (
        ("at", DayRange),
        ActionFilter,
        TriggerFilter,
        CustomerFilter,
        EventTypeFilter,
        OutcomeFilter,
        ActorFilter,
    )
    list_filter_submit = True
    list_per_page = 100
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-id",)
    search_fields = (
        "customer_id__exact",
        "trigger_id__exact",
        "event_id__exact",
        "subject__exact",
        "request_id__exact",
    )
    search_help_text = "Id of a customer, trigger, event, request …"
    actions = ("export_csv", "export_jsonl")
    list_before_template = "admin/audit/entry/state.html"

    def get_urls(self) -> list[URLPattern]:
        """The download of the whole list, before the patterns that take anything for an entry's id."""
        export = path(
            "export/<str:format_name>", self.admin_site.admin_view(self.export_all), name="audit_entry_export"
        )
        return [export, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, and above it how far it is sealed."""
        context = {**(extra_context or {}), "seals": state_of_the_seals()}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def export_all(self, request: HttpRequest, format_name: str) -> HttpResponse | StreamingHttpResponse:
        """All entries that the list's filters and search let through."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if format_name not in FORMATS:
            raise Http404
        try:
            entries: EntryQuerySet = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:audit_entry_changelist") + "?e=1")
        return stream(entries, format_name, now=clock.now())

    @action(description="Export selected entries as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: EntryQuerySet) -> StreamingHttpResponse:
        """The ticked entries, for a spreadsheet."""
        return stream(queryset, "csv", now=clock.now())

    @action(description="Export selected entries as JSON Lines", permissions=["view"])
    def export_jsonl(self, request: HttpRequest, queryset: EntryQuerySet) -> StreamingHttpResponse:
        """The ticked entries, for a program."""
        return stream(queryset, "jsonl", now=clock.now())

    def get_fieldsets(self, request: HttpRequest, obj: Entry | None = None) -> list[tuple[str | None, dict[str, Any]]]:
        """What the entry says something about; a firing says more than a key's end."""
        about = [
            name
            for name, column in (
                ("linked_trigger", "trigger_id"),
                ("linked_customer", "customer_id"),
                ("linked_event_type", "event_type"),
                ("linked_event", "event_id"),
                ("action_taken", "action_taken"),
                ("shown_outcome", "outcome"),
            )
            if getattr(obj, column, "")
        ]
        return [
            (None, {"fields": ["exact_at", "action", "linked_actor", "linked_subject", "linked_request"]}),
            *([("About", {"fields": about})] if about else []),
            (None, {"fields": ["shown_facts"]}),
        ]

    @display(description="at (UTC)")
    def shown_at(self, entry: Entry) -> SafeString:
        """To the second, on one line."""
        return format_html('<span class="whitespace-nowrap">{}</span>', f"{entry.at:%Y-%m-%d %H:%M:%S}")

    @display(description="at (UTC)")
    def exact_at(self, entry: Entry) -> str:
        """To the microsecond."""
        return iso(entry.at)

    @display(
        description="outcome",
        label={"succeeded": "success", "queued": "info", "skipped": "warning", "failed": "danger"},
    )
    def shown_outcome(self, entry: Entry) -> str:
        """With a colour to find failures by."""
        return entry.outcome

    @display(description="trigger")
    def linked_trigger(self, entry: Entry) -> SafeString | str:
        return _others("trigger_id", entry.trigger_id)

    @display(description="customer")
    def linked_customer(self, entry: Entry) -> SafeString | str:
        return _others("customer_id", entry.customer_id)

    @display(description="event type")
    def linked_event_type(self, entry: Entry) -> SafeString | str:
        return _others("event_type", entry.event_type)

    @display(description="actor")
    def linked_actor(self, entry: Entry) -> SafeString | str:
        return _others("actor", entry.actor)

    @display(description="event")
    def linked_event(self, entry: Entry) -> SafeString | str:
        return _others("q", entry.event_id)

    @display(description="subject")
    def linked_subject(self, entry: Entry) -> SafeString | str:
        return _others("q", entry.subject)

    @display(description="request")
    def linked_request(self, entry: Entry) -> SafeString | str:
        return _others("q", entry.request_id)

    @display(description="facts")
    def shown_facts(self, entry: Entry) -> SafeString:
        """The JSON as it is, laid out to be read."""
        return pretty_json(_before_first(entry.facts))


def _before_first(facts: Any) -> Any:
    """The same facts, each change told in the order of time: PostgreSQL keeps keys in an order of its own."""
    if isinstance(facts, dict):
        keys = ("before", "after") if facts.keys() == {"before", "after"} else facts
        return {key: _before_first(facts[key]) for key in keys}
    return [_before_first(item) for item in facts] if isinstance(facts, list) else facts


def _others(parameter: str, value: str) -> SafeString | str:
    """`value` as a link to the list of all entries that have it."""
    if not value:
        return ""
    sought = f'"{value}"' if parameter == "q" and " " in value else value
    return format_html(
        '<a href="{}?{}" class="text-link" title="All entries with this">{}</a>',
        reverse("admin:audit_entry_changelist"),
        urlencode({parameter: sought}),
        value,
    )
