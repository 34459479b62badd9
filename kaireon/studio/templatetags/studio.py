"""Studio's components, as template tags."""

import json
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from kaireon.core import clock
from kaireon.core.clock import iso
from kaireon.studio import wording

register = template.Library()

TONES = {
    # Statuses of triggers, journeys, offers, flows, channels.
    "active": "good",
    "paused": "warning",
    "disabled": "muted",
    "draft": "muted",
    "archived": "muted",
    # Events.
    "processed": "good",
    "pending": "info",
    "failed": "bad",
    # Decisions.
    "fired": "good",
    "condition_false": "muted",
    "cooldown": "warning",
    "missing_customer": "warning",
    "loop_stopped": "bad",
    "action_failed": "bad",
    "not_matched": "muted",
    # Outcomes of firings.
    "succeeded": "good",
    "queued": "info",
    "skipped": "muted",
    # Deliveries.
    "delivered": "good",
    "held": "warning",
    "dead": "bad",
    "cancelled": "muted",
    # Enrolments.
    "completed": "good",
    "exited": "muted",
}
"""Which tone a word has wherever it stands. Never the only sign of it: the word is always there."""

WORDS = {
    "condition_false": "Condition not met",
    "cooldown": "In cooldown",
    "missing_customer": "No customer",
    "loop_stopped": "Loop stopped",
    "action_failed": "Action failed",
    "not_matched": "Not matched",
    "succeeded": "Done",
    "queued": "Handed to delivery",
    "skipped": "Nothing to do",
    "dead": "Given up",
}


@register.filter
def word(value: str) -> str:
    """A status, decision or outcome as people say it."""
    return WORDS.get(value) or value.replace("_", " ").capitalize()


@register.simple_tag
def pill(value: str, label: str = "") -> SafeString:
    """A status, decision or outcome with its tone."""
    return format_html('<span class="pill pill--{}">{}</span>', TONES.get(value, "muted"), label or word(value))


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, size: int = 18, css_class: str = "") -> SafeString:
    """An icon beside a word that says the same: hidden from screen readers. Kept, since a list shows some hundreds."""
    return mark_safe(lucide(name, size=size, aria_hidden="true", **{"class": f"icon {css_class}".strip()}))  # noqa: S308  lucide escapes


@register.simple_tag
def when(at: datetime | None, empty: str = "never") -> SafeString:
    """A moment: how long ago, with the exact time on hover and for machines."""
    if at is None:
        return format_html('<span class="subtle">{}</span>', empty)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        iso(at),
        f"{at:%Y-%m-%d %H:%M:%S} UTC",
        wording.ago(at, now=clock.now()),
    )


@register.simple_tag
def moment(at: datetime | None, empty: str = "") -> SafeString:
    """A moment in full, in UTC, for where people compare."""
    if at is None:
        return format_html('<span class="subtle">{}</span>', empty)
    return format_html('<time datetime="{}">{}</time>', iso(at), f"{at:%Y-%m-%d %H:%M:%S}")


@register.filter
def duration(ms: int) -> str:
    """Milliseconds in words."""
    return wording.duration(ms)


@register.filter
def short_duration(ms: float) -> str:
    """Milliseconds, about."""
    return wording.short_duration(ms)


@register.filter
def count(number: int) -> str:
    """A number with its thousands parted."""
    return wording.count(number)


@register.filter
def compact(number: float) -> str:
    """A number for where there is little room."""
    return wording.compact(number)


@register.filter
def json_text(value: Any) -> str:
    """A value as indented JSON, to be read."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def json_inline(value: Any) -> str:
    """A value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """`mapping[key]`, or None."""
    return mapping.get(key)


@register.simple_tag(takes_context=True)
def sort_url(context: Context, column: str) -> str:
    """Where the heading of a column leads."""
    return str(context["page"].sort_url(column))


@register.simple_tag
def sort_state(sort: str, column: str) -> str:
    """What `aria-sort` says of a column."""
    if sort == column:
        return "ascending"
    return "descending" if sort == f"-{column}" else "none"


@register.simple_tag
def customer_link(customer_id: str | None) -> SafeString:
    """The way to what is known of a customer."""
    if customer_id is None:
        return format_html('<span class="subtle">{}</span>', "no customer")
    return format_html('<a class="mono" href="{}">{}</a>', reverse("studio-customer", args=[customer_id]), customer_id)


@register.simple_tag
def resource_url(resource: Any, row: Any, page: str = "") -> str:
    """The address of one of a kind, or of one of its pages: edit, status, delete."""
    return reverse("-".join(filter(None, ("studio", resource.slug, page))), args=[row.pk])


@register.simple_tag(takes_context=True)
def audit_url(context: Context, about: str) -> str:
    """The audit log, narrowed to what it says of this id; "" for who may not read it."""
    user = context["request"].user
    if not (getattr(user, "is_staff", False) and user.has_perm("audit.view_entry")):
        return ""
    return f"{reverse('admin:audit_entry_changelist')}?{urlencode({'q': about})}"
