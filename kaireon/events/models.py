"""The event log."""

from django.db import models
from django.db.models import F, Q

LANE_COUNT = 16


class EventStatus(models.TextChoices):
    """Where an event stands."""

    PENDING = "pending", "Waiting to be processed"
    PROCESSED = "processed", "Processed"
    FAILED = "failed", "Set aside after repeated errors"


class Event(models.Model):
    """One thing that happened. Committed before anyone is told "accepted"; worked off lane by lane, in order.

    `event_id` is the caller's id or a generated one, and dedupes. `decisions` is the ledger: what each trigger that
    listens to the type decided, and why.
    """

    sequence = models.BigAutoField(primary_key=True)
    event_id = models.CharField(max_length=128, unique=True)
    event_type = models.CharField(max_length=100)
    customer_id = models.CharField(max_length=255, null=True)  # noqa: DJ001  absent is not the same as empty
    occurred_at = models.DateTimeField(help_text="The event's own timestamp.")
    received_at = models.DateTimeField()
    properties = models.JSONField(default=dict)
    source = models.CharField(max_length=32, help_text="Which door it came in by: api, customers, …")
    cause = models.CharField(max_length=128, blank=True, help_text="The firing that caused it, if one did.")
    depth = models.PositiveSmallIntegerField(default=0, help_text="How many firings lie behind it.")
    lane = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=16, choices=EventStatus.choices, default=EventStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="", db_default="")
    decisions = models.JSONField(default=list, db_default=[])
    processed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.CheckConstraint(condition=Q(status__in=EventStatus.values), name="event_status_known")]
        indexes = [
            # Whoever looks for waiting events orders by `sequence + 0`, as this index does. Of the plain number the
            # planner thinks that the primary key would do as well, and walks along all events that there ever were.
            models.Index("lane", F("sequence") + 0, name="event_waiting", condition=Q(status="pending")),
            models.Index(fields=["sequence"], name="event_failed", condition=Q(status="failed")),
            models.Index(fields=["customer_id", "-sequence"], name="event_by_customer"),
            models.Index(fields=["event_type", "-sequence"], name="event_by_type"),
            models.Index(fields=["source", "-sequence"], name="event_by_source"),
            models.Index(fields=["received_at"], name="event_by_received_at"),
            models.Index(fields=["cause"], name="event_by_cause", condition=~Q(cause="")),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"


class StreamProgress(models.Model):
    """How far a group has come in a stream. The counts are written with the rows that they count."""

    source = models.CharField(max_length=32, help_text="The kind of stream: kafka, redis-stream.")
    stream = models.CharField(max_length=512, help_text="The topic's or the stream's name.")
    group = models.CharField(max_length=255)
    last_position = models.CharField(max_length=600, blank=True, help_text="The message that was stored last.")
    lag = models.PositiveBigIntegerField(null=True, help_text="Messages that the group has not acknowledged yet.")
    rate_per_second = models.FloatField(default=0, help_text="Events stored a second, in the last ten seconds.")
    events_stored = models.PositiveBigIntegerField(default=0)
    duplicates = models.PositiveBigIntegerField(default=0)
    dead_letters = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField(help_text="The last sign of life of a consumer; one comes each ten seconds.")

    class Meta:
        default_permissions = ("view",)
        verbose_name_plural = "stream progress"
        constraints = [
            models.UniqueConstraint(fields=["source", "stream", "group"], name="stream_progress_once_per_group")
        ]

    def __str__(self) -> str:
        return f"{self.stream} for {self.group}"


class StreamDeadLetter(models.Model):
    """A message of a stream that could not become an event, and why. The stream went on without it."""

    source = models.CharField(max_length=32, help_text="The kind of stream: kafka, redis-stream.")
    position = models.CharField(max_length=600, help_text="topic:partition:offset, or stream:entry id.")
    reason = models.TextField()
    payload = models.TextField(blank=True, help_text="The message as text, at most its first 64 KiB.")
    received_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["source", "position"], name="dead_letter_once_per_position")]
        indexes = [models.Index(fields=["-received_at", "-id"], name="dead_letter_by_received_at")]

    def __str__(self) -> str:
        return f"{self.source} {self.position}"
