"""`RecipeKeywords`: the keys of a recipe. Written by ``python -m penchant.training.keywords``."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.image_settings import ImageSettings
from penchant.training.settings.adapter import LoRA
from penchant.training.settings.evaluating import SampledEvaluation
from penchant.training.settings.keeping import EarlyStopping

__all__ = ["RecipeKeywords"]


class RecipeKeywords(TypedDict, total=False):
    """Keys of a `penchant.training.Recipe`, which `penchant.train` takes as keywords."""

    base: str | None
    adapter: Literal["continue", "merge_first", "new"] | None
    modality: str | None
    denoising: DenoisingSettings | dict[str, Any] | None
    images: ImageSettings | dict[str, Any] | None
    cache: str | None
    attention: Literal["segments", "flex", "dense", "sequences"] | None
    precision: Literal["float32", "bfloat16", "float16"] | None
    router_aux_loss: bool | float
    weights: Literal["float32", "stored"]
    gradient_checkpointing: bool
    lora: LoRA | dict[str, Any] | bool | None
    device: Literal["cpu"] | None
    split: str | None
    eval_split: str | None
    eval_share: float | None
    eval_seed: int | None
    eval_limit: int | None
    mapping: dict[str, str]
    kind: str | None
    pairs: Literal["best_worst", "adjacent", "all", "best_rest"]
    on_bad: Literal["stop", "skip"]
    chat_template: str | None
    template_arguments: dict[str, Any]
    as_chat: bool
    train_on: Literal["last", "assistant"]
    end_token: str | None
    max_length: int | None
    truncation: Literal["prompt_left", "response_right", "drop", "error"]
    parameters: dict[str, Any] | None
    batch_size: int
    tokens_per_batch: int | None
    accumulate: int | None
    group_by_length: bool
    epochs: float
    max_steps: int | None
    learning_rate: float
    head_learning_rate: float | None
    layer_learning_rate_decay: float
    learning_rates: dict[str, float]
    schedule: str
    schedule_arguments: dict[str, Any]
    warmup: float
    weight_decay: float
    max_grad_norm: float
    optimizer: str
    optimizer_arguments: dict[str, Any]
    seed: int
    strategy: Literal["ddp", "fsdp", "zero2", "zero3"] | None
    processes: int | None
    keep: Literal["last", "best"]
    metric: str | None
    metric_goal: Literal["max", "min"] | None
    early_stopping: EarlyStopping | dict[str, Any] | None
    eval_every: int | None
    eval: SampledEvaluation | dict[str, Any] | None
    save_every: int | None
    checkpoints: Literal["full", "weights", "none"]
    keep_checkpoints: int
    samples: int
    sample_tokens: int
    sample_steps: int
    report_to: list[str]
    push_to_hub: str | None
    hub_private: bool
