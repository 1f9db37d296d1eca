"""The model that random input is tried with: tiny, with a chat template of a line."""

from __future__ import annotations

from pathlib import Path

from small_runs import model_folder, word_tokenizer

__all__ = ["small_model"]

TEMPLATE = (
    "{% for message in messages %}{{ message.role }} is {{ message.content }} </s>{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant is ' }}{% endif %}"
)


def small_model(folder: Path) -> Path:
    """Write the model and its tokenizer into a folder."""
    model_folder(folder)
    tokenizer = word_tokenizer()
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder
