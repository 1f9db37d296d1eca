"""Adapters of methods that use reward models."""
