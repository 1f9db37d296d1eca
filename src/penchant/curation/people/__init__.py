"""Builders for judges of people: the label of the majority, and a person's own labelled pairs in the prompt."""
