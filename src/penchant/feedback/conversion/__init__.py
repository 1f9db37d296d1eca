"""Feedback of one kind made into another: judgements of pairs, pairs of judgements, responses of one label."""
