"""A small network that has learned facts, and exact traces of what it forgets and learns again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from penchant.objectives import Objective, Scored, build
from penchant.objectives.core.token_statistic import find_statistics

__all__ = ["Facts", "Memory", "Trace", "draw_facts", "left_of_facts", "train_memory"]

Questions = tuple[Tensor, Tensor]  # indices of questions, and of the answer to each


class Memory(nn.Module):
    """A network of one hidden layer over finite questions and answers.

    h(x) = tanh(A e(x) + a),   π(y|x) = softmax_y(B h(x) + b)

    Questions whose embeddings are alike share parameters, so that forgetting one disturbs others.

    Args:
        embeddings: [X, D], fixed.
        hidden: H, the size of the hidden layer.
        answers: K.
        generator: draws the initial weights.
    """

    embeddings: Tensor

    def __init__(self, embeddings: Tensor, hidden: int, answers: int, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("embeddings", embeddings)
        self.first = nn.Parameter(torch.randn(hidden, embeddings.shape[1], generator=generator, dtype=torch.float64))
        self.shift = nn.Parameter(torch.zeros(hidden, dtype=torch.float64))
        second = torch.randn(answers, hidden, generator=generator, dtype=torch.float64)
        self.second = nn.Parameter(second / hidden**0.5)
        self.bias = nn.Parameter(torch.zeros(answers, dtype=torch.float64))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Log-probabilities [X, K] in nats, and hidden states [X, H]."""
        states = torch.tanh(self.embeddings @ self.first.T + self.shift)
        return (states @ self.second.T + self.bias).log_softmax(-1), states


@dataclass(eq=False)
class Facts:
    """Facts that a network has learned: one answer to each question.

    Args:
        memory: the network that has learned them.
        untaught: the network before it learned anything.
        answer: [X] the right answers; the last answer of all is a refusal and right for no question.
        forget: number of questions to forget, the first ones.
    """

    memory: Memory
    untaught: Memory
    answer: Tensor
    forget: int
    view: dict[str, Questions] = field(init=False)

    def __post_init__(self) -> None:
        asked = torch.arange(len(self.answer))
        first, rest = asked[: self.forget], asked[self.forget :]
        refusal = torch.full_like(first, self.memory.bias.shape[0] - 1)
        self.view = {
            "forget": (first, self.answer[first]),
            "retain": (rest, self.answer[rest]),
            "idk": (first, refusal),
        }

    def retrained(self, steps: int = 300) -> Memory:
        """The network that learned the facts to keep, from the same start, and never saw those to forget."""
        return train_memory(self.untaught, "nll", {"chosen": self.view["retain"]}, steps=steps, learning_rate=0.02).end


class Trace(NamedTuple):
    """A training run.

    Args:
        log_probs: [steps + 1, X, K] log-probabilities before each step and at the end, nats.
        end: the trained network.
    """

    log_probs: Tensor
    end: Memory

    def of(self, questions: Questions) -> Tensor:
        """[steps + 1, R] log-probability of the answers to questions."""
        return self.log_probs[:, questions[0], questions[1]]

    def probability(self, questions: Questions) -> Tensor:
        """[steps + 1] mean probability of the answers to questions."""
        return self.of(questions).exp().mean(-1)

    def first_step(self, questions: Questions, forgotten: float) -> int:
        """The first step after which the mean log-probability is at most ``forgotten``; the last one if it never is."""
        low = (self.of(questions).mean(-1) <= forgotten).nonzero()
        return int(low[0]) if len(low) else len(self.log_probs) - 1


