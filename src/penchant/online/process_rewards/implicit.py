"""`Implicit`: rewards of steps are log-ratios of a second language model, learned from outcomes of whole responses."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.feedback.records import Source
from penchant.forest.batching import plan_batches
from penchant.forest.example import Example
from penchant.likelihood.references import NoReference
from penchant.objectives.core.registry import OBJECTIVES
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored
from penchant.online.process_rewards.process_reward import STEP_REWARD, ProcessReward
from penchant.online.rollouts import Rollout
from penchant.online.trees import Tree

__all__ = ["Implicit"]

#: The fact of a node: its log-probability under the policy that wrote it, nats, summed over its tokens.
OLD_LOGP = "old_logp"


class Implicit(ProcessReward):
    """An implicit process reward model: r(step) = β Σ_t (log φ_t − log π_old,t).

    φ is a language model that starts as the policy. After each round it learns from all pairs of a better and a worse
    response to one prompt, −log σ(V_better − V_worse), where V is the sum of a response's step rewards (``aggregation``
    "mean" divides by their number, as the released code does). Its reference is the policy that sampled the round. A
    prompt whose responses are all equally good teaches nothing. φ is part of a run's state and not of the saved model.

    Reference:
        Liu et al. (2025), Online Process Reward Learning for Agentic Reinforcement Learning, section 3.
    """

    id = "implicit"

    beta: Annotated[float, Gt(0), "inverse temperature β of the step rewards"] = 0.05
    learning_rate: Annotated[float, Gt(0), "learning rate of the reward model (AdamW)"] = 1e-6
    clip: Annotated[float, Gt(0), "largest norm of its gradient"] = 10.0
    epochs: Annotated[int, Gt(0), "steps of the reward model on the responses of a round"] = 1
    aggregation: Annotated[Literal["sum", "mean"], "value of a response: sum or mean of its step rewards"] = "sum"

    scorer: Any = None
    old: Any = None
    model: Any = None

    def begin(self, scorer: Any, modality: Any, policy: Any) -> None:
        """See `ProcessReward.begin`."""
        self.old = scorer
        scorer.close()
        try:
            self.model = copy.deepcopy(policy).eval()
        finally:
            scorer.open()
        self.scorer = modality.scorer(self.model)
        self.scorer.temperature = scorer.temperature
        self.moving = [each for each in self.model.parameters() if each.requires_grad]
        self.optimizer = torch.optim.AdamW(self.moving, lr=self.learning_rate, weight_decay=0.0)
        self.objective = OBJECTIVES.get("oprl")(beta=self.beta, aggregation=self.aggregation)

    def judged(self, rollouts: Sequence[Rollout]) -> list[Rollout]:
        """See `ProcessReward.judged`."""
        found = []
        for rollout in rollouts:
            tree, places = rollout.grown, _written(rollout.grown)
            with torch.no_grad():
                old = _logps(self.old, rollout, places).tolist()
                own = _logps(self.scorer, rollout, places).tolist()
            facts = {
                place: {OLD_LOGP: before, STEP_REWARD: self.beta * (now - before)}
                for place, before, now in zip(places, old, own, strict=True)
            }
            nodes = [
                replace(node, facts={**node.facts, **facts.get(place, {})}) for place, node in enumerate(tree.nodes)
            ]
            agreed = _agreement(Tree(tuple(nodes)))
            more = {} if agreed is None else {"process_agreement": agreed}
            found.append(replace(rollout, tree=Tree(tuple(nodes)), facts={**rollout.facts, **more}))
        return found

    def learn(self, rollouts: Sequence[Rollout]) -> None:
        """See `ProcessReward.learn`: ``epochs`` steps on all pairs of the round."""
        telling = [(each, pairs) for each in rollouts if each.used and (pairs := _pairs(each))]
        total = sum(pairs for _each, pairs in telling)
        for _ in range(self.epochs if telling else 0):
            self.optimizer.zero_grad()
            for rollout, pairs in telling:
                (self._loss(rollout) * (pairs / total)).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.moving, self.clip)
            self.optimizer.step()

    def _loss(self, rollout: Rollout) -> Tensor:
        """The mean over the pairs of a prompt."""
        tree, places = rollout.grown, _written(rollout.grown)
        own = _logps(self.scorer, rollout, places)
        where = {place: row for row, place in enumerate(places)}
        paths = [[where[each] for each in tree.path(leaf) if each in where] for leaf in _scored(tree)]
        widest = max(1, *map(len, paths))
        index = torch.tensor([[*path, *[0] * (widest - len(path))] for path in paths])
        mask = torch.tensor([[True] * len(path) + [False] * (widest - len(path)) for path in paths])
        before = torch.tensor([tree.nodes[place].facts[OLD_LOGP] for place in places], dtype=own.dtype)
        index, mask, before = (each.to(own.device) for each in (index, mask, before))
        # One column for each step: the log-ratio of a step is the sum over its tokens.
        view = Scored(own[index], before[index], mask, group=torch.zeros_like(index[:, 0]))
        outcomes = torch.tensor([tree.nodes[leaf].score for leaf in _scored(tree)], device=own.device)
        numbers = torch.arange(1, widest + 1, device=own.device).expand(len(paths), -1)
        return self.objective(responses=view, scores=outcomes, step_index=numbers).values.mean()

    def state_dict(self) -> dict[str, Any]:
        """The model and its optimizer."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        """Restore both."""
        self.model.load_state_dict(kept["model"])
        self.optimizer.load_state_dict(kept["optimizer"])


def _written(tree: Tree) -> list[int]:
    """The nodes with tokens that the policy wrote."""
    return [place for place, node in enumerate(tree.nodes) if any(node.mask)]


def _scored(tree: Tree) -> list[int]:
    """The leaves that have an outcome."""
    return [leaf for leaf in tree.leaves if tree.nodes[leaf].score == tree.nodes[leaf].score]


def _pairs(rollout: Rollout) -> int:
    """How many pairs of a better and a worse response there are."""
    scores = [rollout.grown.nodes[leaf].score for leaf in _scored(rollout.grown)]
    return sum(one > other for one in scores for other in scores)


def _agreement(tree: Tree) -> float | None:
    """The share of pairs of a better and a worse response whose summed rewards of steps agree; None without a pair."""
    ends = _scored(tree)
    values = {leaf: sum(tree.nodes[each].facts.get(STEP_REWARD, 0.0) for each in tree.path(leaf)) for leaf in ends}
    apart = [(one, other) for one in ends for other in ends if tree.nodes[one].score > tree.nodes[other].score]
    right = [0.5 * ((values[one] > values[other]) + (values[one] >= values[other])) for one, other in apart]
    return sum(right) / len(right) if right else None


def _logps(scorer: Any, rollout: Rollout, places: Sequence[int]) -> Tensor:
    """[N] the summed log-probability of each node after what its writer read, nats."""
    tree = rollout.grown
    sequences = [tree.step(rollout.prompt_ids, place) for place in places]
    device = next(scorer.core.parameters()).device
    sizes = [len(each.prompt) + len(each.response) for each in sequences]
    rows = []
    for step in plan_batches(sizes, tokens_per_batch=scorer.measured_at_once, shuffle=False).steps:
        examples = [Example({"responses": [sequences[row]]}, {}, 1.0, Source()) for row in step]
        view = scorer.score_batch(scorer.collate(examples).to(device), NoReference(), Needs())["responses"]
        rows.append(torch.where(view.mask, view.policy, 0.0).sum(-1))
    return torch.cat(rows)
