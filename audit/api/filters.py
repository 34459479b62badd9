"""What the audit log can be filtered by, the same for the list and the export."""

from django_filters.rest_framework import FilterSet

from kaireon.core.rest.filters import Since, TextFilter, Until


class EntryFilters(FilterSet):
    """Each one narrows the list further."""

    action = TextFilter(help_text="A dotted name such as trigger.fired.")
    triggerId = TextFilter(field_name="trigger_id")
    customerId = TextFilter(field_name="customer_id")
    eventType = TextFilter(field_name="event_type")
    actor = TextFilter(help_text="user:<name>, key:<id> (<name>), or system.")
    since = Since("at")
    until = Until("at")
