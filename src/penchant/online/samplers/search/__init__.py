"""Samplers that grow a tree of steps for each prompt: by visits and values, and over fragments of calls."""
