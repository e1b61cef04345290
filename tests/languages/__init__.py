"""Catalogues, their choice and their days."""
