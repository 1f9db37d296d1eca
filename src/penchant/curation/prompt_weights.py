"""The builder ``objective-weights``: weights of several objectives that follow from the prompt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from penchant.curation.builder import Builder
from penchant.curation.judging import JUDGE_WORDS, judges_of, scores_of
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.records import Record, as_text
from penchant.likelihood.inside.text_embeddings import find_embedder

__all__ = ["ObjectiveWeights", "fit_adapter", "target_weights"]

Scale = Literal["z-score", "min-max"]


def target_weights(rewards: Tensor, temperature: float = 1.0, scale: Scale = "z-score") -> Tensor:
    """The weights that the rewards of preferred responses ask for.

    w*_k = softmax_k(r̃_k / T),   r̃ the rewards, normalised over the data for each objective

    Args:
        rewards: [N, K] rewards r_k(x, y_w) of the preferred responses.
        temperature: T.
        scale: how each objective is normalised; one that is the same for all has r̃ = 0.

    Returns:
        [N, K], positive; each row sums to 1.

    Example:
        >>> target_weights(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
        tensor([[0.2689, 0.7311],
                [0.7311, 0.2689]])
    """
    low = rewards.mean(0) if scale == "z-score" else rewards.amin(0)
    spread = rewards.std(0, correction=0) if scale == "z-score" else rewards.amax(0) - low
    scaled = torch.where(spread > 0, (rewards - low) / torch.where(spread > 0, spread, 1.0), 0.0)
    return torch.softmax(scaled / temperature, dim=-1)


def fit_adapter(
    states: Tensor, targets: Tensor, *, width: int = 64, steps: int = 300, learning_rate: float = 1e-3, seed: int = 0
) -> Callable[[Tensor], Tensor]:
    """A small network that gives weights to a prompt: two layers, trained by the divergence from the targets.

    loss = mean KL(w*(x) ‖ w_φ(x))

    Args:
        states: [N, D] embeddings of prompts.
        targets: [N, K] weights w*.
        width: of the hidden layer.
        steps: of Adam on all prompts at once.
        learning_rate: of Adam.
        seed: of the start.

    Returns:
        A function from [M, D] to weights [M, K], without gradient.

    Reference:
        Preference Orchestrator: Prompt-Aware Multi-Objective Alignment (2025), arXiv:2511.10656.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(states.shape[1], width), nn.ReLU(), nn.Linear(width, targets.shape[1]))
    network.to(states.dtype)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _step in range(steps):
        optimizer.zero_grad()
        logs = network(states).log_softmax(-1)
        nn.functional.kl_div(logs, targets.to(logs), reduction="batchmean").backward()
        optimizer.step()

    @torch.no_grad()
    def weights(given: Tensor) -> Tensor:
        return network(given).softmax(-1)  # type: ignore[no-any-return]

    return weights


class ObjectiveWeights(Builder):
    """Records with weights of several objectives that a small network reads from the prompt.

    Each judge stands for an objective. What the judges say of the preferred responses becomes target weights, and a
    network with two layers on frozen embeddings learns them from the prompts. The field ``objective_weights`` holds its
    weights, in the order of the judges; ``modpo`` uses them in place of its own, the first for the objective of the
    pairs. With ``fit_on`` the network learns from the comparisons of that file, and the records may be prompts alone.

    Reference:
        Preference Orchestrator: Prompt-Aware Multi-Objective Alignment (2025), arXiv:2511.10656. How rewards are
        normalised, and the direction of the divergence, are our reading.
    """

    id = "objective-weights"
    reads = "comparisons, or any records with fit_on"
    writes = ("objective_weights",)

    judge: Annotated[list[str], f"the judge of an objective: {JUDGE_WORDS}; repeat for several"]
    fit_on: Annotated[
        Path | None, "file of comparisons that the network learns from; the records themselves if absent"
    ] = None
    temperature: Annotated[float, Gt(0), "T of the target weights; larger is more even"] = 1.0
    scale: Annotated[Scale, "how the rewards of an objective are normalised over the data"] = "z-score"
    embedder: Annotated[
        str, "tf-idf-svd or tf-idf, fitted to the data, or the folder of a sentence-embedding model"
    ] = "tf-idf-svd"
    width: Annotated[int, Ge(1), "width of the hidden layer"] = 64
    steps: Annotated[int, Ge(0), "steps of Adam on all prompts"] = 300
    learning_rate: Annotated[float, Gt(0), "learning rate of Adam"] = 1e-3
    seed: Annotated[int, "seed of the network"] = 0
    device: Annotated[str, "device of judges with a model"] = "cpu"

    def build(self, records: Iterable[Record]) -> Built:
        """Learn the weights, and write them."""
        given = list(records)
        pairs = comparisons(given if self.fit_on is None else read(self.fit_on), self.id)
        judges = judges_of(self.judge, pairs, self.device)
        chosen = [[pair.chosen] for pair in pairs]
        columns = [[own[0] for own in scores_of(judge, pairs, chosen)] for judge in judges]
        rewards = torch.tensor(columns, dtype=torch.float64).T
        usable = [at for at, own in enumerate(rewards.tolist()) if not any(map(math.isnan, own))]
        if not usable:
            raise DataError(
                "No preferred response has a score of every judge, so there is nothing to learn weights from.",
                where=f"builder {self.id}",
            )
        learned, asked = ([as_text(each.prompt) for each in part] for part in (pairs, given))
        embedder = find_embedder(self.embedder, learned)
        states, of_asked = (torch.from_numpy(embedder.embed(part)).double() for part in (learned, asked))
        targets = target_weights(rewards[usable], self.temperature, self.scale)
        weights = fit_adapter(
            states[usable],
            targets,
            width=self.width,
            steps=self.steps,
            learning_rate=self.learning_rate,
            seed=self.seed,
        )
        found = weights(of_asked).tolist()
        rows = [as_row(record) | {"objective_weights": own} for record, own in zip(given, found, strict=True)]
        counts = {"records read": len(given), "preferred responses learned from": len(usable)}
        return Built(rows, counts)
