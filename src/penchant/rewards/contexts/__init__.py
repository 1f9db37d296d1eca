"""Judgements that depend on a context: a criterion, a situation, or who asks."""
