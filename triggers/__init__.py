"""The product: triggers, the engine that fires them, and the actions that they take."""
