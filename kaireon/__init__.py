"""The Django project, and the platform that triggers act upon."""
