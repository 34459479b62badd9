"""The tests: real PostgreSQL, Redis, Celery and HTTP, by the product's public doors."""
