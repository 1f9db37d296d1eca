"""Rewards that are learned from demonstrations, one for each category of prompts."""
