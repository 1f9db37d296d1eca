"""Language models as predictors of ratings: prompted, or fine-tuned with a head for classes or for a number."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.ratings.protocol import Rated, Split, Task, parse_rating, prompt_of
from penchant.generation import generate
from penchant.rendering.renderer import Renderer

__all__ = ["FineTuning", "Prompted", "fine_tuned", "prompted"]

#: The classes of ratings.
CLASSES = (1.0, 2.0, 3.0, 4.0, 5.0)
Head = Literal["classification", "regression"]


@dataclass(frozen=True)
class Prompted:
    """Predictions of a prompted model.

    Args:
        predicted: a rating per task; where no number was found, the mean of the user's earlier ratings.
        failures: share of the tasks where no number was found.
    """

    predicted: list[float]
    failures: float


def prompted(
    model: Any, tokenizer: Any, split: Split, *, shots: int = 0, seed: int = 0, max_new_tokens: int = 4
) -> Prompted:
    """Ask a model for the rating, and take the first number that it writes (greedy decoding).

    Args:
        model: a causal language model of transformers.
        tokenizer: its tokenizer.
        split: the tasks; of the training data only demonstrations are taken.
        shots: demonstrations per prompt, each of another user; 0 is zero-shot.
        seed: which demonstrations are drawn.
        max_new_tokens: length of the answer.

    Raises:
        ConfigurationError: there are not as many other users as demonstrations.
    """
    rng, by_user = random.Random(seed), _by_user(split.train)
    renderer = Renderer(tokenizer)
    prompts = [renderer.prompt_ids(_prompt(task, _drawn(by_user, task, shots, rng))) for task in split.tasks]
    stops = list(renderer.stop_token_ids)
    options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "stop_token_ids": stops, "temperature": 0.0}
    written = [rows[0] for rows in generate(model, tokenizer, prompts, **options)]
    found = [parse_rating(tokenizer.decode(ids, skip_special_tokens=True)) for ids in written]
    usual = [fmean(each.rating for each in task.history) for task in split.tasks]
    predicted = [guess if guess is not None else mean for guess, mean in zip(found, usual, strict=True)]
    return Prompted(predicted, sum(guess is None for guess in found) / len(found))


@dataclass(frozen=True)
class FineTuning:
    """How a model is fine-tuned to predict ratings.

    Args:
        head: ``classification``: a class per rating, of which the expected value is the prediction; ``regression``: a
            number, by squared error.
        most_likely: predict the most likely class in place of the expected value.
        epochs: passes over the ratings.
        batch_size: ratings in a step.
        learning_rate: of AdamW over all weights.
        seed: of the head and the order.

    Raises:
        ConfigurationError: an unknown head.
    """

    head: Head = "regression"
    most_likely: bool = False
    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.head not in get_args(Head):
            raise ConfigurationError(f"There is no head {self.head!r}.", fix=f"Known: {', '.join(get_args(Head))}.")


def fine_tuned(model: Any, tokenizer: Any, split: Split, plan: FineTuning | None = None) -> list[float]:
    """Fine-tune a model on the training ratings, each asked for after the earlier ones of its user, and predict.

    Args:
        model: a causal language model of transformers; it is trained in place.
        tokenizer: its tokenizer.
        split: training data and tasks.
        plan: head and settings.

    Returns:
        A rating per task.

    Raises:
        ConfigurationError: no user of the training data has two ratings.
    """
    plan = plan or FineTuning()
    tasks = [
        Task(tuple(given[:place]), given[place])
        for given in _by_user(split.train).values()
        for place in range(1, len(given))
    ]
    if not tasks:
        raise ConfigurationError("No user of the training data has two ratings, so there is nothing to learn from.")
    renderer = Renderer(tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        head = nn.Linear(model.config.hidden_size, len(CLASSES) if plan.head == "classification" else 1)
    centre = fmean(task.target.rating for task in tasks)
    predictor = _Predictor(model.base_model, head, plan, centre)
    optimizer = torch.optim.AdamW([*model.base_model.parameters(), *head.parameters()], lr=plan.learning_rate)
    prompts = [renderer.prompt_ids(_prompt(task)) for task in tasks]
    ratings = torch.tensor([task.target.rating for task in tasks])
    rng = random.Random(plan.seed)
    for _ in range(plan.epochs):
        order = rng.sample(range(len(tasks)), len(tasks))
        for start in range(0, len(order), plan.batch_size):
            places = order[start : start + plan.batch_size]
            loss = predictor.loss([prompts[place] for place in places], ratings[places])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    asked = [renderer.prompt_ids(_prompt(task)) for task in split.tasks]
    with torch.no_grad():
        parts = [predictor.ratings(asked[start : start + 64]) for start in range(0, len(asked), 64)]
    return torch.cat(parts).tolist()


class _Predictor:
    """A body, a head on its last state, and what they say of ratings."""

    def __init__(self, body: Any, head: nn.Linear, plan: FineTuning, centre: float) -> None:
        self.body, self.head, self.plan, self.centre = body, head, plan, centre

    def outputs(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """[B, classes], or [B, 1] the distance from the centre."""
        lengths = torch.tensor([len(each) for each in prompts])
        ids = nn.utils.rnn.pad_sequence([torch.tensor(each) for each in prompts], batch_first=True)
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.head(states[torch.arange(len(ids)), lengths - 1].float())

    def loss(self, prompts: Sequence[Sequence[int]], ratings: Tensor) -> Tensor:
        """Cross-entropy of the nearest class, or squared error."""
        outputs = self.outputs(prompts)
        if self.plan.head == "regression":
            return ((outputs[:, 0] + self.centre - ratings) ** 2).mean()
        nearest = (ratings[:, None] - torch.tensor(CLASSES)).abs().argmin(dim=1)
        return nn.functional.cross_entropy(outputs, nearest)

    def ratings(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """[B] predicted ratings in [1, 5]."""
        outputs, classes = self.outputs(prompts), torch.tensor(CLASSES)
        if self.plan.head == "regression":
            return (outputs[:, 0] + self.centre).clamp(CLASSES[0], CLASSES[-1])
        return classes[outputs.argmax(dim=1)] if self.plan.most_likely else outputs.softmax(dim=1) @ classes


def _prompt(task: Task, demonstrations: Sequence[Task] = ()) -> str:
    shown = [(_said(each.history), each.target.title, each.target.rating) for each in demonstrations]
    return prompt_of(_said(task.history), task.target.title, shown)


def _said(history: Sequence[Rated]) -> list[tuple[str, float]]:
    return [(each.title, each.rating) for each in history]


def _by_user(train: Sequence[Rated]) -> dict[int, list[Rated]]:
    found: dict[int, list[Rated]] = {}
    for each in train:
        found.setdefault(each.user, []).append(each)
    return found


def _drawn(by_user: dict[int, list[Rated]], task: Task, shots: int, rng: random.Random) -> list[Task]:
    """Demonstrations: the last training rating of other users, after their earlier ones."""
    others = [user for user, given in by_user.items() if user != task.target.user and len(given) > 1]
    if len(others) < shots:
        raise ConfigurationError(f"There are {len(others)} other users for {shots} demonstrations.")
    return [Task(tuple(by_user[user][:-1]), by_user[user][-1]) for user in rng.sample(others, shots)]
