"""Pairings of games between policies: win rates against a mixture, samples of two policies, labels of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import all_pairs, pair_examples
from penchant.lab.worlds.tabular.fitting import fit
from penchant.lab.worlds.tabular.pairings import Pairing, Samples
from penchant.lab.worlds.tabular.policies import Policy, log_probabilities
from penchant.lab.worlds.tabular.world import World
from penchant.objectives import Objective
from penchant.objectives.functional.games.consistency import kendall
from penchant.objectives.functional.games.preference_games import geometric_mixture

__all__ = ["against_mixture", "against_reference", "drawn", "label_oneself", "rare_best"]


def against_mixture(share: float) -> Pairing:
    """Every response, weighted by its probability, with its exact win rate against a mixture, less one half.

    Args:
        share: weight of the reference in the mixture of policy and reference.
    """

    def pair(world: World, samples: Samples) -> Examples:
        opponent = geometric_mixture(samples.policy, world.reference, share).exp()
        rates = torch.einsum("xij,xj->xi", world.preference, opponent)
        prompts, responses = samples.policy.shape
        rows = Rows(torch.arange(prompts).repeat_interleave(responses), torch.arange(responses).repeat(prompts))
        return Examples({"responses": rows}, {"advantage": (rates - 0.5).flatten()}, samples.policy.exp().flatten())

    return pair


def drawn(table: Tensor, prompt: Tensor, generator: torch.Generator) -> Tensor:
    """One response to each prompt.

    Args:
        table: [X, K] log-probabilities.
        prompt: [Q] indices.
        generator: of the draws.

    Returns:
        [Q] indices.
    """
    return torch.multinomial(table[prompt].exp(), 1, generator=generator).squeeze(1)


def against_reference(world: World, samples: Samples) -> Examples:
    """Each sample of the policy against one of the reference, labelled by the world, as XPO asks for."""
    generator = torch.Generator().manual_seed(samples.seed)
    prompt = samples.prompt.repeat_interleave(samples.response.shape[1])
    own, other = samples.response.flatten(), drawn(world.reference, prompt, generator)
    better = torch.rand(len(own), generator=generator, dtype=torch.float64) < world.preference[prompt, own, other]
    apart = own != other
    prompt, own, other, better = (each[apart] for each in (prompt, own, other, better))
    pairs = pair_examples(world, prompt, torch.where(better, own, other), torch.where(better, other, own))
    return pairs.with_fields(chosen_from_reference=(~better).double(), rejected_from_reference=better.double())


def rare_best(world: World, share: float) -> World:
    """The world with a reference that gives the best response to each prompt this share, and the others the rest.

    Args:
        world: whose reward says which response is best.
        share: probability of the best response.
    """
    best = torch.zeros_like(world.reference).scatter(1, world.reward.argmax(-1, keepdim=True), 1.0)
    others = (1 - best) * (1 - share) / (world.reference.shape[1] - 1)
    return replace(world, reference=(best * share + others).log())


def label_oneself(
    world: World,
    objective: Objective,
    start: Policy,
    *,
    rounds: int,
    consistent: bool = False,
    **fitting: object,
) -> list[Policy]:
    """Rounds of training on labels of the policy's own: its implicit reward against the reference of the world.

    r(y) = log π_k(y|x) − log π_ref(y|x);   the reference of a round is the policy at its start

    Args:
        world: the world; its preferences are not asked.
        objective: a pairwise objective.
        start: the policy that has seen the few labels there are.
        rounds: how many.
        consistent: whether a pair carries as ``probability`` how far this scorer's ranking of the responses agrees with
            that of the round before (Kendall's τ); in the first round with the likelihood under the reference.
        fitting: settings of `fit`.

    Returns:
        ``rounds + 1`` policies, the start first.
    """
    found, before = [start], world.reference
    for _ in range(rounds):
        policy = found[-1]
        now = log_probabilities(policy)
        reward = now - world.reference
        # Which of two samples has the higher reward, in the limit of infinite samples.
        judged = replace(world, preference=(0.5 + 0.5 * torch.sign(reward.unsqueeze(-1) - reward.unsqueeze(-2))))
        pairs = all_pairs(judged, proposal=now.exp(), noise=False)
        if consistent:
            chosen = pairs.views["chosen"]
            assert isinstance(chosen, Rows)
            pairs = pairs.with_fields(probability=kendall(reward, before)[chosen.prompt])
        settings: Mapping[str, object] = {"policy": policy, "reference": policy, **fitting}
        found.append(fit(world, objective, pairs, **settings))  # type: ignore[arg-type]
        before = reward
    return found
