"""Schemas, records and their events."""
