"""LEVI: heads on several layers of a frozen model, beside a small model trained from scratch."""
