"""Outbound messages and the attempts to send them."""

from typing import Any

from django.db import models
from django.db.models import Q

from kaireon.core.json_values import decode
from kaireon.core.templating import SecretMarkers


class Status(models.TextChoices):
    """Where a delivery stands. One that is being sent is pending, with a lease."""

    PENDING = "pending", "Waiting for its next attempt"
    HELD = "held", "Held while its trigger is paused"
    DELIVERED = "delivered", "Delivered"
    DEAD = "dead", "Given up"
    CANCELLED = "cancelled", "Cancelled"


class Kind(models.TextChoices):
    """How a delivery travels."""

    HTTP = "http", "HTTP request"
    EMAIL = "email", "E-mail"


class Delivery(models.Model):
    """One HTTP request, or one e-mail, that is to reach its receiver at least once.

    `url`, `headers` and `body` hold markers in the place of secrets; with `secret_nonce` they can be filled or masked.
    Of an e-mail `url` is `mailto:` with the recipient, `headers` are From, To and Subject, and `body` is its text.
    """

    id = models.CharField(primary_key=True, max_length=64)
    created_at = models.DateTimeField()
    source = models.CharField(max_length=32, help_text="What kind of thing sends it: trigger.")
    source_id = models.CharField(max_length=128, help_text="The id of the trigger.")
    firing_id = models.CharField(max_length=128, help_text="Sent as webhook-id: receivers deduplicate by it.")
    event_id = models.CharField(max_length=128)
    customer_id = models.CharField(max_length=255, null=True)  # noqa: DJ001  absent is not the same as empty
    # The database's default is for code that is older than the column and still runs while a new version is brought in.
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.HTTP, db_default=Kind.HTTP.value)
    url = models.TextField()
    host = models.CharField(max_length=255, help_text="Host and port: one slow receiver gets a share of the slots.")
    method = models.CharField(max_length=8)
    headers = models.JSONField(default=dict)
    body = models.TextField(help_text="JSON, as text so that keys stay in order.")
    secret_nonce = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    reason = models.TextField(blank=True, help_text="Why it is held, cancelled or given up.")
    attempts = models.PositiveIntegerField(default=0, help_text="Attempts begun.")
    retries = models.PositiveSmallIntegerField(default=0, help_text="Waits of the schedule that are used up.")
    is_redelivery = models.BooleanField(default=False, help_text="The next attempt was asked for by hand.")
    next_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True, help_text="Until then nobody else sends it.")
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.TextField(blank=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="delivery_status_known"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="delivery_kind_known"),
            models.CheckConstraint(
                condition=~Q(status="pending") | Q(next_attempt_at__isnull=False), name="delivery_pending_has_a_time"
            ),
        ]
        # Ids sort by time, so the lists' order needs no index of its own.
        indexes = [
            models.Index(fields=["host", "next_attempt_at", "id"], name="delivery_due", condition=Q(status="pending")),
            models.Index(fields=["source_id", "-id"], name="delivery_by_source"),
            models.Index(fields=["customer_id", "-id"], name="delivery_by_customer"),
            models.Index(fields=["host", "-id"], name="delivery_by_host"),
            models.Index(fields=["firing_id"], name="delivery_by_firing"),
            models.Index(fields=["event_id"], name="delivery_by_event"),
            models.Index(fields=["created_at"], name="delivery_by_created_at"),
            models.Index(fields=["status", "-id"], name="delivery_by_status", condition=~Q(status="delivered")),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def markers(self) -> SecretMarkers | None:
        """What fills and masks its secrets; None where it has none."""
        return SecretMarkers(self.secret_nonce) if self.secret_nonce else None

    @property
    def secret_names(self) -> frozenset[str]:
        """The secrets that have to be filled in."""
        return self.markers.names([self.url, self.headers, self.payload]) if self.markers else frozenset()

    @property
    def payload(self) -> Any:
        """The body as a JSON value, with markers."""
        return decode(self.body.encode())

    @property
    def trigger_id(self) -> str | None:
        """The trigger that sends it."""
        return self.source_id if self.source == "trigger" else None

    @property
    def masked_url(self) -> str:
        """The URL with `{{secret.name}}` in the place of secrets, as are the two below."""
        return str(self._masked(self.url))

    @property
    def masked_headers(self) -> dict[str, str]:
        return dict(self._masked(self.headers))

    @property
    def masked_body(self) -> Any:
        return self._masked(self.payload)

    def _masked(self, value: Any) -> Any:
        return self.markers.mask(value) if self.markers else value


class Attempt(models.Model):
    """One attempt, and what came of it. Never holds the value of a secret."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempt_log", db_index=False)
    number = models.PositiveIntegerField(help_text="From 1; one that is missing was cut off by a crash.")
    started_at = models.DateTimeField()
    duration_ms = models.FloatField()
    response_status = models.PositiveSmallIntegerField(null=True)
    response_excerpt = models.TextField(blank=True, help_text="The first 1 KiB of the answer.")
    error = models.TextField(blank=True)
    manual = models.BooleanField(default=False, help_text="Asked for by hand.")

    class Meta:
        default_permissions = ("view",)
        ordering = ("number",)
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_once")]

    def __str__(self) -> str:
        return f"{self.delivery_id} attempt {self.number}"
