"""Outbound messages, the attempts to send them, and the circuits of their receivers."""

from datetime import datetime
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
    def shown_reason(self) -> str:
        """`reason`, or what keeps a pending one waiting: an open circuit, where `circuits.with_circuits` looked."""
        failures = getattr(self, "circuit_failures", None)
        if self.status != Status.PENDING or failures is None:
            return self.reason
        return (
            f"The receiver {self.host} has failed {failures} times in a row; until it answers, nothing is sent to it"
            " but one probe at a time. No attempt is counted meanwhile."
        )

    @property
    def shown_next_attempt_at(self) -> datetime | None:
        """Not before then. Where the circuit is open: not before its next probe."""
        probe_at: datetime | None = getattr(self, "circuit_probe_at", None)
        if self.next_attempt_at is None or probe_at is None:
            return self.next_attempt_at
        return max(self.next_attempt_at, probe_at)

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


class CircuitState(models.TextChoices):
    """Whether a host is sent to."""

    CLOSED = "closed", "Sends"
    OPEN = "open", "Sends nothing"
    HALF_OPEN = "half_open", "Sends one probe"


class Circuit(models.Model):
    """What is known of a host that has failed lately; see `kaireon.delivery.circuits`. None: it never did."""

    host = models.CharField(primary_key=True, max_length=255, help_text="Host and port, as deliveries have it.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True, help_text="Empty while it is closed.")
    openings = models.PositiveIntegerField(default=0, help_text="How often in a row; each time it is open for longer.")
    closed_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True, help_text="From then on one delivery is sent to try.")
    probe_id = models.CharField(max_length=64, blank=True, help_text="The delivery that is on its way to try.")
    probe_until = models.DateTimeField(null=True, help_text="If nothing is heard of it until then, another one tries.")
    last_error = models.TextField(blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        verbose_name = "receiver"
        constraints = [
            models.CheckConstraint(
                condition=Q(opened_at__isnull=True) | Q(probe_at__isnull=False), name="circuit_open_has_a_probe"
            )
        ]

    def __str__(self) -> str:
        return self.host

    def state(self, *, now: datetime) -> CircuitState:
        """Where it stands at `now`."""
        if self.opened_at is None or self.probe_at is None:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if self.probe_at <= now else CircuitState.OPEN
