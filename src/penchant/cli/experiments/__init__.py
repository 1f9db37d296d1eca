"""Commands of experiments in worlds that a tiny model practises in."""
