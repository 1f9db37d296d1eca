"""Claims about DPO."""
