"""Erasing a customer: personal data go from wherever they are. Stands above all that it empties."""