@lru_cache(maxsize=32)
def draw_facts(
    seed: int,
    *,
    questions: int = 12,
    answers: int = 8,
    forget: float = 0.5,
    size: int = 12,
    hidden: int = 24,
    steps: int = 300,
) -> Facts:
    """Random facts, and a network that has learned them; the same object at each call, which nothing changes.

    Args:
        seed: of everything.
        questions: X.
        answers: K, with the refusal.
        forget: share of the questions that will be forgotten.
        size: D, of the embeddings.
        hidden: H, of the hidden layer.
        steps: of learning.

    Example:
        >>> facts = draw_facts(0)
        >>> start = train_memory(facts.memory, "npo", facts.view, steps=0, learning_rate=0.1)
        >>> bool(start.probability(facts.view["forget"]) > 0.9)
        True
    """
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(questions, size, generator=generator, dtype=torch.float64)
    embeddings = embeddings / embeddings.norm(dim=-1, keepdim=True)
    answer = torch.randint(answers - 1, (questions,), generator=generator)
    untaught = Memory(embeddings, hidden, answers, generator)
    everything = {"chosen": (torch.arange(questions), answer)}
    learned = train_memory(untaught, "nll", everything, steps=steps, learning_rate=0.02).end
    return Facts(learned, untaught, answer, round(forget * questions))


def train_memory(
    start: Memory,
    objective: Objective | str,
    views: Mapping[str, Questions],
    *,
    steps: int,
    learning_rate: float,
    optimizer: Literal["adam", "sgd"] = "adam",
) -> Trace:
    """Train a copy of a network with any objective whose views are single answers; its start is the reference.

    Args:
        start: the network; it is not changed.
        objective: an objective, or an id. It may ask for statistics of the whole distribution and for the activations
            of layer 0, the hidden layer.
        views: the questions and answers of each view; more views than it asks for may be given.
        steps: full-batch steps.
        learning_rate: constant.
        optimizer: Adam, or plain gradient descent.
    """
    method = build(objective) if isinstance(objective, str) else objective
    memory, wanted = copy.deepcopy(start), method.requirements
    update = (torch.optim.Adam if optimizer == "adam" else torch.optim.SGD)(memory.parameters(), lr=learning_rate)
    with torch.no_grad():
        reference = start()
    trace = []
    for step in range(steps + 1):
        now = memory()
        trace.append(now[0].detach())
        if step == steps:
            break
        loss = method.train()(**{name: _scored(now, reference, method, views[name]) for name in wanted.views})
        update.zero_grad()
        loss.values.mean().backward()  # type: ignore[no-untyped-call]
        update.step()
    return Trace(torch.stack(trace), memory)


def _scored(
    now: tuple[Tensor, Tensor], reference: tuple[Tensor, Tensor], method: Objective, questions: Questions
) -> Scored:
    """One view: every answer is one token."""
    asked, answer = questions
    needs = method.requirements.needs
    (policy, states), (other, other_states) = now, reference
    stats = {
        str(each): each(policy[asked], answer, other[asked]).unsqueeze(-1) for each in find_statistics(needs.stats)
    }
    layers = {name: states[asked].unsqueeze(1) for name in needs.layers}
    other_layers = {name: other_states[asked].unsqueeze(1) for name in needs.layers}
    tokens = policy[asked, answer].unsqueeze(-1)
    return Scored(
        tokens,
        other[asked, answer].unsqueeze(-1),
        torch.ones_like(tokens, dtype=torch.bool),
        stats,
        activations=layers,
        reference_activations=other_layers,
    )


def left_of_facts(seed: int, objectives: Mapping[str, Objective | str]) -> dict[str, float]:
    """What each of several objectives leaves of the facts to forget and of those to keep, long after forgetting.

    Args:
        seed: of the facts.
        objectives: by arm name; each trains with Adam and the learning rate 0.01 for 150 steps, several times what
            forgetting needs.

    Returns:
        ``ARM, forget`` and ``ARM, retain``: the mean probability of the right answers, in [0, 1].
    """
    facts, arms = draw_facts(seed), {}
    for name, objective in objectives.items():
        trace = train_memory(facts.memory, objective, facts.view, steps=150, learning_rate=0.01)
        for view in ("forget", "retain"):
            arms[f"{name}, {view}"] = float(trace.probability(facts.view[view])[-1])
    return arms
