"""Fault drills (`make drill`): a stack of its own, a load, a fault in the middle of it; then every row is counted."""
