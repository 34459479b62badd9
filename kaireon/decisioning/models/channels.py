"""The ways by which customers are told."""

from django.db import models
from django.db.models import Q


class ChannelStatus(models.TextChoices):
    """Nothing is sent through a paused channel."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"


class ChannelType(models.TextChoices):
    """What carries the messages."""

    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"
    IN_APP = "in_app", "In-app inbox"


class Channel(models.Model):
    """A way by which customers are told, with the templates of what they are told. `config` is as its type has it."""

    id = models.CharField(primary_key=True, max_length=128)
    name = models.CharField(max_length=255)
    status = models.CharField(max_length=16, choices=ChannelStatus.choices, default=ChannelStatus.ACTIVE)
    channel_type = models.CharField(max_length=16, choices=ChannelType.choices)
    config = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="channel_name_not_empty"),
            models.CheckConstraint(condition=Q(status__in=ChannelStatus.values), name="channel_status_known"),
            models.CheckConstraint(condition=Q(channel_type__in=ChannelType.values), name="channel_type_known"),
        ]

    def __str__(self) -> str:
        return self.name
