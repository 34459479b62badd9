"""The routes of offers, outcomes, channels and decision flows."""
