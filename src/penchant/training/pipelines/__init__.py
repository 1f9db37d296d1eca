"""Pipelines: named stages, each a command, run again only where something before them changed."""
