"""The demo: a small bank, and the events of its customers. It comes in by the API, as everything else does."""
