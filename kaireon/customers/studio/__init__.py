"""The pages of customers and segments."""
