"""MiCRo's two stages: heads from pairs without names, a router from a few pairs with profiles, and new users."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import by_choice, fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import Objective, build

__all__ = ["UnseenUsers"]

_WIDTH, _BUDGET = 6, 50


class UnseenUsers(Claim):
    """Two groups of users with opposite tastes; a user's profile is a noisy sign of the group in one number."""

    id = "micro-unseen-users"
    paper = "arXiv:2505.24846"
    sentence = (
        "A router that is trained on fifty pairs with their users' profiles, on heads that were found in pairs without "
        "any, predicts the choices of users who were not seen; the first stage alone and a single reward do not."
    )
    methods = ("micro",)
    baselines = ("bt-reward-model",)
    world = (
        f"400 pairs without profiles, {_BUDGET} with, of responses with {_WIDTH} features; every pair is another user's"
    )
    quantity = "accuracy on 1,000 pairs of other users, with their profiles"
    contrasts = (
        Contrast("micro, both stages", "micro, first stage", smallest=0.1),
        Contrast("micro, both stages", "bt-reward-model", smallest=0.1),
    )
    seeds = range(12, 32)
    remark = (
        "Whether the first stage can work at all depends on what the groups share. Where their tastes are nearly "
        "opposite (a cosine below -0.85, a quarter of these worlds), a pair without a name looks like the toss of a "
        "coin, whatever the two heads are, and no router can mend that. Else the heads are found in nearly all worlds."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 steps for two heads with α = 0.5; 200 steps for the router, τ = 1."""
        torch.manual_seed(seed)  # of the heads
        generator = torch.Generator().manual_seed(seed)
        # Opposite tastes alone could be told apart by a sign; a shared part makes the groups unequal.
        shared, own = torch.randn(2, _WIDTH, generator=generator, dtype=torch.float64)
        tastes = torch.stack([shared / 2 + own, shared / 2 - own])

        def drawn(count: int, profiled: bool) -> tuple[Tensor, Tensor, Tensor]:
            group = torch.randint(2, (count,), generator=generator)
            first, second = random_pairs(generator, count, _WIDTH)
            profile = torch.randn(count, _WIDTH, generator=generator, dtype=torch.float64)
            if profiled:
                profile[:, 0] = 2.0 * (2 * group - 1) + 0.5 * profile[:, 0]
            return *by_choice(((first - second) * tastes[group]).sum(1) > 0, first, second), profile

        plain, few, asked = drawn(400, False), drawn(_BUDGET, True), drawn(1000, True)
        settings = {"heads": 2, "alpha": 0.5, "router_width": 16}
        first = fit_head(build("micro", **settings), _inputs(plain), _WIDTH, steps=400)
        second = build("micro", route=True, **settings)
        second.bind(_WIDTH)
        second.load_state_dict(first.state_dict())
        second = fit_head(second, _inputs(few), _WIDTH, steps=200, learning_rate=0.02)
        both = [torch.cat([one, other]) for one, other in zip(plain[:2], few[:2], strict=True)]
        single = fit_head(build("bt"), {"chosen": with_states(both[0]), "rejected": with_states(both[1])}, _WIDTH)
        return {
            "micro, both stages": _accuracy(second, asked),
            "micro, first stage": _accuracy(first, asked),
            "bt-reward-model": pair_accuracy(single, *asked[:2]),
        }


def _inputs(pairs: tuple[Tensor, Tensor, Tensor]) -> dict[str, object]:
    better, worse, profile = pairs
    return {"chosen": with_states(better, profile), "rejected": with_states(worse, profile)}


def _accuracy(model: Objective, pairs: tuple[Tensor, Tensor, Tensor]) -> float:
    return float((model(**_inputs(pairs)).statistics["preference_probability"] > 0.5).double().mean())
