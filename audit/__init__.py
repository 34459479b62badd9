"""The audit log: what happened, by whom, never changed afterwards."""
