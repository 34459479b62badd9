"""Starts and stops the whole product on one machine: PostgreSQL, Redis, web server, workers, beat."""
