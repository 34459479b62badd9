"""Journeys and the customers in them."""

import uuid

from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Q


class JourneyStatus(models.TextChoices):
    """Only an active journey takes customers in and moves them on."""

    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    ARCHIVED = "archived", "Archived"


class Journey(models.Model):
    """A graph of nodes. `definition` is `{"nodes": [{id, type, config}], "edges": [{from, to, when?}]}`, or `{}`."""

    id = models.CharField(primary_key=True, max_length=128)
    name = models.CharField(max_length=255, validators=[MinLengthValidator(1)])
    description = models.TextField(blank=True, default="")
    status = models.CharField(max_length=16, choices=JourneyStatus.choices, default=JourneyStatus.DRAFT)
    max_duration_days = models.PositiveSmallIntegerField(default=30)
    definition = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="journey_name_not_empty"),
            models.CheckConstraint(condition=Q(status__in=JourneyStatus.values), name="journey_status_known"),
            models.CheckConstraint(
                condition=Q(max_duration_days__gte=1, max_duration_days__lte=365), name="journey_lasts_1_to_365_days"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Catalogue(models.Model):
    """One row whose `token` is replaced with each change to any journey, in the same transaction.

    Workers keep compiled journeys and compare the token once a batch.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    token = models.UUIDField(default=uuid.uuid4)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="journeys_catalogue_has_one_row")]

    def __str__(self) -> str:
        return str(self.token)


class EnrolmentStatus(models.TextChoices):
    """`completed` came to an exit; `exited` ended otherwise, and `reason` says how."""

    ACTIVE = "active", "Under way"
    COMPLETED = "completed", "Came to an exit"
    EXITED = "exited", "Ended otherwise"


class Enrolment(models.Model):
    """One customer in one journey. Stays when the journey is deleted.

    While it is active it waits at `current_node` until `resume_at`, or for an event of the type `waiting_for`. It
    follows the journey as it is now; `journey_version` is the one that it began with. Of the enrolments with
    `is_single` (not those made with allow_multiple) one journey and customer can have one that is active.
    """

    id = models.CharField(primary_key=True, max_length=64)
    journey_id = models.CharField(max_length=128)
    journey_version = models.PositiveIntegerField()
    customer_id = models.CharField(max_length=255)
    status = models.CharField(max_length=16, choices=EnrolmentStatus.choices, default=EnrolmentStatus.ACTIVE)
    reason = models.TextField(blank=True)
    is_single = models.BooleanField(default=True)
    current_node = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    resume_at = models.DateTimeField(null=True, help_text="When the beat task takes it up, if no event does before.")
    waiting_for = models.CharField(max_length=100, blank=True, help_text="The event type that ends the wait at once.")
    resumed_by = models.CharField(max_length=128, blank=True, help_text="The event that has ended the wait.")
    completed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    steps = models.PositiveIntegerField(default=0)
    event = models.JSONField(default=dict, help_text="The last event that enrolled it or ended a wait of it.")
    recommendation = models.JSONField(null=True, help_text="The last one that a node of the journey asked for.")
    history = models.JSONField(default=list)
    cause = models.CharField(max_length=128, blank=True, help_text="The firing or the event that enrolled it.")
    depth = models.PositiveSmallIntegerField(default=0, help_text="How many firings and enrolments lie behind it.")

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=Q(status__in=EnrolmentStatus.values), name="enrolment_status_known"),
            models.UniqueConstraint(
                fields=["journey_id", "customer_id"],
                condition=Q(status="active", is_single=True),
                name="enrolment_one_active",
            ),
        ]
        indexes = [
            models.Index(fields=["journey_id", "resume_at"], name="enrolment_due", condition=Q(status="active")),
            models.Index(
                fields=["customer_id", "waiting_for"],
                name="enrolment_waiting",
                condition=Q(status="active") & ~Q(waiting_for=""),
            ),
            models.Index(fields=["journey_id", "-started_at", "-id"], name="enrolment_by_journey"),
            models.Index(fields=["customer_id", "journey_id", "-started_at"], name="enrolment_by_customer"),
            models.Index(fields=["cause"], name="enrolment_by_cause", condition=~Q(cause="")),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.journey_id}"
