"""The pages of the event log."""
