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
from penchant.errors import ConfigurationError, ModelError
from penchant.evaluation.samples import Samples, take_samples
from penchant.feedback.collection import Feedback
from penchant.forest.encoding import Encoder
from penchant.forest.example import Example
from penchant.generation import Engine, build_engine
from penchant.likelihood.adapters import merge, save_adapter
from penchant.likelihood.adapting.encoder_files import save_encoder
from penchant.likelihood.adapting.kinds import mergeable, virtual_tokens
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.context import length_limit
from penchant.likelihood.core import core_model, has_adapter
from penchant.likelihood.cpu_bfloat16 import advice
from penchant.likelihood.inside.router import router_of
from penchant.likelihood.number_types import stored_type, weights_in_words
from penchant.likelihood.references.named import check_rows, computed_as_policy, load_reference, named_reference
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.reward_folder import other_than, save_reward_model
from penchant.likelihood.scorer import Scorer
from penchant.likelihood.support import refuse_untrainable
from penchant.modalities.adapter_choice import adapter_settings, check_choice, trained_rank, trains_adapter
from penchant.modalities.language_model import check_files, load_policy, model_shape
from penchant.modalities.memory import ModelSize, memory_of
from penchant.modalities.modality import Estimate, Modality, Sizes
from penchant.modalities.own_keys import OF_IMAGES, refuse_keys
from penchant.model_folders import base_of
from penchant.objectives.core.objective import Objective
from penchant.rendering.fingerprints import template_fingerprint, tokenizer_fingerprint
from penchant.rendering.renderer import Renderer
from penchant.rendering.same_vocabulary import check_same_vocabulary
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
    answers_in_text = True
    unit = CausalScorer.unit
    measured_at_once = CausalScorer.measured_at_once
    card: ClassVar = {"library_name": "transformers", "pipeline_tag": "text-generation"}

    def __init__(self, settings: Any, model: Any = None, tokenizer: Any = None) -> None:
        super().__init__(settings, model)
        #: The folder or hub id that holds the weights: the model, or the base of an adapter.
        self.base = base_of(settings.model, settings.base) if model is None else settings.model
        self.tokenizer = tokenizer or load_tokenizer(settings.model, settings.base)
        if tokenizer is not None or self.base != settings.model:
            check_vocabulary(self.tokenizer, rows_of(self.base, model), settings.model)
        self.renderer = Renderer(
            self.tokenizer,
            chat_template=settings.chat_template,
            end_token=settings.end_token,
            template_arguments=settings.template_arguments,
            as_chat=settings.as_chat,
        )
        limits = settings.model, model, self.tokenizer, settings.max_length
        self.max_length = length_limit(*limits, base=settings.base, reserved=virtual_tokens(settings.lora))
        self._check_settings(settings)

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
        return stored_type(self.base, self.given)

    def origin(self) -> dict[str, str]:
        """See `Modality.origin`."""
        return {
            "tokenizer": tokenizer_fingerprint(self.tokenizer),
            "chat template": template_fingerprint(self.renderer),
        }

    def encoder(self, objective: Objective) -> Encoder:
        """See `Modality.encoder`."""
        wanted = objective.requirements
        truncation = Truncation(self.max_length, self.settings.truncation)
        views, fields, on_bad = wanted.views, wanted.fields, self.settings.on_bad
        return Encoder(self.renderer, views, fields, truncation, wanted.optional, on_bad, wanted.numbered)

    def load(self, device: torch.device) -> nn.Module:
        """See `Modality.load`."""
        return self.with_masters(load_policy(self.settings, self.given, device))

    def named_reference(self, named: Any, given: Any, device: torch.device) -> Reference[Any, Any]:
        """See `Modality.named_reference`.

        Raises:
            ModelError: it cannot be loaded, or has another vocabulary.
            ConfigurationError: it is the model that is trained.
        """
        if given is not None and self.given is not None and core_model(given) is core_model(self.given):
            raise ConfigurationError(
                "The reference is the model that is trained, or shares its weights.",
                where="reference",
                fix="Give reference='initial' (its state at the start), or a copy of the model.",
            )
        model = load_reference(named.model, named.adapter, named.base) if given is None else given.eval()
        check_rows(model, self.tokenizer, named.model, self.settings.model)
        settings = self.settings
        if settings.weights == "float32" and not trains_adapter(settings, self.given):
            model = computed_as_policy(model, copied=given is not None)
        scorer = CausalScorer(model.to(device), settings.attention)
        return named_reference(scorer, named.cached, Path(settings.cache) if settings.cache else None, self.precision)

    def _check_settings(self, settings: Any) -> None:
        """Refuse settings that would have no effect, or would fail once the models are loaded."""
        refuse_keys(settings, OF_IMAGES, "image models", "a language model")
        if settings.lora is not None:
            adapter_settings(settings.lora)
        check_choice(settings.adapter, None if settings.lora is None else settings.lora.quantize)
        named = settings.reference
        if isinstance(named, str | None) or named.in_memory:
            return
        base_of(named.model, named.base)
        try:
            other = load_tokenizer(named.model, named.base)
        except ModelError:
            return  # a model without a tokenizer is compared when it is loaded
        check_same_vocabulary(settings.model, self.tokenizer, named.model, other)

    def scorer(self, policy: nn.Module) -> CausalScorer:
        """See `Modality.scorer`."""
        refuse_untrainable(self.settings.attention, policy)
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

    def answers(
        self, scorer: Scorer[Any], prompts: Sequence[Any], *, max_new_tokens: int, temperature: float
    ) -> list[str]:
        """See `Modality.answers`."""
        found = take_samples(
            scorer.model,
            self.renderer,
            prompts,
            max_new_tokens=min(max_new_tokens, max((self.max_length or 10**9) // 2, 1)),
            max_length=self.max_length,
            seed=self.settings.seed,
            temperature=temperature,
        )
        return found.texts

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
        """Save model and tokenizer for ``from_pretrained``; an adapter is merged, and also saved separately.

        An adapter on a model that was merged first is not: that model is in no folder, so the adapter fits none.
        """
        self.rounded(policy)
        saved: Any = policy
        if has_adapter(policy):
            if self.settings.adapter != "merge_first":
                save_adapter(saved, adapter)
            if (self.settings.lora is None or self.settings.lora.quantize is None) and mergeable(saved):
                saved = merge(saved)
        self._end_as_trained(saved)
        saved.save_pretrained(folder)
        save_encoder(saved, folder)
        self._tokenizer_as_trained().save_pretrained(folder)
        return saved

    def save_reward(self, model: nn.Module, objective: Objective, folder: Path) -> None:
        """See `Modality.save_reward`."""
        pad = other_than(self.renderer.end_token_id, self.tokenizer.pad_token_id)
        save_reward_model(model, objective, folder, pad)

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
            check_files(self.settings.model, self.settings.base)

    def _keeps_a_copy(self) -> bool:
        """Whether the reference is a second model of the size of this one in memory."""
        reference = self.settings.reference
        if isinstance(reference, str | None):
            return reference in (None, "initial") and not trains_adapter(self.settings, self.given)
        return bool(reference.in_memory)  # its size is not known here; most references are as large as the policy

    def _other_size(self) -> ModelSize | None:
        """The size of a reference that is another model, which is loaded; None without one."""
        named = self.settings.reference
        if isinstance(named, str | None) or named.in_memory:
            return None
        return ModelSize.of(model_shape(named.model, named.base))

    def estimate(self, sizes: Sizes, *, needs_reference: bool, processes: int = 1) -> Estimate:
        """See `Modality.estimate`."""
        model = model_shape(self.settings.model, self.settings.base)
        size, rank = ModelSize.of(model), trained_rank(self.settings)
        cpu = self.settings.device == "cpu" or not torch.accelerator.is_available()
        found = memory_of(
            size,
            self.settings,
            sizes.largest,
            reference=needs_reference and self._keeps_a_copy(),
            cpu=cpu,
            scored=None if sizes.scored is None else sum(map(_learned_tokens, sizes.scored)),
            measured=sizes.measured,
            processes=processes,
            precision=self.precision,
            rank=rank,
            other=self._other_size(),
        )
        types = weights_in_words(self.stored, self.settings.weights, self.precision, rank, size.parameters)
        described = f"{type(model).__name__}, {size.parameters / 1e6:,.1f} M parameters"
        if self.settings.weights == "float32":
            types |= advice(self.settings.precision, size.hidden, cpu)
        return Estimate(described, found.parts, found.total, types)


def _learned_tokens(example: Example) -> int:
    """Response tokens of an example that the policy wrote, whose logits are computed."""
    return sum(len(each.learned_places) for view in example.views.values() for each in view)


def _last_turn(messages: list[dict[str, Any]]) -> str:
    return str(messages[-1].get("content", "")) if messages else ""
