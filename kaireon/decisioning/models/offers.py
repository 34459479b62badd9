"""Offers and what is spent of their budgets."""

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q


class OfferStatus(models.TextChoices):
    """Only an active offer is recommended."""

    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    ARCHIVED = "archived", "Archived"


class MoneyField(models.DecimalField[Any, Any]):
    """An amount without a currency: up to 18 digits before the point and 6 behind it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 24, "decimal_places": 6, **options})


class Offer(models.Model):
    """Something that can be offered to a customer, while it is active, within its validity, and within its budget.

    `max_…` are the budget's limits (null: none), `spent_…` what outcomes have used of it so far. `exhausted_at` and
    `expired_at` are set in the transactions that publish `budget.exhausted` and `offer.expired`: each is told once.
    """

    id = models.CharField(primary_key=True, max_length=128)
    name = models.CharField(max_length=255)
    status = models.CharField(max_length=16, choices=OfferStatus.choices, default=OfferStatus.ACTIVE)
    category = models.CharField(max_length=100, blank=True, default="")
    tags = models.JSONField(default=list, blank=True, help_text="A list of texts.")
    priority = models.PositiveSmallIntegerField(default=50, validators=[MaxValueValidator(100)])
    business_value = MoneyField(default=Decimal(0))
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    eligibility = models.JSONField(default=dict, blank=True, help_text="A condition over customer.…")
    attributes = models.JSONField(default=dict, blank=True)
    max_impressions = models.PositiveBigIntegerField(null=True, blank=True)
    max_conversions = models.PositiveBigIntegerField(null=True, blank=True)
    max_spend = MoneyField(null=True, blank=True)
    cost_per_outcome = MoneyField(null=True, blank=True)
    spent_impressions = models.PositiveBigIntegerField(default=0)
    spent_conversions = models.PositiveBigIntegerField(default=0)
    spent_amount = MoneyField(default=Decimal(0))
    exhausted_at = models.DateTimeField(null=True, blank=True)
    expired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=Q(priority__lte=100), name="offer_priority_0_to_100"),
            models.CheckConstraint(condition=~Q(name=""), name="offer_name_not_empty"),
            models.CheckConstraint(condition=Q(status__in=OfferStatus.values), name="offer_status_known"),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(starts_at__lt=F("ends_at")),
                name="offer_starts_before_it_ends",
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at", "id"],
                name="offer_to_expire",
                condition=Q(ends_at__isnull=False, expired_at__isnull=True, status__in=("active", "paused")),
            ),
            models.Index(
                fields=["id"], name="offer_available", condition=Q(status="active", exhausted_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name
