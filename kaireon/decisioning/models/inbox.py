"""The in-app inbox."""

from django.db import models
from django.db.models import Q


class InboxMessage(models.Model):
    """A message that waits in the customer's inbox, until the user's own site shows it and marks it as read."""

    id = models.CharField(primary_key=True, max_length=64)
    customer_id = models.CharField(max_length=255)
    title = models.TextField()
    body = models.TextField()
    offer_id = models.CharField(max_length=128, null=True)  # noqa: DJ001  absent is not the same as empty
    recommendation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001
    channel_id = models.CharField(max_length=128)
    cause = models.CharField(max_length=128, blank=True, help_text="The firing or enrolment that put it there.")
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        # Ids sort by time, so the lists' order needs no index of its own.
        indexes = [
            models.Index(fields=["customer_id", "-id"], name="inbox_by_customer"),
            models.Index(fields=["customer_id", "-id"], name="inbox_unread", condition=Q(read_at__isnull=True)),
            models.Index(fields=["cause"], name="inbox_by_cause", condition=~Q(cause="")),
        ]

    def __str__(self) -> str:
        return self.id
