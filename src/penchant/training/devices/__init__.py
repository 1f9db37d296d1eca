"""Several processes: what the launcher started, and how they hold the model (copies, FSDP2, DeepSpeed ZeRO)."""
