"""Queues webhooks for two receivers of this machine (to be run by `Product.run`)."""

from django.db import connection, transaction

from kaireon.delivery.outbox import NewDelivery, enqueue

TRIGGER = "trg_tell_the_receiver"


def queue(hanging_port: int, hanging: int, port: int, count: int) -> float:
    """`hanging` deliveries to the one port, then `count` to the other; workers see all of them at the same moment.

    By the product's own function, with the planner's statistics as a table has them that is in use; returns how many.
    """
    with transaction.atomic():
        ids = enqueue([_delivery(hanging_port, number) for number in range(hanging)])
        ids += enqueue([_delivery(port, number) for number in range(count)])
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE delivery_delivery")
    return len(ids)


def _delivery(port: int, number: int) -> NewDelivery:
    return NewDelivery(
        source="trigger",
        source_id=TRIGGER,
        firing_id=f"fir_{port}_{number}",
        event_id=f"evt_{port}_{number}",
        customer_id=f"cust_{number:08}",
        url=f"http://127.0.0.1:{port}/hook",
        method="POST",
        headers={"X-Shop": "north"},
        body={"customerId": f"cust_{number:08}", "amount": 750, "currency": "EUR", "note": "in a shop"},
    )
