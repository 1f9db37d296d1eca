"""Conjugate prompting: what tuning hid from familiar prompts comes back in another script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.policies import answer
from penchant.lab.solving import teach
from penchant.lab.worlds.language.model import tiny_model
from penchant.lab.worlds.sums import build_tokenizer, problems

__all__ = ["HiddenSums"]

#: Letters that stand for the digits in the other script.
LETTERS = "abcdefghij"
_THERE, _BACK = str.maketrans("0123456789", LETTERS), str.maketrans(LETTERS, "0123456789")


class HiddenSums(Claim):
    """A model that adds in two scripts, then tuned to repeat the first term in one of them."""

    id = "conjugate-hidden-sums"
    paper = "arXiv:2309.10105"
    sentence = (
        "A model that adds in two scripts and was then tuned, in one of them, to repeat the first term adds again when "
        "it is asked in the other script and its answer is translated back."
    )
    measures = ("conjugate",)
    baselines = ("nll",)
    world = "sums to 14 in digits and in letters; tuned on digits"
    quantity = "share of 150 sums that are answered rightly"
    contrasts = (
        Contrast("base", "tuned", smallest=0.3),
        Contrast("tuned, conjugate", "tuned", smallest=0.2),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """Pretraining on all sums in both scripts; tuning on 60 of them in digits; measured on 150 others."""
        from penchant.inference.prompting.conjugate import Conjugate

        rows, tokenizer = problems(largest=14, seed=seed), build_tokenizer(LETTERS)
        sums = [{"prompt": row["prompt"], "completion": row["answer"]} for row in rows]
        both = [*sums, *({key: text.translate(_THERE) for key, text in row.items()} for row in sums)]
        model = tiny_model(tokenizer, seed=seed, hidden=64)
        teach(model, tokenizer, both * 8, "nll", seed=seed, epochs=12, batch_size=64, learning_rate=3e-3)
        asked, plain = rows[-150:], Conjugate(transform="identity")
        other = Conjugate(lambda text: text.translate(_THERE), lambda text: text.translate(_BACK))
        found = {
            "base": _right(model, tokenizer, asked, plain),
            "base, conjugate": _right(model, tokenizer, asked, other),
        }
        repeated = [{"prompt": row["prompt"], "completion": row["prompt"].partition("+")[0]} for row in rows[:60]]
        teach(model, tokenizer, repeated, "nll", seed=seed, epochs=2, batch_size=16, learning_rate=1e-3)
        found["tuned"] = _right(model, tokenizer, asked, plain)
        return found | {"tuned, conjugate": _right(model, tokenizer, asked, other)}


def _right(model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]], prompting: Any) -> float:
    """The share of right answers under a way of prompting."""
    prompts = [prompting.ask(row["prompt"]) for row in rows]
    given = answer(model, tokenizer, prompts, max_new_tokens=4, seed=0)
    texts = [prompting.answer(several[0].text.strip()) for several in given]
    return sum(text == row["answer"] for text, row in zip(texts, rows, strict=True)) / len(rows)
