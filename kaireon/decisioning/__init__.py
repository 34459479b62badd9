"""Offers and their budgets, channels, decision flows, recommendations, and the outcomes that come of them."""
