"""Win rates against a baseline, raw and length-controlled."""
