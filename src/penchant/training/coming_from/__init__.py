"""What the keys of TRL, LLaMA-Factory and axolotl are called here, and the conversion of their files."""
