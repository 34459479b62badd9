"""Deliveries by API."""
