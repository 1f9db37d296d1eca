"""From texts to tokens: one renderer for training, scoring, generation and checks alike."""

from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rendering.truncation import CutTable, Fitted, Truncation

__all__ = ["CutTable", "Fitted", "Renderer", "Truncation", "load_tokenizer"]
