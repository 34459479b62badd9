"""The pages of channels, decision flows and offers."""
