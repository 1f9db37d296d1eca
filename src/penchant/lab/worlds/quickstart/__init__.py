"""The quickstart: train a small language model on reviews, then align it with DPO."""
