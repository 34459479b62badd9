"""Who may come in, and what they may do: users with a role, API keys with a role."""
