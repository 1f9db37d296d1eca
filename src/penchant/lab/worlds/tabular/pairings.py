"""Pairings for online training in a tabular world: functions from scored samples to examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import all_pairs, pair_examples
from penchant.lab.worlds.tabular.world import World
from penchant.objectives.functional.advantages import group_advantages
from penchant.online.pairs import select_pairs

__all__ = ["PAIRINGS", "Pairing", "Samples", "grouped", "pairing_of"]


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of a round: Q prompts with n responses each, and their scores.

    Args:
        prompt: [Q] indices of the prompts.
        response: [Q, n] indices of the responses.
        scores: [Q, n] the reward with an error of ``score_noise``; in a world with cycles, the win rate among the
            samples.
        policy: [X, K] log-probabilities of the sampling policy.
        expert: [X, K] log-probabilities of the demonstrations, or None.
        seed: seed for the draws of a pairing.
    """

    prompt: Tensor
    response: Tensor
    scores: Tensor
    policy: Tensor
    expert: Tensor | None
    seed: int


#: A function from scored samples to examples.
Pairing = Callable[[World, Samples], Examples]


def _pairs(rule: str) -> Pairing:
    def build_pairs(world: World, samples: Samples) -> Examples:
        places = [
            (row, *pair)
            for row, scores in enumerate(samples.scores.tolist())
            for pair in select_pairs(rule, scores)
            if samples.response[row, pair[0]] != samples.response[row, pair[1]]
        ]
        row, chosen, rejected = torch.tensor(places, dtype=torch.long).reshape(-1, 3).unbind(-1)
        prompt = samples.prompt[row]
        better, worse = samples.response[row, chosen], samples.response[row, rejected]
        among = world.preference[samples.prompt[row].unsqueeze(-1), better.unsqueeze(-1), samples.response[row]]
        other = world.preference[samples.prompt[row].unsqueeze(-1), worse.unsqueeze(-1), samples.response[row]]
        return pair_examples(world, prompt, better, worse, seed=samples.seed).with_fields(
            chosen_score=samples.scores[row, chosen],
            rejected_score=samples.scores[row, rejected],
            margin=samples.scores[row, chosen] - samples.scores[row, rejected],
            chosen_win_rate=among.mean(-1),
            rejected_win_rate=other.mean(-1),
        )

    return build_pairs


def _exact(world: World, samples: Samples) -> Examples:
    """All pairs of responses, weighted as in the limit of infinite samples; win rates against the policy."""
    now = samples.policy.exp()
    pairs = all_pairs(world, proposal=now)
    rates = torch.einsum("xij,xj->xi", world.preference, now)
    chosen, rejected = pairs.views["chosen"], pairs.views["rejected"]
    assert isinstance(chosen, Rows) and isinstance(rejected, Rows)
    return pairs.with_fields(
        chosen_win_rate=rates[chosen.prompt, chosen.response],
        rejected_win_rate=rates[rejected.prompt, rejected.response],
    )


def _demonstration(world: World, samples: Samples) -> Examples:
    """Pairs of a demonstration as chosen and each sample as rejected."""
    if samples.expert is None:
        raise ConfigurationError("The pairing 'demonstration' needs an expert.", fix="run_rounds(..., expert=table)")
    generator = torch.Generator().manual_seed(samples.seed)
    each = samples.response.shape[1]
    shown = torch.multinomial(samples.expert[samples.prompt].exp(), each, replacement=True, generator=generator)
    prompt, chosen, rejected = samples.prompt.repeat_interleave(each), shown.flatten(), samples.response.flatten()
    return pair_examples(world, prompt, chosen, rejected, seed=samples.seed)


def _best(world: World, samples: Samples) -> Examples:
    """The best sample of each prompt."""
    best = samples.scores.argmax(-1, keepdim=True)
    chosen = samples.response.gather(1, best).squeeze(1)
    return Examples({"chosen": Rows(samples.prompt, chosen)}, {"score": samples.scores.gather(1, best).squeeze(1)})


def grouped(advantages: Callable[[Tensor, Tensor], Tensor]) -> Pairing:
    """A pairing of all samples of a prompt, with advantages from scores [R] and groups [R]."""

    def build_groups(world: World, samples: Samples) -> Examples:
        examples = _group(world, samples)
        rows = examples.views["responses"]
        assert isinstance(rows, Rows) and rows.group is not None
        return examples.with_fields(advantage=advantages(samples.scores.flatten(), rows.group))

    return build_groups


def _group(world: World, samples: Samples) -> Examples:
    """All samples of a prompt with their advantages and their log-probabilities under the sampling policy."""
    count, each = samples.response.shape
    group = torch.arange(count).repeat_interleave(each)
    prompt, response = samples.prompt.repeat_interleave(each), samples.response.flatten()
    scores = samples.scores.flatten()
    fields = {
        "scores": scores,
        "ranks": (samples.scores.argsort(-1, descending=True).argsort(-1) + 1).flatten().double(),
        "advantage": group_advantages(scores, group),
        "old_policy": samples.policy[prompt, response].unsqueeze(-1) * world.shares[prompt, response],
    }
    return Examples({"responses": Rows(prompt, response, group)}, fields)


#: The pairings by name.
PAIRINGS: dict[str, Pairing] = {
    **{rule: _pairs(rule) for rule in ("best_worst", "best_other", "best_second", "first_two", "all")},
    "exact": _exact,
    "demonstration": _demonstration,
    "best": _best,
    "group": _group,
}


def pairing_of(pairing: str | Pairing) -> Pairing:
    """The pairing with the given name; functions are returned unchanged.

    Raises:
        ConfigurationError: there is no such pairing; the message names the nearest.
    """
    if not isinstance(pairing, str):
        return pairing
    if pairing not in PAIRINGS:
        raise ConfigurationError(f"There is no pairing {pairing!r}. {nearest(pairing, PAIRINGS)}")
    return PAIRINGS[pairing]
