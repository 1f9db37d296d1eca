"""Claims about robustness to wrong labels."""
