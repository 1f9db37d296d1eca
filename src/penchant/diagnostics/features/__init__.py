"""What human feedback rewards, as sparse features of response differences (WIMHF)."""
