"""The triggers' routes."""
