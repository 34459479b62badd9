"""The straightforward design, to compare with: one Celery task an event, the ORM, one SET NX a trigger.

It is what one writes first, tuned as far as that goes without becoming another design: the worker keeps its database
connection, conditions are compiled once for each version of a trigger (by the product's own compiler), nothing is
stored of a task's result. It works on the product's PostgreSQL and Redis, and reads the product's triggers.

Where it has less to do than the product: it keeps no order among a customer's events, a worker that is killed loses or
repeats what it had in hand, and an attribute that changes tells nobody (the product publishes `customer.updated`).
"""
