"""What a trigger can do: one module a type, found by the registry. Adding a type touches no other code."""
