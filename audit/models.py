"""Entries and the seals over them, append-only, with no foreign keys into what they record: history outlives it."""

from typing import Any, NoReturn

from django.db import connection, models
from django.db.models import Q


class AppendOnly(Exception):
    """Somebody tried to change or remove an audit entry."""

    def __init__(self) -> None:
        super().__init__("audit entries are append-only: they can be added and read, never changed or removed.")


class EntryQuerySet(models.QuerySet["Entry"]):
    """Answers early and kindly what the database would refuse anyway."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly


class Entry(models.Model):
    """One fact. PostgreSQL refuses UPDATE, DELETE and TRUNCATE on this table (see the migrations).

    One thing can be done to an entry: its facts are erased where its customer was (see `audit.erasure`). `facts` is
    `{"erased": true}` then, and `facts_digest` is what is left of them.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(help_text="When it happened, in UTC.")
    action = models.CharField(max_length=64, help_text="A dotted name such as trigger.fired.")
    actor = models.CharField(max_length=300, help_text="user:…, key:… or system.")
    subject = models.CharField(max_length=300, blank=True, help_text="The id of what was changed or acted.")
    trigger_id = models.CharField(max_length=128, blank=True)
    customer_id = models.CharField(max_length=255, blank=True)
    event_type = models.CharField(max_length=100, blank=True)
    event_id = models.CharField(max_length=128, blank=True)
    action_taken = models.CharField(max_length=64, blank=True, help_text="The type of the action of a firing.")
    outcome = models.CharField(max_length=32, blank=True)
    facts = models.JSONField(default=dict, help_text="What changed, or what was done; never a secret's value.")
    request_id = models.CharField(max_length=64, blank=True)
    facts_digest = models.BinaryField(null=True, help_text="Where the facts were erased: what is left of them.")

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["trigger_id", "-id"], name="audit_by_trigger"),
            models.Index(fields=["customer_id", "-id"], name="audit_by_customer"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            # The history of one thing. Firings are left out: each is its own subject, and they are nearly all there is.
            models.Index(fields=["subject", "-id"], name="audit_by_subject", condition=~Q(action="trigger.fired")),
            # For an hour long ago: without it the list walks back through everything since. Times come in order, so
            # writers hardly notice (measured: within the noise).
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Adds a new entry. Raises AppendOnly for one that is stored already."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises AppendOnly."""
        raise AppendOnly


class Seal(models.Model):
    """A batch of entries, sealed: none of them can be changed, removed or added to unnoticed (see `audit.sealing`).

    Covers all entries behind the last one of the seal before, up to `last_id`. An id that is missing in between belongs
    to a transaction that was rolled back.
    """

    number = models.BigIntegerField(primary_key=True, help_text="From 1, without gaps.")
    first_id = models.BigIntegerField(help_text="The first entry that it covers.")
    last_id = models.BigIntegerField(unique=True, help_text="The last one. The next seal goes on behind it.")
    count = models.PositiveIntegerField(help_text="How many entries those are.")
    marks = models.BinaryField(help_text="An id and a keyed digest for each of them.")
    root = models.BinaryField(help_text="The digest of the marks.")
    previous = models.BinaryField(help_text="The digest of the seal before; zeros for the first one.")
    key_id = models.CharField(max_length=16, help_text="Which key it was made with.")
    sealed_at = models.DateTimeField()
    digest = models.BinaryField(help_text="Of all of this but the marks, made with the key.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.head

    @property
    def head(self) -> str:
        """What to note down elsewhere: `<number>:<digest>`."""
        return f"{self.number}:{bytes(self.digest).hex()}"


def action_names() -> list[str]:
    """The names of all actions that have entries, in order.

    Hops through the index from one name to the next, since DISTINCT would read millions of rows to find twenty names.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE names AS (
                (SELECT action FROM audit_entry ORDER BY action LIMIT 1)
                UNION ALL
                SELECT (SELECT action FROM audit_entry WHERE action > names.action ORDER BY action LIMIT 1)
                FROM names WHERE names.action IS NOT NULL
            )
            SELECT action FROM names WHERE action IS NOT NULL
            """
        )
        return [row[0] for row in cursor.fetchall()]
