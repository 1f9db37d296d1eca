"""CGE: what a model has learned in tuning, told by its own texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from penchant.lab.claims import Claim, Contrast

__all__ = ["NewDomains"]

_WORDS, _OLD, _NEW, _LENGTH, _TEXTS = 12, 6, 10, 8, 20
#: Share of the new domains together in tuning.
_SHARE = 0.15


class NewDomains(Claim):
    """A domain is a set of words; a text is random words of one domain."""

    id = "cge-new-domains"
    paper = "arXiv:2410.14765"
    sentence = (
        "Of the texts that contrastive generation writes, more are of domains that a model has learned in tuning than "
        "of texts sampled from the tuned model, and more of these domains are found."
    )
    measures = ("cge",)
    world = (
        f"a language model of two layers; texts of {_LENGTH} words of {_OLD} old domains, to which tuning adds {_NEW} "
        f"new ones, {_SHARE:.0%} of its texts together"
    )
    quantity = f"of {_TEXTS} texts: share of those in new domains; share of the new domains that occur"
    contrasts = (
        Contrast("contrastive, texts", "sampled, texts", smallest=0.2),
        Contrast("contrastive, domains", "sampled, domains", smallest=0.1),
    )
    seeds = range(5)
    remark = (
        "In the paper more domains are found where the base model learns each text. Here it makes no difference on the "
        "tuning seeds, and a rate above 5e-4 makes the base model forget its own domains."
    )
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps for the base model and for tuning; γ = 1, α = 0.1, no beams."""
        from penchant.diagnostics.novelty.exploration import Exploration
        from penchant.lab.worlds.language.model import tiny_model
        from penchant.lab.worlds.language.tokenizer import build_tokenizer

        tokenizer = build_tokenizer()
        first = 1 + max(tokenizer.all_special_ids)
        generator = torch.Generator().manual_seed(seed)
        order = first + torch.randperm(len(tokenizer) - first, generator=generator)
        domains = order[: _WORDS * (_OLD + _NEW)].reshape(-1, _WORDS)
        base = tiny_model(tokenizer, seed=seed, hidden=64)
        _learn(base, domains, [1.0] * _OLD + [0.0] * _NEW, 300, generator)
        tuned = tiny_model(tokenizer, seed=seed, hidden=64)
        tuned.load_state_dict(base.state_dict())
        _learn(tuned, domains, [(1 - _SHARE) / _OLD] * _OLD + [_SHARE / _NEW] * _NEW, 300, generator)
        ways: dict[str, dict[str, Any]] = {
            "contrastive": {"learning_rate": 2e-4},
            "static": {"iterative": False},
            "sampled": {"iterative": False, "gamma": 0.0, "alpha": 0.0},
        }
        found = {}
        for name, own in ways.items():
            exploration = Exploration(texts=_TEXTS, length=_LENGTH, beams=1, seed=seed, **own)
            start, ends = [int(tokenizer.bos_token_id)], [int(tokenizer.eos_token_id)]
            texts = [each.ids for each in exploration.run(tuned, base, tokenizer, start, ends)]
            new = [place for place in (_domain(text, domains) for text in texts) if place >= _OLD]
            found[f"{name}, texts"] = len(new) / _TEXTS
            found[f"{name}, domains"] = len(set(new)) / _NEW
        return found


def _learn(model: Any, domains: Tensor, shares: Sequence[float], steps: int, generator: torch.Generator) -> None:
    """Steps of likelihood on 64 texts each."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    begin = torch.full((64, 1), int(model.config.bos_token_id))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, steps)
    for _ in range(steps):
        which = torch.multinomial(torch.tensor(shares), 64, replacement=True, generator=generator)
        words = torch.randint(_WORDS, (64, _LENGTH), generator=generator)
        text = domains[which].gather(1, words)
        logits = model(input_ids=torch.cat([begin, text[:, :-1]], dim=1)).logits
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits.flatten(0, 1), text.flatten()).backward()
        optimizer.step()
        schedule.step()


def _domain(text: Sequence[int], domains: Tensor) -> int:
    """The domain of most words of a text; −1 where fewer than half are of one."""
    owner = {int(word): place for place, own in enumerate(domains) for word in own}
    counted = Counter(owner[word] for word in text if word in owner).most_common(1)
    return counted[0][0] if counted and 2 * counted[0][1] > len(text) else -1
