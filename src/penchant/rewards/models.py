"""`RewardModel`, a judge: a sequence-classification model, or a language model with what training saved beside it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Annotated, Any, cast

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Text, as_text
from penchant.feedback.views.modalities import READ_APART
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.classifier_forest import ClassOutputs
from penchant.likelihood.loading import load_model, load_reward_model
from penchant.likelihood.reward_folder import MEANING, is_classifier, other_than, read_meaning
from penchant.objectives.functional.preferences import bradley_terry
from penchant.rendering.renderer import Renderer
from penchant.rewards.judge import Judge
from penchant.rewards.named_models import name_model, tokenizer_of
from penchant.rewards.said import response_as_trained, tokenizer_identity
from penchant.rewards.state_heads import StateHeads

__all__ = ["RewardModel"]


class RewardModel(Judge):
    """Scores prompt and response with a sequence-classification model with one output, or with what training saved.

    A folder that `penchant train` wrote for a reward objective also says what several outputs mean, or holds a head
    that stands on a language model. Responses to one prompt are computed as a forest, with the prompt once, where the
    model can take it.

    Args:
        model: a folder, a hub id, or a model in memory.
        tokenizer: required if the model is given in memory.
        settings: ``batch_size``, ``max_length`` and ``chat_template``.

    Raises:
        ModelError: the model cannot be loaded, or does not have exactly one output.
    """

    id = "reward_model"
    formula = "the output of the class head at the end token, or what the objective makes of several outputs"
    span = "any, higher is better; a difference is a Bradley-Terry logit of such a model"
    advice = "Only differences within a prompt mean anything, and scores of two models cannot be compared."
    reads_messages = True
    #: The objective that trained the model, which says what its outputs mean; None for other models.
    meaning: Any = None

    model: Annotated[str, "folder or hub id of a sequence-classification model with one output"]
    batch_size: Annotated[int, Gt(0), "sequences per forward pass"] = 16
    max_length: Annotated[
        int | None, Gt(0), "maximum number of tokens, longer inputs are cut on the left; the model's limit if absent"
    ] = None
    chat_template: Annotated[
        str | None, "plain, chatml, or a Jinja file, for a tokenizer without the template of its training"
    ] = None
    annotator: Annotated[
        int | None, Ge(0), "of a model of several people, the number of the one whose taste judges; all if absent"
    ] = None
    spread: Annotated[
        bool, "of a reward with a distribution: score how unsure the model is, in the unit of the ratings, instead"
    ] = False
    coefficient: Annotated[
        float, Ge(0), "of a reward with a distribution: how many times the spread is subtracted from a reward"
    ] = 0.0
    without: Annotated[
        int | None, Interval(ge=1, le=2), "of a crmt model, the modality that it does without: 1 prompt, 2 response"
    ] = None

    class_values: Annotated[
        list[float] | None,
        "of a model of four classes: what left, right, both good and both bad are worth, such as [1, -1, 0.5, -0.5]; a "
        "response has their mean over all responses to its prompt",
    ] = None

    def __init__(self, model: Any = None, tokenizer: Any = None, **settings: Any) -> None:
        named = name_model(model, settings)
        super().__init__(**settings)
        tokenizer = tokenizer_of(self.model if named else None, tokenizer, "reward model")
        self.meaning = read_meaning(self.model) if named else None
        # A head that transformers has no place for stands on a language model.
        self.on_states = self.meaning is not None and not is_classifier(self.model)
        load = load_model if self.on_states else load_reward_model
        self.network = (load(self.model) if named else model).eval()
        self.renderer = Renderer(tokenizer, chat_template=self.chat_template)
        self._check_outputs()
        self._choose_annotator()
        self._choose_modality()
        self._check_spread()
        config = self.network.config.get_text_config()
        self.longest = self.max_length or getattr(config, "max_position_embeddings", None)
        # The classifier reads the last token that is not padding; that must be the end token.
        self.pad = other_than(self.renderer.end_token_id, tokenizer.pad_token_id)
        config.pad_token_id = self.network.config.pad_token_id = self.pad
        self.gives_scores = self.meaning is None or self.meaning.scalar
        self._check_class_values()
        self.classes = ClassOutputs(self.network, self.pad)
        self._heads: StateHeads | None = None

    def _choose_annotator(self) -> None:
        if self.annotator is None:
            return
        people = getattr(self.meaning, "annotators", None)
        if people is None or self.annotator >= people:
            raise ConfigurationError(
                f"The annotator is {self.annotator}, but this model "
                + ("knows no annotators." if people is None else f"knows those from 0 to {people - 1}."),
                where="judge.annotator",
                fix="Leave the annotator out." if people is None else "Train new annotators: docs/pluralism.md.",
            )
        self.meaning.viewer = self.annotator

    def _choose_modality(self) -> None:
        #: Whether prompt and response are read apart.
        self.apart = bool(getattr(self.meaning, "apart", False))
        if self.without is None:
            return
        if not self.apart:
            raise ConfigurationError(
                "This model reads prompt and response together: no modality can be left out.",
                where="judge.without",
                fix="Leave without out, or train with --objective crmt.",
            )
        self.meaning.without = self.without - 1

    def _check_class_values(self) -> None:
        if self.class_values is None:
            return
        if not hasattr(self.meaning, "valued") or len(self.class_values) != 4:
            raise ConfigurationError(
                f"The values of classes are {self.class_values}, and "
                + ("this model has no classes." if not hasattr(self.meaning, "valued") else "there are four classes."),
                where="judge.class_values",
                fix="Give four numbers to a model of four-class-preference: left, right, both good, both bad.",
            )
        self.gives_scores, self.scores_alone = True, False

    @property
    def _spreads(self) -> bool:
        return self.spread or self.coefficient > 0

    def _check_spread(self) -> None:
        if self._spreads and not hasattr(self.meaning, "spread"):
            raise ConfigurationError(
                "This model does not say how sure it is of a reward.",
                where=f"judge.{'spread' if self.spread else 'coefficient'}",
                fix="Leave it out, train with --objective quantile-reward, gaussian-reward or distributional-reward, "
                "or combine several models (--combine ensemble,how=uncertainty).",
            )
        if self.spread and self.coefficient:
            raise ConfigurationError(
                "With spread=true no reward is given from which a spread could be subtracted.",
                where="judge.coefficient",
                fix="Leave one of the two out.",
            )

    def _check_outputs(self) -> None:
        if self.on_states:
            return
        outputs = self.network.config.num_labels
        if self.meaning is not None and self.meaning.reward_head.outputs != outputs:
            raise ModelError(
                f"The model has {outputs} outputs, but {MEANING} describes {self.meaning.reward_head.outputs}.",
                where=self.model,
                fix="Restore the model folder of the run.",
            )
        if self.meaning is None and outputs != 1:
            raise ModelError(
                f"The model has {self.network.config.num_labels} outputs, expected 1: the reward.",
                why="It is unknown which output is the reward.",
                fix="Use a reward model trained with num_labels=1.",
            )

    def to(self, device: Any) -> None:
        """Move the model to a device."""
        self.network.to(device)
        self.classes = ClassOutputs(self.network, self.pad)  # the attention depends on the device
        self._heads = None

    def identity(self) -> str:
        """See `Judge.identity`."""
        # A trained head is among the classifier's outputs, but what it means is beside them.
        meaning = "" if self.meaning is None else f"{self.meaning.id} {self.meaning.hyper} {_numbers(self.meaning)}"
        chosen = f"{self.annotator} {self.without}" + (f" {self.spread} {self.coefficient}" if self._spreads else "")
        said = f"{self.longest} {chosen} {meaning} {tokenizer_identity(self.renderer)}"
        return f"{self.id} {fingerprint(self.network)} {said}"

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The reward of each response: the model's output, or what its objective makes of several outputs.

        Raises:
            ModelError: an output is not finite, or the model only compares.
        """
        return self.score_all([prompt], [responses])[0]

    @torch.no_grad()
    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `score` and `Judge.score_all`."""
        if not self.gives_scores:
            raise ModelError(
                f"The model was trained with {self.meaning.id}, which compares responses and gives no rewards.",
                where=self.model,
                fix="Use it where responses are compared.",
            )
        found = self._outputs(prompts, responses)
        if self.meaning is None:
            rewards = [each[:, 0] for each in found]
        else:
            rewards = [self._rewards(*each) for each in self._with_states(prompts, found)]
        return [[float(value) for value in each] for each in rewards]

    def _rewards(self, outputs: Tensor, prompt_state: Tensor | None) -> Tensor:
        if self.spread:
            return cast(Tensor, self.meaning.spread(outputs))
        if self.class_values is not None:
            return cast(Tensor, self.meaning.valued(outputs, self.class_values))
        rewards = cast(Tensor, self.meaning.judged(outputs, prompt_state))
        return rewards - self.coefficient * self.meaning.spread(outputs) if self.coefficient else rewards

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """The probability that response i is preferred to response j, as the model's objective defines it; [K, K].

        Raises:
            ModelError: an output is not finite.
        """
        return self.compare_all([prompt], [responses])[0]

    @torch.no_grad()
    def compare_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        """See `compare` and `Judge.compare_all`."""
        found = self._outputs(prompts, responses)
        if self.meaning is None:
            return [bradley_terry(each[:, 0]) for each in found]
        tables = [self.meaning.preferences(*each) for each in self._with_states(prompts, found)]
        return [each.clamp(0.0, 1.0) for each in tables]

    def _with_states(self, prompts: Sequence[Text], outputs: Sequence[Tensor]) -> list[tuple[Tensor, Tensor | None]]:
        """The outputs of each prompt's responses, with the state of the prompt where the objective reads it."""
        reads = self.meaning.reads_prompt
        return [(own, self._prompt_state(each) if reads else None) for each, own in zip(prompts, outputs, strict=True)]

    @torch.no_grad()
    def _prompt_state(self, prompt: Text) -> Tensor:
        """[D] the hidden state at the last token of the prompt."""
        kept = self.renderer.prompt_ids(prompt)
        ids = torch.tensor(
            [kept if self.longest is None else kept[-self.longest :]], device=next(self.network.parameters()).device
        )
        found: Tensor = self.network.base_model(input_ids=ids)[0][0, -1].double().cpu()
        return found

    @torch.no_grad()
    def _outputs(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        """For each prompt [K, n] the outputs at the last token of each response."""
        if self.apart:
            responses = [[as_text(prompt), *own] for prompt, own in zip(prompts, responses, strict=True)]
            prompts = [READ_APART] * len(responses)
        rows: list[list[int]] = []
        owners: list[int] = []
        starts: list[int] = []
        for owner, (prompt, own) in enumerate(zip(prompts, responses, strict=True)):
            for row, start in self._rows(prompt, own):
                rows.append(row)
                starts.append(start)
                owners.append(owner)
        outputs = []
        for first in range(0, len(rows), self.batch_size):
            part = slice(first, first + self.batch_size)
            if self.on_states:
                read = self._read_states(rows[part], owners[part], starts[part])
            else:
                read = self.classes(rows[part], owners[part])
            outputs.append(read.double().cpu())
        if not outputs:
            return [torch.zeros(0, 1, dtype=torch.float64) for _own in responses]
        found = list(torch.cat(outputs).split([len(own) for own in responses]))
        for prompt, own, values in zip(prompts, responses, found, strict=True):
            self._check_finite(prompt, own, values)
        return found

    def _rows(self, prompt: Text, responses: Sequence[Any]) -> list[tuple[list[int], int]]:
        """The token ids of the prompt and each response, cut on the left, and how many of them are the prompt's."""
        prompt_ids = self.renderer.prompt_ids(prompt)
        found = []
        for response in responses:
            own = response_as_trained(self.renderer, prompt, response)
            row = prompt_ids + own
            row = row if self.longest is None else row[-self.longest :]
            found.append((row, max(1, len(row) - len(own))))
        return found

    def _check_finite(self, prompt: Text, responses: Sequence[Any], outputs: Tensor) -> None:
        bad = next((place for place, row in enumerate(outputs.tolist()) if not all(map(math.isfinite, row))), None)
        if bad is not None:
            raise ModelError(
                f"The reward model {self.model} gives {', '.join(map(str, outputs[bad].tolist()))}, "
                f"for the prompt {str(prompt)[:80]!r} and the "
                f"response {str(responses[bad])[:80]!r}.",
                why="A score must be a finite number.",
                fix="Check its weights for values that are not finite.",
            )

    def _read_states(self, rows: list[list[int]], owners: list[int], starts: list[int]) -> Tensor:
        """[R, n] what the objective reads from the states of a language model."""
        if self._heads is None:
            self._heads = StateHeads(self.network, self.meaning)
        found: Tensor = self._heads(rows, owners, starts)
        return found


def _numbers(objective: Any) -> str:
    """A hash of an objective's trained parts."""
    digest = hashlib.sha256()
    for name, value in sorted(objective.state_dict().items()):
        digest.update(f"{name} {value.dtype} {value.tolist()}".encode())
    return digest.hexdigest()
