"""Triggers and their firings."""

import uuid

from django.core.validators import MaxValueValidator, MinLengthValidator
from django.db import models
from django.db.models import Q


class Status(models.TextChoices):
    """Only an active trigger matches events."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    DISABLED = "disabled", "Disabled"


class Trigger(models.Model):
    """When an event of `event_type` meets `condition`, at most once per customer in `cooldown_ms`: take the action."""

    id = models.CharField(primary_key=True, max_length=128)
    name = models.CharField(max_length=255, validators=[MinLengthValidator(1)])
    description = models.TextField(blank=True, default="")
    event_type = models.CharField(max_length=100)
    condition = models.JSONField(default=dict, blank=True)
    action_type = models.CharField(max_length=64)
    action_config = models.JSONField(default=dict, blank=True)
    priority = models.PositiveSmallIntegerField(default=50, validators=[MaxValueValidator(100)])
    cooldown_ms = models.PositiveBigIntegerField(default=0)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(priority__lte=100), name="trigger_priority_0_to_100"),
            models.CheckConstraint(condition=~Q(name=""), name="trigger_name_not_empty"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="trigger_status_known"),
        ]
        indexes = [
            models.Index(fields=["-priority", "id"], name="trigger_by_priority"),
            models.Index(fields=["event_type", "-priority", "id"], name="trigger_by_event_type"),
        ]

    def __str__(self) -> str:
        return self.name


class Catalogue(models.Model):
    """One row: in which state all triggers together are. Each change to any trigger makes the next state, in the same
    transaction.

    Workers keep compiled triggers and compare the token once a batch: a random one, so that no restored backup can make
    an old one come back. `state` counts up; ledgers and tallies name it to say which triggers were asked (`Listener`).
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    token = models.UUIDField(default=uuid.uuid4)
    state = models.PositiveBigIntegerField(default=1, db_default=1)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="catalogue_has_one_row")]

    def __str__(self) -> str:
        return str(self.token)


class Listener(models.Model):
    """One version of a trigger while it was active, and from which state of the catalogue (`since`) until before which
    one (`until`; None: it still is).

    So an event needs to store no line for the triggers whose conditions did not hold: they are all listeners of its
    type in the state that decided, but for those with a line. What is in a row never changes, but that it ends.
    """

    trigger_id = models.CharField(max_length=128)
    version = models.PositiveIntegerField()
    event_type = models.CharField(max_length=100)
    priority = models.PositiveSmallIntegerField()
    condition = models.JSONField()
    since = models.PositiveBigIntegerField()
    until = models.PositiveBigIntegerField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["trigger_id"], name="listener_once_per_trigger", condition=Q(until__isnull=True)
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True, ended_at__isnull=True)
                | Q(until__gt=models.F("since"), ended_at__isnull=False),
                name="listener_ends_after_its_beginning",
            ),
        ]
        indexes = [
            models.Index(fields=["event_type", "since"], name="listener_by_event_type"),
            models.Index(fields=["trigger_id", "since"], name="listener_by_trigger"),
            models.Index(fields=["ended_at"], name="listener_by_end", condition=Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.trigger_id} version {self.version}"


class Asked(models.Model):
    """How many events of a type were put to its listeners within an hour, by the state of the catalogue.

    Less what `Tally` has of a trigger, this is how often its condition did not hold. Written like the tallies.
    """

    pk = models.CompositePrimaryKey("event_type", "hour", "state", "lane")
    event_type = models.CharField(max_length=100)
    hour = models.DateTimeField(help_text="Its beginning, in UTC.")
    state = models.PositiveBigIntegerField()
    lane = models.PositiveSmallIntegerField()
    events = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["hour"], name="asked_by_hour")]

    def __str__(self) -> str:
        return f"{self.event_type} at {self.hour:%Y-%m-%d %H:00} in lane {self.lane}"


class Outcome(models.TextChoices):
    """What came of a firing's action."""

    SUCCEEDED = "succeeded", "Done"
    QUEUED = "queued", "Handed to delivery"
    SKIPPED = "skipped", "Nothing to do"
    FAILED = "failed", "Failed"


class Firing(models.Model):
    """One trigger that fired for one event: (event, trigger) is unique. Stays when the trigger is deleted."""

    id = models.CharField(primary_key=True, max_length=64)
    trigger_id = models.CharField(max_length=128)
    trigger_version = models.PositiveIntegerField()
    event_id = models.CharField(max_length=128)
    event_type = models.CharField(max_length=100)
    customer_id = models.CharField(max_length=255, null=True)  # noqa: DJ001  absent is not the same as empty
    lane = models.PositiveSmallIntegerField()
    action_type = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    detail = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    fired_at = models.DateTimeField()
    duration_ms = models.FloatField(help_text="Its share of the time that the action took for its batch.")

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["event_id", "trigger_id"], name="firing_once_per_event"),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="firing_outcome_known"),
        ]
        indexes = [
            models.Index(fields=["trigger_id", "-fired_at", "-id"], name="firing_by_trigger"),
            models.Index(fields=["customer_id", "-fired_at"], name="firing_by_customer"),
            # The few that people look for among many; the others are found by walking.
            models.Index(
                fields=["trigger_id", "outcome", "-fired_at", "-id"],
                name="firing_by_rare_outcome",
                condition=Q(outcome__in=["skipped", "failed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trigger_id} for {self.event_id}"


class Tally(models.Model):
    """How often a trigger whose condition held came to each end within an hour, by the moment of its decision.

    Written by the engine in the transaction that decides, so it agrees with the ledgers. One row for each lane, whose
    lock the writer holds: workers never wait for each other here. Firings have rows of their own, since they are few
    among all decisions, and lists are ordered by them. What did not happen has no row.
    """

    pk = models.CompositePrimaryKey("trigger_id", "is_firing", "hour", "lane")
    trigger_id = models.CharField(max_length=128)
    is_firing = models.BooleanField(help_text="Whether the row counts firings, or decisions not to fire.")
    hour = models.DateTimeField(help_text="Its beginning, in UTC.")
    lane = models.PositiveSmallIntegerField()
    # Firings, by their outcome.
    succeeded = models.PositiveIntegerField(default=0)
    queued = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    # Decisions not to fire, although the condition held.
    cooldown = models.PositiveIntegerField(default=0)
    missing_customer = models.PositiveIntegerField(default=0)
    loop_stopped = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        # For retention, and for the triggers that fired most lately. Counting up changes neither column.
        indexes = [models.Index(fields=["is_firing", "hour"], name="tally_by_hour")]

    def __str__(self) -> str:
        return f"{self.trigger_id} at {self.hour:%Y-%m-%d %H:00} in lane {self.lane}"


TALLIED_FIRINGS = ("succeeded", "queued", "skipped", "failed")
TALLIED = (*TALLIED_FIRINGS, "cooldown", "missing_customer", "loop_stopped")
"""The columns of a tally that count."""
