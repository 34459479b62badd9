"""What customers did with what they were offered."""

from django.db import models
from django.db.models import Q

from kaireon.decisioning.models.offers import MoneyField


class Classification(models.TextChoices):
    """Whether an outcome speaks for the offer, against it, or neither."""

    POSITIVE = "positive", "Positive"
    NEGATIVE = "negative", "Negative"
    NEUTRAL = "neutral", "Neutral"


class OutcomeType(models.Model):
    """An outcome type of the installation's own. Those of the product stand in `kaireon.decisioning.outcome_types`."""

    key = models.CharField(primary_key=True, max_length=64)
    label = models.CharField(max_length=255)
    classification = models.CharField(max_length=16, choices=Classification.choices)
    counts_as_impression = models.BooleanField(default=False)
    counts_as_conversion = models.BooleanField(default=False)
    aliases = models.JSONField(default=list, blank=True, help_text="Other keys by which it may be sent.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(classification__in=Classification.values), name="outcome_type_classification_known"
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Interaction(models.Model):
    """One recorded outcome. The idempotency key is unique: one call, one interaction, one event, however often sent.

    Holds ids, not foreign keys: it stays as it was when an offer or a channel is deleted.
    """

    id = models.CharField(primary_key=True, max_length=64)
    idempotency_key = models.CharField(max_length=255, unique=True)
    fingerprint = models.CharField(max_length=64, help_text="Of the call's body: tells a repetition from a mix-up.")
    customer_id = models.CharField(max_length=255)
    outcome = models.CharField(max_length=64, help_text="The key of the outcome's type, aliases resolved.")
    classification = models.CharField(max_length=16, choices=Classification.choices)
    offer_id = models.CharField(max_length=128, null=True)  # noqa: DJ001  absent is not the same as empty
    channel_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    recommendation_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    rank = models.PositiveSmallIntegerField(null=True)
    conversion_value = MoneyField(null=True)
    metadata = models.JSONField(default=dict)
    context = models.JSONField(default=dict)
    occurred_at = models.DateTimeField(help_text="When it happened, as the caller says.")
    recorded_at = models.DateTimeField()
    event_id = models.CharField(max_length=128, help_text="The event outcome.recorded.")

    class Meta:
        default_permissions = ("view",)
        # Ids sort by time, so the lists' order needs no index of its own.
        indexes = [
            models.Index(fields=["customer_id", "-id"], name="interaction_by_customer"),
            models.Index(fields=["offer_id", "-id"], name="interaction_by_offer"),
            models.Index(fields=["recommendation_id"], name="interaction_by_recommendation"),
        ]

    def __str__(self) -> str:
        return self.id
