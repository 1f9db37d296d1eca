"""Layouts of rows that are recognised by their columns and converted to our fields."""
