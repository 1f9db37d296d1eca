"""`ImageModality`: responses are images, the policy is the denoiser of a diffusers pipeline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from penchant.checks.diagnosis import Diagnosis
from penchant.checks.doctor import examine
from penchant.errors import ConfigurationError
from penchant.feedback.collection import Feedback
from penchant.generation.images import contact_sheet, sample_images
from penchant.likelihood.cache import VOLATILE, default_folder, fingerprint
from penchant.likelihood.denoiser import check_checkpointing
from penchant.likelihood.denoising import DenoisingScorer
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.encodings import CachedCodec
from penchant.likelihood.image_batch import Codec, ImageEncoder
from penchant.likelihood.noise import schedule_of
from penchant.likelihood.number_types import stored_type
from penchant.likelihood.pipelines import PipelineCodec, denoiser_of, load_pipeline
from penchant.likelihood.scorer import Scorer
from penchant.manifest import digest_of
from penchant.modalities.denoiser_adapter import save_lora, with_adapter
from penchant.modalities.memory import optimizer_bytes
from penchant.modalities.modality import Estimate, Modality, Sizes
from penchant.modalities.own_keys import OF_TEXT, refuse_keys
from penchant.objectives.core.objective import Objective
from penchant.plain_files import stands
from penchant.rendering.fingerprints import tokenizer_fingerprint

__all__ = ["ImageModality", "ImageSamples"]

# Checks of words, which do not apply to images.
OF_WORDS = re.compile("length|longer|near duplicates")
# Images shown per prompt.
SHOWN = 8


@dataclass(frozen=True)
class ImageSamples:
    """Sampled images per prompt; ``mean_length`` is constant, since images have no length."""

    pictures: list[list[Any]]
    mean_length: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)


class ImageModality(Modality):
    """Responses are images, the policy is the denoiser of a diffusers pipeline.

    Args:
        settings: the run's recipe.
        model: a pipeline in memory, or None.
        tokenizer: ignored; a pipeline has its own.
    """

    name = "images"
    unit = DenoisingScorer.unit
    shared_reference = "initial"
    card: ClassVar = {"library_name": "diffusers", "pipeline_tag": "text-to-image"}

    def __init__(self, settings: Any, model: Any = None, tokenizer: Any = None) -> None:
        super().__init__(settings, model)
        refuse_keys(settings, OF_TEXT, "language models", "a denoiser of images")
        self.denoising = settings.denoising or DenoisingSettings()

    @cached_property
    def pipeline(self) -> Any:
        """The pipeline, loaded at first use; the checks of the data do not need it."""
        return load_pipeline(self.settings.model) if self.given is None else self.given

    @cached_property
    def codec(self) -> PipelineCodec:
        """The codec that turns images and prompts into inputs of the denoiser."""
        return PipelineCodec(self.pipeline, self.settings.images)

    @property
    def network(self) -> nn.Module:
        """The pipeline's denoiser."""
        return denoiser_of(self.pipeline)[1]

    @cached_property
    def stored(self) -> str | None:
        """See `Modality.stored`."""
        return stored_type(self.settings.model, self.network)

    @classmethod
    def recognises(cls, source: str, model: Any) -> bool:
        """See `Modality.recognises`."""
        return hasattr(model, "scheduler") or (model is None and stands(Path(source) / "model_index.json"))

    def origin(self) -> dict[str, str]:
        """See `Modality.origin`; the denoiser is the model, the rest of the pipeline is compared here."""
        modules = (self.codec.vae, *self.codec.texts)
        parts = self.pipeline.components
        tokenizers = [tokenizer_fingerprint(parts[name]) for name in sorted(parts) if hasattr(parts[name], "get_vocab")]
        scheduler = {name: value for name, value in self.pipeline.scheduler.config.items() if name not in VOLATILE}
        weights = [None if each is None else fingerprint(each) for each in modules]
        return {"pipeline": digest_of([weights, tokenizers, scheduler])}

    def encoder(self, objective: Objective) -> ImageEncoder:
        """See `Modality.encoder`."""
        wanted = objective.requirements
        codec: Codec = self.codec
        if self.codec.vae is not None or self.codec.texts:
            codec = CachedCodec(self.codec, Path(self.settings.cache) if self.settings.cache else default_folder())
        return ImageEncoder(codec, wanted.views, wanted.fields, wanted.optional)

    def load(self, device: torch.device) -> nn.Module:
        """See `Modality.load`."""
        if self.settings.adapter is not None or self.settings.base is not None:
            raise ConfigurationError(
                "adapter and base are keys of language models; a denoiser starts without an adapter.",
                where="adapter",
                fix="Remove them; merge the adapter into the pipeline (fuse_lora of diffusers) before training.",
            )
        if self.settings.gradient_checkpointing:
            check_checkpointing(self.network)
        network = self.network.to(device)
        return self.with_masters(network if self.settings.lora is None else with_adapter(network, self.settings.lora))

    def scorer(self, policy: nn.Module) -> DenoisingScorer:
        """See `Modality.scorer`."""
        return DenoisingScorer(policy, schedule_of(self.pipeline.scheduler), self.denoising, self.settings.seed)

    def sample(self, scorer: Scorer[Any], prompts: Sequence[Any]) -> ImageSamples:
        """See `Modality.sample`."""
        asked = [prompt for prompt in prompts for _ in range(SHOWN)]
        found = sample_images(
            scorer.model,
            self.pipeline.scheduler,
            self.codec,
            asked,
            steps=self.settings.sample_steps,
            seed=self.settings.seed,
        )
        return ImageSamples([found[start : start + SHOWN] for start in range(0, len(found), SHOWN)])

    def shown(
        self, folder: Path, prompts: Sequence[Any], before: ImageSamples, after: ImageSamples
    ) -> list[dict[str, Any]]:
        """See `Modality.shown`."""
        rows = []
        for place, prompt in enumerate(prompts):
            row: dict[str, Any] = {"prompt": str(prompt)}
            for side, made in (("before", before), ("after", after)):
                file = Path("samples") / f"{place:03d}-{side}.png"
                (folder / file).parent.mkdir(exist_ok=True)
                contact_sheet([made.pictures[place]]).save(folder / file)
                row |= {f"{side}_image": str(file), f"reward_{side}": None}
            rows.append(row)
        return rows

    def examine(self, train: Feedback, other: Feedback | None) -> Diagnosis:
        """See `Modality.examine`; checks of words are omitted."""
        found = examine(train, None, other=other)
        return Diagnosis([check for check in found.checks if not OF_WORDS.search(check.name)])

    def save(self, policy: nn.Module, folder: Path, adapter: Path) -> Any:
        """The pipeline with the trained denoiser, as ``DiffusionPipeline.from_pretrained`` loads it."""
        self.rounded(policy)
        saved: Any = policy
        name = denoiser_of(self.pipeline)[0]
        if hasattr(policy, "merge_and_unload"):
            save_lora(self.pipeline, name, saved, adapter)
            saved = saved.merge_and_unload()
        setattr(self.pipeline, name, saved)
        self.pipeline.save_pretrained(folder)
        return self.pipeline

    def save_settings(self, policy: nn.Module, folder: Path) -> None:
        """See `Modality.save_settings`; a pipeline's settings are those of its scheduler and of its denoiser."""
        network: Any = policy.get_base_model() if hasattr(policy, "get_base_model") else policy  # type: ignore[operator]
        network.save_config(folder / denoiser_of(self.pipeline)[0])
        self.pipeline.scheduler.save_pretrained(folder / "scheduler")
        self.pipeline.save_config(folder)

    def estimate(self, sizes: Sizes, *, needs_reference: bool, processes: int = 1) -> Estimate:
        """See `Modality.estimate`; activations, which depend on the kind of denoiser, are not in it."""
        parameters = sum(parameter.numel() for parameter in self.network.parameters())
        channels, height, width = self.codec.shape
        shape = f"{type(self.network).__name__}, {parameters / 1e6:,.1f} M parameters"
        facts = {"images": f"{channels} x {height} x {width} as inputs of the denoiser"}
        kept = needs_reference and self.settings.lora is None and self.settings.reference in (None, "initial")
        trained = parameters if self.settings.lora is None else 0
        parts = {
            "weights": 4.0 * parameters / processes,
            "gradients": 4.0 * trained / processes,
            "optimizer": optimizer_bytes(self.settings.optimizer) * trained / processes,
            "reference": 4.0 * parameters * kept / processes,
        }
        found = {name: value for name, value in parts.items() if value}
        return Estimate(f"{shape}; without activations", found, sum(found.values()), facts)
