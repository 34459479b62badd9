"""The fields of each type of action: one module a type, found by the registry, as in triggers.actions."""
