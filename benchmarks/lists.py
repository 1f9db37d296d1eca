"""Lists: K responses to one prompt as a forest, against each response with a prompt of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.setting import Setting, prepare, write_groups

__all__ = ["LENGTHS", "lists"]

#: Responses to a prompt.
LENGTHS = (2, 4, 8, 16)
PROMPTS, PROMPT_TOKENS = 2, 300

Row = dict[str, Any]


def lists(folder: Path, rounds: Callable[[list[str], Setting], dict[str, list[Row]]], ratio: Callable[..., str]) -> Any:
    """Forward and backward over lists of each length: heading and rows of the table.

    Args:
        folder: a work folder.
        rounds: runs sides in turn.
        ratio: the median ratio over the rounds.
    """
    setting = prepare(folder / "lists", PROMPTS, prompt_tokens=PROMPT_TOKENS)
    rows = []
    for responses in LENGTHS:
        write_groups(setting, responses, PROMPTS)
        once, apart = _tokens(setting)
        results = rounds(["forest", "sequences"], setting)
        forest, plain = results["forest"], results["sequences"]
        largest = max(abs(a - b) for a, b in zip(forest[0]["losses"], plain[0]["losses"], strict=True))
        figures = [f"{once:,}", f"{apart:,}", f"{apart / once:.2f}", ratio(plain, forest), ratio(plain, forest, "cpu")]
        rows.append([str(responses), *figures, ratio(forest, plain, "peak_mib"), f"{largest:.1e}"])
    heading = ["K", "tokens, prompt once", "tokens, prompt each time", "ratio", "faster by", "in core seconds"]
    return [*heading, "memory ratio", "loss difference"], rows


def _tokens(setting: Setting) -> tuple[int, int]:
    """Tokens with each prompt once, and with a prompt for each response."""
    groups = [json.loads(line) for line in setting.groups.read_text(encoding="utf-8").splitlines()]
    written = sum(len(each) for group in groups for each in group["responses"])
    once = sum(len(group["prompt"]) for group in groups)
    each = sum(len(group["prompt"]) * len(group["responses"]) for group in groups)
    return once + written, each + written
