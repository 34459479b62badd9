"""API keys by API, for admins."""
