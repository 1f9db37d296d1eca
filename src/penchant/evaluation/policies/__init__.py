"""What a judge says of the responses that checkpoints sample."""
