"""Emulated fine-tuning: the tuning of a small model on a large one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean
from typing import Any

from torch import Tensor

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each
from penchant.lab.worlds.language.reviews import grammatical_share

__all__ = ["UpScaling"]

_JUDGED, _FRESH = 300, 1_000_000


class UpScaling(Claim):
    """DPO on a small and on a large base; the large base with the small difference."""

    id = "eft-up-scaling"
    paper = "arXiv:2310.12962"
    sentence = (
        "A large language model with the difference that DPO made to a small one (up-scaling) writes reviews about as "
        "favourable as the large model after DPO, more favourable than the large base, and more grammatical than the "
        "small model after DPO."
    )
    measures = ("eft",)
    baselines = ("dpo",)
    world = "reviews; Llamas of width 96 and 32; 600 labelled pairs, the same for both"
    quantity = "mean true sentiment of 300 fresh reviews, from −1 to 1; grammar: share of grammatical sentences"
    contrasts = (
        Contrast("eft", "large base", smallest=0.08),
        Contrast("eft", "large tuned", not_worse_by=0.08),
        Contrast("eft, grammar", "small tuned, grammar", smallest=0.1),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs, batches and β = 0.1 for both sizes; sampling at temperature 1 with weight w = 1."""
        large = LanguageWorld()
        small = replace(large, pretraining=replace(large.pretraining, width=32))
        pairs = large.pairs(600, seed)
        tuned = {
            name: align_each(each, {"dpo": "dpo"}, pairs, seed, learning_rate=rate, judged=2)["dpo"].model
            for name, each, rate in (("large", large, 5e-4), ("small", small, 1e-3))
        }
        asked = [record["prompt"] for record in large.prompts(_JUDGED, _FRESH + seed)]
        base = large.policy()
        written = {
            "large base": _written(large, base, asked, seed),
            "large tuned": _written(large, tuned["large"], asked, seed),
            "small tuned": _written(large, tuned["small"], asked, seed),
            "eft": _written(large, base, asked, seed, [tuned["small"], small.policy()]),
        }
        found = {arm: fmean(map(large.reward, asked, texts)) for arm, texts in written.items()}
        shares = {arm: fmean(map(grammatical_share, asked, texts)) for arm, texts in written.items()}
        return found | {f"{arm}, grammar": share for arm, share in shares.items()}


def _written(
    world: LanguageWorld, model: Any, prompts: Sequence[str], seed: int, small: Sequence[Any] = ()
) -> list[str]:
    """One review for each prompt, by a model alone or with the difference of a small tuned one and its base."""
    from penchant.generation.engine import generate
    from penchant.inference.following import Follower
    from penchant.inference.mixtures import eft_logits
    from penchant.inference.processors import MixingProcessor
    from penchant.rendering.renderer import Renderer

    tokenizer = world.tokenizer()
    renderer = Renderer(tokenizer)
    ids = [renderer.prompt_ids(prompt) for prompt in prompts]

    def combine(own: Tensor, others: Sequence[Tensor]) -> Tensor:
        return eft_logits(own, others[:1], others[1], [1.0])

    def guide(places: Sequence[int]) -> list[Any]:
        follow = partial(Follower, prompts=[ids[place] for place in places], pad=tokenizer.pad_token_id)
        return [MixingProcessor([follow(each) for each in small], combine)]

    options = {"max_new_tokens": world.longest, "stop_token_ids": renderer.stop_token_ids, "seed": _FRESH + seed}
    given = generate(model, tokenizer, ids, batch_size=512, guide=guide if small else None, **options)  # type: ignore[arg-type]
    return [renderer.decode(each, skip_special_tokens=True) for (each,) in given]
