"""`TextModality`: responses are texts, the policy is a causal language model of transformers."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from penchant.checks.diagnosis import Diagnosis
from penchant.checks.doctor import examine
from penchant.errors import ConfigurationError
from penchant.evaluation.samples import Samples, take_samples
from penchant.feedback.collection import Feedback
from penchant.forest.encoding import Encoder
from penchant.generation import Engine, build_engine
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.context import length_limit
from penchant.likelihood.number_types import stored_type, weights_in_words
from penchant.likelihood.router import router_of
from penchant.likelihood.scorer import Scorer
from penchant.modalities.language_model import check_files, load_policy, model_shape
from penchant.modalities.memory import ModelSize, memory_of
from penchant.modalities.modality import Estimate, Modality
from penchant.objectives.core.objective import Objective
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rendering.truncation import Truncation
from penchant.rendering.vocabulary import check_vocabulary, rows_of

__all__ = ["TextModality"]


class TextModality(Modality):
    """Responses are texts, the policy is a causal language model.

    Args:
        settings: the run's recipe.
        model: a model in memory, or None.
        tokenizer: the model's tokenizer, or None to load the recipe's.
    """

    name = "text"
    unit = CausalScorer.unit
    card: ClassVar = {"library_name": "transformers", "pipeline_tag": "text-generation"}

    def __init__(self, settings: Any, model: Any = None, tokenizer: Any = None) -> None:
        super().__init__(settings, model)
        self.tokenizer = tokenizer or load_tokenizer(settings.model)
        if tokenizer is not None:
            check_vocabulary(tokenizer, rows_of(settings.model, model), settings.model)
        self.renderer = Renderer(
            self.tokenizer,
            chat_template=settings.chat_template,
            end_token=settings.end_token,
            template_arguments=settings.template_arguments,
            as_chat=settings.as_chat,
        )
        self.max_length = length_limit(settings.model, model, self.tokenizer, settings.max_length)

    @classmethod
    def recognises(cls, source: str, model: Any) -> bool:
        """See `Modality.recognises`."""
        return hasattr(model, "get_output_embeddings")

    @classmethod
    def check_given(cls, tokenizer: Any) -> None:
        """See `Modality.check_given`."""
        if tokenizer is None:
            raise ConfigurationError(
                "The model is given in memory, without a tokenizer.", fix="Pass tokenizer=... with model=..."
            )

    @cached_property
    def stored(self) -> str | None:
        """See `Modality.stored`."""
        return stored_type(self.settings.model, self.given)

    def encoder(self, objective: Objective) -> Encoder:
        """See `Modality.encoder`."""
        wanted = objective.requirements
        truncation = Truncation(self.max_length, self.settings.truncation)
        return Encoder(
            self.renderer, wanted.views, wanted.fields, truncation, wanted.optional, on_bad=self.settings.on_bad
        )

    def load(self, device: torch.device) -> nn.Module:
        """See `Modality.load`."""
        return self.with_masters(load_policy(self.settings.model, self.given, self.settings.lora, device))

    def scorer(self, policy: nn.Module) -> CausalScorer:
        """See `Modality.scorer`."""
        scorer = CausalScorer(policy, self.settings.attention)
        scorer.router = router_of(scorer.core, self.settings.router_aux_loss)
        return scorer

    def engine(self, settings: Mapping[str, Any], max_new_tokens: int) -> Engine:
        """See `Modality.engine`; prompts are limited so that the response fits."""
        longest_prompt = None if self.max_length is None else self.max_length - max_new_tokens
        return build_engine(settings, self.renderer, longest_prompt)

    def sample(self, scorer: Scorer[Any], prompts: Sequence[Any]) -> Samples:
        """See `Modality.sample`."""
        return take_samples(
            scorer.model,
            self.renderer,
            prompts,
            max_new_tokens=min(self.settings.sample_tokens, max((self.max_length or 10**9) // 2, 1)),
            max_length=self.max_length,
            seed=self.settings.seed,
        )

    def shown(self, folder: Path, prompts: Sequence[Any], before: Samples, after: Samples) -> list[dict[str, Any]]:
        """See `Modality.shown`."""
        texts = [prompt if isinstance(prompt, str) else _last_turn(prompt) for prompt in prompts]
        rows = zip(texts, before.texts, after.texts, strict=True)
        return [
            {"prompt": prompt, "before": first, "after": second, "reward_before": None, "reward_after": None}
            for prompt, first, second in rows
        ]

    def examine(self, train: Feedback, other: Feedback | None) -> Diagnosis:
        """See `Modality.examine`."""
        policy, on_bad = self.settings.truncation, self.settings.on_bad
        return examine(train, self.renderer, max_length=self.max_length, policy=policy, other=other, on_bad=on_bad)

    def save(self, policy: nn.Module, folder: Path, adapter: Path) -> Any:
        """Save model and tokenizer for ``from_pretrained``; an adapter is merged, and also saved separately."""
        self.rounded(policy)
        saved: Any = policy
        if hasattr(policy, "merge_and_unload"):
            saved.save_pretrained(adapter)
            if self.settings.lora is None or self.settings.lora.quantize is None:
                saved = saved.merge_and_unload()
        self._end_as_trained(saved)
        saved.save_pretrained(folder)
        self._tokenizer_as_trained().save_pretrained(folder)
        return saved

    def save_settings(self, policy: nn.Module, folder: Path) -> None:
        """See `Modality.save_settings`."""
        model: Any = policy.get_base_model() if hasattr(policy, "get_base_model") else policy  # type: ignore[operator]
        generation = copy.deepcopy(getattr(model, "generation_config", None))
        try:
            self._end_as_trained(model)
            model.save_pretrained(folder, state_dict={})  # the path of `save`, with no weight to write
        finally:
            model.generation_config = generation
        self._tokenizer_as_trained().save_pretrained(folder)

    def _end_as_trained(self, model: Any) -> None:
        """Training teaches the model to end with the renderer's tokens, so generation must stop at them."""
        generation = getattr(model, "generation_config", None)
        if generation is not None:
            known = generation.eos_token_id
            ends = [known] if isinstance(known, int) else list(known or [])
            generation.eos_token_id = sorted({*ends, *self.renderer.stop_token_ids})

    def _tokenizer_as_trained(self) -> Any:
        """The tokenizer with the chat template of the run, so that it renders conversations as in training."""
        template, tokenizer = self.renderer.chat_template, self.renderer.tokenizer
        if template is None or template == tokenizer.chat_template:
            return tokenizer
        tokenizer = copy.deepcopy(tokenizer)
        probe = [{"role": "user", "content": "Hi"}]
        # The built-in templates leave BOS to the tokenizer, which adds none to rendered templates.
        for tokenizer.chat_template in ("{{ bos_token }}" + template, template):
            rendered = tokenizer.apply_chat_template(
                probe, add_generation_prompt=True, tokenize=True, return_dict=False, **self.renderer.chat.arguments
            )
            if rendered == self.renderer.prompt_ids(probe):
                break
        return tokenizer

    def check_files(self) -> None:
        """See `Modality.check_files`."""
        if self.given is None:
            check_files(self.settings.model)

    def _keeps_a_copy(self) -> bool:
        """Whether the reference is a model of its own in memory."""
        reference = self.settings.reference
        if hasattr(reference, "model"):  # another model, which may be read from its cache
            return not getattr(reference, "cached", False)
        return reference in (None, "initial") and self.settings.lora is None

    def estimate(self, largest: int, *, measured: int, needs_reference: bool, processes: int = 1) -> Estimate:
        """See `Modality.estimate`."""
        model = model_shape(self.settings.model)
        size = ModelSize.of(model)
        found = memory_of(
            size,
            self.settings,
            largest,
            reference=needs_reference and self._keeps_a_copy(),
            cpu=self.settings.device == "cpu" or not torch.accelerator.is_available(),
            measured=measured,
            processes=processes,
            precision=self.precision,
        )
        types = weights_in_words(
            self.stored, self.settings.weights, self.precision, self.settings.lora, size.parameters
        )
        described = f"{type(model).__name__}, {size.parameters / 1e6:,.1f} M parameters"
        return Estimate(described, found.parts, found.total, types)


def _last_turn(messages: list[dict[str, Any]]) -> str:
    return str(messages[-1].get("content", "")) if messages else ""
