"""Journeys: what happens to a customer over days, as a graph of steps and waits."""
