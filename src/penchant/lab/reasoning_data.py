"""Model and data of the plan of continued pre-training and reasoning preference, from sums with derivations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from penchant.lab.checkpoints import keep
from penchant.lab.pretrained import Pretraining, train_and_keep
from penchant.lab.study_data import write_named
from penchant.lab.worlds.derivations.explained import answer_pairs, answers, derivations, reasoned_pairs, sums_of
from penchant.lab.worlds.derivations.world import line_tokenizer
from penchant.lab.worlds.language.model import tiny_model

__all__ = ["write_reasoning_data"]

_KNOWN, _HELD_OUT = 700, 200


def write_reasoning_data(
    folder: Path, names: Sequence[str] = ("model", "text", "pairs", "direct", "explained"), seed: int = 0
) -> dict[str, str]:
    """Write data, and train the model if this machine has none; no held-out sum is among the others.

    ``model`` has learned some answers, with and without derivation. ``text`` are sums with their answers as text.
    ``pairs`` are right and wrong, with and without derivation. ``direct`` and ``explained`` are held-out sums with
    their answers, asked for without and with a derivation.

    Args:
        folder: for the files; made if absent.
        names: of what is wanted.
        seed: of the sums and of wrong answers.

    Returns:
        The place of each.
    """
    sums = sums_of(_KNOWN + _HELD_OUT, seed)
    held_out, known = sums[:_HELD_OUT], sums[_HELD_OUT:]
    right = [str(sum(each)) for each in held_out]
    found: dict[str, list[dict[str, Any]]] = {
        "text": [{"prompt": "", "completion": row["prompt"] + row["completion"]} for row in answers(known)],
        "pairs": [*reasoned_pairs(known, seed), *answer_pairs(known, seed)],
        "direct": _asked(answers(held_out), right),
        "explained": _asked(derivations(held_out), right),
    }
    places = write_named(folder, names, found)
    if "model" in names:
        made_by = (__name__, "penchant.lab.worlds.derivations.explained", "penchant.lab.worlds.derivations.world")
        made = partial(_start, [*answers(known), *derivations(known)])
        places["model"] = str(keep("reasoning-start", {"seed": seed}, made_by, made))
    return places


def _asked(rows: Sequence[dict[str, str]], right: Sequence[str]) -> list[dict[str, Any]]:
    return [{"prompt": row["prompt"], "answer": answer} for row, answer in zip(rows, right, strict=True)]


def _start(rows: list[dict[str, Any]], folder: Path) -> None:
    plan = Pretraining(len(rows), epochs=7, batch_size=32, learning_rate=3e-3, width=96)
    tokenizer = line_tokenizer()
    train_and_keep(folder, plan, model=tiny_model(tokenizer, hidden=plan.width), data=rows, tokenizer=tokenizer)
