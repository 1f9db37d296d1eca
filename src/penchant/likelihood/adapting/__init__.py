"""Kinds of adapters beside LoRA."""
