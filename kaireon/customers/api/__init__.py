"""The routes of schemas and records."""
