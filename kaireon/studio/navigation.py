"""The sidebar: where Studio's pages are, and who is shown the way to them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.urls import NoReverseMatch, reverse

from kaireon.accounts.models import User


@dataclass(frozen=True, slots=True)
class Item:
    """One entry. `route` is a URL's name; `permission` one of Django's, for pages of the admin."""

    title: str
    icon: str
    route: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as the page shows it."""

    title: str
    icon: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its entries."""

    title: str
    links: list[Link]


SECTIONS: tuple[tuple[str, tuple[Item, ...]], ...] = (
    (
        "Studio",
        (
            Item("Triggers", "zap", "studio-triggers"),
            Item("Journeys", "route", "studio-journeys"),
            Item("Decision flows", "split", "studio-decision-flows"),
            Item("Offers", "tag", "studio-offers"),
            Item("Channels", "megaphone", "studio-channels"),
        ),
    ),
    (
        "Data",
        (
            Item("Customers", "user-round", "studio-customers"),
            Item("Segments", "users-round", "studio-segments"),
            Item("Events", "activity", "studio-events"),
            Item("Deliveries", "send", "studio-deliveries"),
        ),
    ),
    (
        "Admin",
        (
            Item("Audit", "scroll-text", "admin:audit_entry_changelist", "audit.view_entry"),
            Item("Keys", "key-round", "admin:accounts_apikey_changelist", "accounts.view_apikey"),
            Item("Secrets", "lock", "admin:secrets_secret_changelist", "secrets.view_secret"),
        ),
    ),
)


def navigation(user: User | AnonymousUser, *, current: str) -> list[Section]:
    """What `user` may see; `current` is the title of the entry that the page belongs to."""
    sections = (Section(title, list(_links(items, user, current))) for title, items in SECTIONS)
    return [section for section in sections if section.links]


def _links(items: Iterable[Item], user: User | AnonymousUser, current: str) -> Iterable[Link]:
    for item in items:
        if item.permission and not (user.is_staff and user.has_perm(item.permission)):
            continue
        try:
            url = reverse(item.route)
        except NoReverseMatch:
            continue
        yield Link(item.title, item.icon, url, item.title == current)
