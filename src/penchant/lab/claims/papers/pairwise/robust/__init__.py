"""Claims about methods against wrong labels."""
