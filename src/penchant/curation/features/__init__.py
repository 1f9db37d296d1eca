"""Builders that change data by the features of their texts."""
