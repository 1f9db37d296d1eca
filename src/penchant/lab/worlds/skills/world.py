"""Skills: random tables of questions and answers; a tiny Llama knows one and is taught others."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from penchant.feedback.records import Source
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence
from penchant.forest.supply import Supply
from penchant.lab.worlds.language.model import tiny_model
from penchant.lab.worlds.language.tokenizer import build_tokenizer
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.references.none import NoReference
from penchant.objectives import build
from penchant.training.parameters.strategy import Start, build_strategy

__all__ = ["Skills", "Tuned", "added_up", "draw_skills", "tune"]

# Steps at most, rate and loss of the first skill.
LEARNING, RATE, KNOWN = 200, 3e-3, 0.05


@dataclass(frozen=True, eq=False)
class Skills:
    """Tables of questions and answers, and a model that knows the first one.

    A question is a skill and a key, "b k3", and its answer a value, "v5". Skills share keys and values.

    Args:
        network: the model; nothing may change it.
        tables: for each skill the examples.
        seed: of everything.
    """

    network: nn.Module
    tables: Mapping[str, tuple[Example, ...]]
    seed: int

    def loss(self, network: nn.Module, skill: str) -> float:
        """Mean −log p(answer | question) over a skill, nats."""
        with torch.no_grad():
            return float(_losses(network, self.tables[skill]).mean())

    def likelihood(self, network: nn.Module, skills: Sequence[str]) -> float:
        """Mean probability of the right answers over several skills, 0 to 1."""
        with torch.no_grad():
            found = [_losses(network, self.tables[each]) for each in skills]
        return float((-torch.cat(found)).exp().mean())


@dataclass(frozen=True)
class Tuned:
    """A model after training.

    Args:
        network: the model.
        steps: of its training.
        trained: number of weights that moved.
    """

    network: nn.Module
    steps: int
    trained: int


@lru_cache(maxsize=8)
def draw_skills(
    seed: int, *, skills: Sequence[str] = ("a", "b", "c"), keys: int = 16, values: int = 8, layers: int = 2
) -> Skills:
    """Random tables, and a model that has learned the first of them.

    Args:
        seed: of tables, weights and training.
        skills: one-word names; the first one is known.
        keys: of each table.
        values: different answers.
        layers: of the model, which is 32 wide.

    Example:
        >>> drawn = draw_skills(0)
        >>> drawn.loss(drawn.network, "a") < 0.1 < 1.0 < drawn.loss(drawn.network, "b")
        True
    """
    draw = random.Random(seed)
    words = [*skills, *(f"k{each}" for each in range(keys)), *(f"v{each}" for each in range(values))]
    tokenizer = build_tokenizer(words, reviews=False)
    ids = tokenizer.convert_tokens_to_ids
    tables = {
        skill: tuple(
            Example(
                {
                    "chosen": [
                        TokenSequence(
                            [tokenizer.bos_token_id, ids(skill), ids(f"k{key}")], [ids(f"v{draw.randrange(values)}")]
                        )
                    ]
                },
                {},
                1.0,
                Source(),
            )
            for key in range(keys)
        )
        for skill in skills
    }
    start = Skills(tiny_model(tokenizer, seed=seed, hidden=32, layers=layers), tables, seed)
    return Skills(tune(start, skills[0], rate=RATE, steps=LEARNING, until=KNOWN).network, tables, seed)


def tune(
    skills: Skills,
    skill: str,
    *,
    rate: float,
    steps: int,
    parameters: Mapping[str, Any] | None = None,
    rank: int = 0,
    until: float = 0.0,
) -> Tuned:
    """Train a copy of the model on all questions of a skill, by likelihood with AdamW and no weight decay.

    Args:
        skills: the model and the tables.
        skill: which table.
        rate: learning rate, constant.
        steps: full-batch steps, at most.
        parameters: which weights move, as in a recipe.
        rank: of LoRA in all linear layers; 0 for none.
        until: loss at which training ends, nats.
    """
    network: Any = copy.deepcopy(skills.network).train()
    if rank:
        network = _with_lora(network, rank, skills.seed)
    examples, strategy = skills.tables[skill], build_strategy(parameters)
    if strategy is not None:
        scorer = CausalScorer(network)
        batch = scorer.collate(examples)
        start = Start(scorer, Supply.of(list(examples)), build("nll"), len(examples), 1, nullcontext, skills.seed)
        more = {"epochs": range(1, steps + 1), "reference": NoReference(), "loader": lambda: [{"batch": batch}] * steps}
        strategy.prepare(Start(**{**vars(start), **more}))
        scorer.close()
    moving = [each for each in network.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(moving, lr=rate, weight_decay=0.0)
    done = 0
    for step in range(steps):
        if strategy is not None:
            strategy.before_step(step, optimizer)
        optimizer.zero_grad()
        loss = _losses(network, examples).mean()
        if float(loss.detach()) <= until:
            break
        loss.backward()  # type: ignore[no-untyped-call]
        if strategy is not None:
            strategy.after_backward()
        optimizer.step()
        if strategy is not None:
            strategy.after_step()
        done = step + 1
    trained = sum(each.numel() for each in moving)
    if strategy is not None:
        trained = int(strategy.facts()["trained_parameters"])
    return Tuned(network.eval(), done, trained)


def _with_lora(network: nn.Module, rank: int, seed: int) -> Any:
    from peft import LoraConfig, get_peft_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        return get_peft_model(network, config)  # type: ignore[arg-type]


def _losses(network: Any, examples: Sequence[Example]) -> Tensor:
    """[n] −log p(answer | question); all questions are of one length, and an answer is one token."""
    rows = [example.views["chosen"][0] for example in examples]
    asked, answers = (
        torch.tensor([[*part] for part in side])
        for side in zip(*((each.prompt, each.response) for each in rows), strict=True)
    )
    scores: Tensor = network(asked).logits[:, -1].log_softmax(-1)
    return -scores.gather(1, answers)[:, 0]


def added_up(start: nn.Module, tuned: Sequence[nn.Module]) -> nn.Module:
    """θ0 + Σ (θ − θ0) over tuned models.

    Args:
        start: θ0.
        tuned: models of the same shape.
    """
    made = copy.deepcopy(start)
    others = [dict(each.named_parameters()) for each in tuned]
    with torch.no_grad():
        for name, weight in made.named_parameters():
            weight.add_(sum(each[name] - weight for each in others))
    return made
