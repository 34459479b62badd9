"""How offers are chosen for a customer, and what was chosen."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

MAX_LIMIT = 50


class FlowStatus(models.TextChoices):
    """Only an active flow recommends anything."""

    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    ARCHIVED = "archived", "Archived"


class DecisionFlow(models.Model):
    """Candidates, eligibility, score, rank, limit: in this order."""

    id = models.CharField(primary_key=True, max_length=128)
    name = models.CharField(max_length=255)
    status = models.CharField(max_length=16, choices=FlowStatus.choices, default=FlowStatus.ACTIVE)
    candidates = models.JSONField(default=dict, blank=True, help_text='{"category"?, "tags"?}; {}: all offers.')
    eligibility = models.JSONField(default=dict, blank=True, help_text="A condition over customer.…")
    score = models.JSONField(default=dict, blank=True, help_text='{"priorityWeight", "valueWeight", "formula"?}')
    limit = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(MAX_LIMIT)], help_text="Offers at most."
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="flow_name_not_empty"),
            models.CheckConstraint(condition=Q(status__in=FlowStatus.values), name="flow_status_known"),
            models.CheckConstraint(condition=Q(limit__gte=1, limit__lte=MAX_LIMIT), name="flow_limit_1_to_50"),
        ]

    def __str__(self) -> str:
        return self.name


class Recommendation(models.Model):
    """What a flow chose for a customer, and why it chose nothing else. Stays when the flow or an offer is deleted."""

    id = models.CharField(primary_key=True, max_length=64)
    customer_id = models.CharField(max_length=255)
    flow_id = models.CharField(max_length=128)
    decisions = models.JSONField(default=list, help_text='A list of {"rank", "offerId", "offerName", "score"}.')
    filtered = models.JSONField(default=list, help_text='A list of {"offerId", "reason"}.')
    context = models.JSONField(default=dict)
    cause = models.CharField(max_length=128, blank=True, help_text="The firing or enrolment; empty: a call of the API.")
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        # Ids sort by time, so the lists' order needs no index of its own.
        indexes = [
            models.Index(fields=["customer_id", "-id"], name="recommendation_by_customer"),
            models.Index(fields=["flow_id", "-id"], name="recommendation_by_flow"),
            models.Index(fields=["cause"], name="recommendation_by_cause", condition=~Q(cause="")),
        ]

    def __str__(self) -> str:
        return self.id
