"""Customers: schemas with typed fields, and records keyed by customer id. A changed record publishes an event."""
