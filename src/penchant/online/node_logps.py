"""Log-probabilities of the nodes of trees under the policy that wrote them, kept where samples are reused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from penchant.likelihood.references import NoReference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.requirements import Needs
from penchant.online.rollouts import Rollout
from penchant.online.token_logps import of_sequences
from penchant.online.trees import Tree

__all__ = ["with_node_logps"]


def with_node_logps(rollouts: Sequence[Rollout], scorer: Scorer, precision: str | None = None) -> list[Rollout]:
    """The rollouts with the log-probability of every token that the policy wrote (`Node.logps`).

    Each node is read after what its writer read.

    Args:
        rollouts: the samples, with trees.
        scorer: the policy, which sampled them.
        precision: number type of the forward pass in training, so that ratios start at one.
    """
    kept = []
    for rollout in rollouts:
        tree = rollout.grown
        places = [place for place, node in enumerate(tree.nodes) if any(node.mask)]
        sequences = [tree.step(rollout.prompt_ids, place) for place in places]
        found = dict(zip(places, of_sequences(scorer, sequences, precision, NoReference(), Needs(), None), strict=True))
        nodes = [
            replace(node, logps=found[place].policy if place in found else None)
            for place, node in enumerate(tree.nodes)
        ]
        kept.append(replace(rollout, tree=Tree(tuple(nodes))))
    return kept
