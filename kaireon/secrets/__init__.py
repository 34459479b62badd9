"""Named secrets and the signing secret: encrypted at rest, filled in at the moment of sending, shown to nobody."""
