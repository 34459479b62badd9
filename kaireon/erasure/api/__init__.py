"""Erasing a customer by API, for admins."""
