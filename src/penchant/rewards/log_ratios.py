"""Judges without training: the implicit reward of a policy, and the density ratio of two models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Conversation, Message, Record, Text
from penchant.model_folders import absent, adapter_config, base_of, trained_model
from penchant.objectives.functional.density_ratios import density_ratio, implicit_reward
from penchant.plain_files import readable_text
from penchant.rendering.same_vocabulary import check_same_vocabulary
from penchant.rewards.judge import Judge
from penchant.rewards.named_models import name_model
from penchant.rewards.response_logps import Likelihoods, ResponseLikelihood
from penchant.rewards.said import said_of

__all__ = ["DensityRatioJudge", "ImplicitReward"]

LENGTH = "maximum tokens of prompt and response, longer prompts are cut on the left; the models' contexts if absent"
PER_PASS = "responses per forward pass"
TEMPLATE = "plain, chatml, or a Jinja file; the tokenizer's if absent"


class ImplicitReward(Judge):
    """The reward that a tuned model implies: β times its log-ratio to the model it was tuned from.

    r(x, y) = β Σ_t (log π(y_t | x, y_<t) − log π_ref(y_t | x, y_<t))

    Differences of rewards are Bradley-Terry logits if the policy was trained with DPO and this β.

    Args:
        model: a model folder or hub id, the folder of a run, or a model in memory.
        reference: the same for the model before training.
        tokenizer: required if the models are given in memory.
        settings: the other keys.

    Raises:
        ModelError: a model cannot be loaded, or the vocabularies differ.
        ConfigurationError: nothing says what the policy was trained from.

    Reference:
        Rafailov et al. (2023), Direct Preference Optimization, arXiv:2305.18290, section 5.
    """

    id = "implicit"
    formula = "β (log π(y | x) − log π_ref(y | x)), summed over tokens"
    span = "any, higher is better; differences are logits of a policy trained with DPO and this β"
    advice = "Only differences within a prompt mean anything; both rewards of a pair are often negative after DPO."
    reads_messages = True

    model: Annotated[str, "folder or hub id of the tuned model, also an adapter or a run folder"]
    reference: Annotated[
        str | None, "the model before training; if absent, the base of an adapter, or the model of the run's recipe"
    ] = None
    beta: Annotated[float, Gt(0), "inverse temperature of the reward, that of training"] = 0.1
    chat_template: Annotated[str | None, TEMPLATE] = None
    max_length: Annotated[int | None, Gt(1), LENGTH] = None
    batch_size: Annotated[int, Gt(0), PER_PASS] = 16

    def __init__(self, model: Any = None, reference: Any = None, tokenizer: Any = None, **settings: Any) -> None:
        named = name_model(model, settings)
        if reference is not None:
            name_model(reference, settings, "reference")
        super().__init__(**settings)
        first = trained_model(self.model) if named else model
        second = self._reference() if named else reference
        options = {"chat_template": self.chat_template, "max_length": self.max_length, "batch_size": self.batch_size}
        self.models = [ResponseLikelihood(each, tokenizer, **options) for each in (first, second)]  # type: ignore[arg-type]
        names = [model.name for model in self.models]
        check_same_vocabulary(names[0], self.models[0].tokenizer, names[1], self.models[1].tokenizer)

    def _reference(self) -> str:
        if self.reference is not None:
            return trained_model(self.reference)
        inner = trained_model(self.model)
        if adapter_config(inner) is not None:
            return base_of(inner)
        start = _start_of(Path(self.model))
        if start is None:
            raise ConfigurationError(
                f"Nothing says which model {self.model} was trained from: it is no adapter, and no recipe.yaml of a "
                f"run is beside it.{absent(self.model)}",
                where="judge.reference",
                why="The implicit reward is a ratio of two models.",
                fix="Name the model before training: implicit,model=FOLDER,reference=FOLDER.",
            )
        return start

    def to(self, device: Any) -> None:
        """Move both models to a device."""
        for model in self.models:
            model.to(device)

    def identity(self) -> str:
        """See `Judge.identity`."""
        return " ".join([self.id, str(self.beta), *(model.identity() for model in self.models)])

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The implicit reward of each response; NaN for one that leaves no room for the prompt."""
        return self.score_all([prompt], [responses])[0]

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `score` and `Judge.score_all`."""
        policy, reference = (model.of(prompts, responses) for model in self.models)

        def reward(first: Tensor, second: Tensor) -> float:
            return float(implicit_reward(first[None], second[None], self.beta)[0])

        return _joined(policy, reference, lambda own, other: reward(own[0], other[0]), self)


class DensityRatioJudge(Judge):
    """The log-ratio of a better aligned to a less aligned model, which may have another tokenizer: no training at all.

    R(x, y) = Σ_t log π_strong(y_t | c, x, y_<t) − Σ_t log π_weak(y_t | x, y_<t)

    c is an instruction that the strong model alone sees: as a system turn before a conversation, or as a paragraph
    before a text. Only response tokens count.

    Args:
        strong: a model folder or hub id, or a model in memory.
        weak: the same for the less aligned model.
        tokenizers: of the two models, required if they are given in memory.
        settings: the other keys.

    Raises:
        ModelError: a model cannot be loaded.

    Reference:
        Xu et al. (2024), Dr. SoW, arXiv:2411.02481; customised density ratios, section 3.
    """

    id = "density_ratio"
    formula = "log π_strong(y | c, x) − log π_weak(y | x), nats; per token with average"
    span = "any, higher is better"
    advice = "Sums favour long responses where the models differ per token: try average=true."
    reads_messages = True

    strong: Annotated[str, "folder or hub id of the better aligned model"]
    weak: Annotated[str, "folder or hub id of the less aligned model, such as its base"]
    average: Annotated[bool, "divide by the number of the strong model's tokens"] = False
    special_tokens: Annotated[bool, "count the end token and other special tokens of the response"] = True
    instruction: Annotated[str | None, "what the strong model reads before the prompt: criteria, examples"] = None
    instructions: Annotated[
        dict[str, str] | None, "instructions by domain, for records with the field domain; others get instruction"
    ] = None
    chat_template: Annotated[str | None, TEMPLATE] = None
    max_length: Annotated[int | None, Gt(1), LENGTH] = None
    batch_size: Annotated[int, Gt(0), PER_PASS] = 16

    def __init__(
        self, strong: Any = None, weak: Any = None, tokenizers: Sequence[Any] = (None, None), **settings: Any
    ) -> None:
        named = [name_model(each, settings, key) for key, each in (("strong", strong), ("weak", weak))]
        super().__init__(**settings)
        given_models = [
            trained_model(key) if by_name else given
            for by_name, key, given in zip(named, (self.strong, self.weak), (strong, weak), strict=True)
        ]
        options = {"chat_template": self.chat_template, "max_length": self.max_length, "batch_size": self.batch_size}
        pairs = zip(given_models, tokenizers, strict=True)
        self.models = [ResponseLikelihood(*each, **options) for each in pairs]  # type: ignore[arg-type]
        self.domains: dict[str, str] = {}

    def read(self, records: Iterable[Record]) -> None:
        """With ``instructions``, read the domain of each prompt from its record's field ``domain``."""
        if self.instructions:
            for record in records:
                if isinstance(record.fields.get("domain"), str):
                    self.domains[said_of(record.prompt)] = record.fields["domain"]

    def to(self, device: Any) -> None:
        """Move both models to a device."""
        for model in self.models:
            model.to(device)

    def identity(self) -> str:
        """See `Judge.identity`."""
        said = f"{self.average} {self.special_tokens}"
        return " ".join([self.id, said, *(model.identity() for model in self.models)])

    def context(self, prompt: Text) -> str:
        """The instruction that the strong model reads before this prompt."""
        by_domain = (self.instructions or {}).get(self.domains.get(said_of(prompt), ""))
        return by_domain if by_domain is not None else self.instruction or ""

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The density ratio of each response, nats; NaN for one that leaves no room for the prompt."""
        return self.score_all([prompt], [responses])[0]

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `score` and `Judge.score_all`."""
        strong = self.models[0].of([_instructed(each, self.context(each)) for each in prompts], responses)
        weak = self.models[1].of(prompts, responses)
        return _joined(strong, weak, self._ratio, self)

    def _ratio(self, strong: tuple[Tensor, list[int]], weak: tuple[Tensor, list[int]]) -> float:
        counts = [
            torch.tensor([[self.special_tokens or token not in model.special_ids for token in ids]])
            for model, (_logps, ids) in zip(self.models, (strong, weak), strict=True)
        ]
        return float(density_ratio(strong[0][None], weak[0][None], *counts, average=self.average)[0])


