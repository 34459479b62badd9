"""Schemas, records, segments and who is in them."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Collate

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
        # Ids in the order of their characters, whatever the database's own order is: only so are beginnings found.
        indexes = [models.Index("schema", Collate("customer_id", "C"), name="record_by_beginning")]

    def __str__(self) -> str:
        return self.customer_id


class Segment(models.Model):
    """The customers of a schema whose record meets `criteria`.

    While `is_evaluating`, a worker goes through the schema's records in the order of their customer ids: those up to
    `cursor` are done. It begins when `writers_have_passed`: nobody is left who judges records by older criteria.
    `progressed_at` is the moment of the latest step; where none comes for a while, the work is taken up again there.
    Each change of the criteria begins anew.
    """

    id = models.CharField(primary_key=True, max_length=128)
    name = models.CharField(max_length=255)
    schema = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="segments")
    criteria = models.JSONField(default=dict, blank=True, decoder=SettledDecoder)
    version = models.PositiveIntegerField(default=1)
    is_evaluating = models.BooleanField(default=True)
    writers_have_passed = models.BooleanField(default=False)
    cursor = models.CharField(max_length=255, blank=True, default="", help_text="The last customer that is done.")
    done = models.PositiveBigIntegerField(default=0, help_text="How many records are done.")
    total = models.PositiveBigIntegerField(default=0, help_text="How many there were at the beginning.")
    progressed_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="segment_name_not_empty")]
        indexes = [
            models.Index(fields=["progressed_at"], name="segment_evaluating", condition=Q(is_evaluating=True)),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A customer is in a segment. Written together with the record that is the reason for it."""

    id = models.BigAutoField(primary_key=True)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    customer_id = models.CharField(max_length=255)
    entered_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        # Also the index by which members are counted and listed.
        constraints = [models.UniqueConstraint(fields=["segment", "customer_id"], name="membership_once")]
        indexes = [models.Index(fields=["customer_id", "segment"], name="membership_by_customer")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"
