"""Random and damaged input for every command that reads: nothing but a result or one of our errors may come out."""
