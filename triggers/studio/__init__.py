"""The pages of triggers, and of what they have decided about whom."""
