"""Moments in filters: typed into the browser's own field for dates and times, and meant in UTC."""

import django_filters
from django import forms


class MomentFilter(django_filters.IsoDateTimeFilter):
    """`2026-11-24T08:30`, as the field sends it, or any ISO 8601 date-time."""

    def __init__(self, *, method: str, label: str) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(method=method, label=label, widget=widget)
