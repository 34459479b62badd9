"""Tells Django about the frame's template tags."""

from django.apps import AppConfig


class StudioConfig(AppConfig):
    """No models; `kaireon_studio` keeps the label free for others."""

    name = "kaireon.studio"
    label = "kaireon_studio"
