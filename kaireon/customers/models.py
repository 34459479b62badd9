"""Schemas and records."""

from django.db import models
from django.db.models import Q

from kaireon.customers.numbers import SettledDecoder


class Schema(models.Model):
    """What a record of this kind may hold. `customer.…` in conditions and templates reads the default schema."""

    id = models.CharField(primary_key=True, max_length=128)
    name = models.CharField(max_length=255)
    display_name = models.CharField(max_length=255, blank=True, default="")
    is_default = models.BooleanField(default=False)
    fields = models.JSONField(default=list, blank=True, help_text='A list of {"name", "dataType"}.')
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="schema_one_default"),
            models.CheckConstraint(condition=~Q(name=""), name="schema_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.name


class Record(models.Model):
    """What is known of one customer in one schema. `attributes` never holds a null: what is absent reads as null."""

    id = models.BigAutoField(primary_key=True)
    schema = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="records", db_index=False)
    customer_id = models.CharField(max_length=255)
    attributes = models.JSONField(default=dict, decoder=SettledDecoder)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        # Also the index by which records are found, locked in order and listed.
        constraints = [models.UniqueConstraint(fields=["schema", "customer_id"], name="record_once_per_schema")]

    def __str__(self) -> str:
        return self.customer_id
