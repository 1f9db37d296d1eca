"""The conversion of files of TRL, LLaMA-Factory and axolotl that train online."""
