"""Claims about DPO itself."""
