"""The engine: match, evaluate, claim the cooldown, dispatch, record, for a batch of events at a time."""