def _joined(first: Likelihoods, second: Likelihoods, ratio: Any, judge: Any) -> list[list[float]]:
    """The ratio of each response, NaN where one of the models has no room for it."""
    found = []
    for row in zip(first, second, strict=True):
        own = []
        for one, two in zip(*row, strict=True):
            value = math.nan if one is None or two is None else ratio(one, two)
            if one is not None and two is not None and not math.isfinite(value):
                raise ModelError(
                    f"The judge {judge.id} gives {value} as a log-ratio.",
                    where=" and ".join(model.name for model in judge.models),
                    why="A log-probability must be a finite number.",
                    fix="Check the weights of both models for values that are not finite.",
                )
            own.append(value)
        found.append(own)
    return found


def _instructed(prompt: Text, instruction: str) -> Text:
    """A prompt after an instruction: a paragraph before a text, a system turn before messages."""
    if not instruction:
        return prompt
    if isinstance(prompt, str):
        return f"{instruction}\n\n{prompt}"
    turns: list[Message] = [dict(turn) for turn in prompt]
    if turns and turns[0].get("role") == "system":
        turns[0]["content"] = f"{instruction}\n\n{turns[0].get('content') or ''}"
    else:
        turns.insert(0, {"role": "system", "content": instruction})
    more = (prompt.tools, prompt.arguments) if isinstance(prompt, Conversation) else ()
    return Conversation(turns, *more)


def _start_of(place: Path) -> str | None:
    """The model that a run started from, by the recipe in its folder or above a model or checkpoint in it."""
    folder = place.expanduser()
    for each in (folder, *folder.parents[:2]):
        path = each / "recipe.yaml"
        if path.is_file():
            recipe = yaml_document(readable_text(path, ConfigurationError, "recipe"), str(path))
            return str(recipe["model"]) if isinstance(recipe, dict) and recipe.get("model") else None
    return None
