"""Secrets and the signing secret by API, for admins."""
