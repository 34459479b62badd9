"""The one table of its own; in the mode that does the same work as the product it writes into the product's tables."""

from typing import ClassVar

from django.db import models


class SmallFiring(models.Model):
    """What the design needs of a firing, and no index but the primary key."""

    trigger_id = models.CharField(max_length=128)
    event_id = models.CharField(max_length=128)
    customer_id = models.CharField(max_length=255)
    fired_at = models.DateTimeField()

    objects: ClassVar[models.Manager["SmallFiring"]] = models.Manager()

    class Meta:
        db_table = "straightforward_firing"

    def __str__(self) -> str:
        return f"{self.trigger_id} for {self.event_id}"
