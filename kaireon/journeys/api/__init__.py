"""The journeys' routes."""
