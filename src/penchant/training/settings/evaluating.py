"""The recipe's key ``eval``: the judge of sampled responses during training, or between the rounds of an online run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveInt, field_validator

from penchant.errors import ConfigurationError
from penchant.named import named_settings
from penchant.training.settings.part import Part

__all__ = ["HeldOutJudge", "SampledEvaluation"]


class HeldOutJudge(Part):
    """The judge of held-out responses."""

    judge: dict[str, Any] = Field(description="judge of sampled responses: name and settings, or NAME,KEY=VALUE,...")

    @field_validator("judge", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return named_settings(value, "judge", "eval.judge")
            except ConfigurationError as error:
                raise ValueError(error.what) from None
        if isinstance(value, dict) and not isinstance(value.get("name"), str):
            raise ValueError("its name is missing: {name: verifier, rule: exact}")
        return value


class SampledEvaluation(HeldOutJudge):
    """Responses that are sampled at every held-out measurement, and the judge that compares them."""

    win_rate_against: Literal["reference", "start"] = Field(
        "reference",
        description="whose responses they are compared with: the run's reference, or the model at the start",
    )
    prompts: PositiveInt = Field(64, le=1_000_000, description="number of held-out prompts that are answered")
    max_new_tokens: PositiveInt = Field(128, le=1_000_000, description="maximum tokens of such a response")
    temperature: float = Field(0.7, ge=0, description="sampling temperature of such a response; 0 for greedy decoding")
