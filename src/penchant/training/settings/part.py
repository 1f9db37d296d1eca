"""`Part`, the base of a recipe and of its parts."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

__all__ = ["Part"]


class Part(BaseModel):
    """Validated settings; unknown keys, infinities and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, protected_namespaces=(), allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """``epochs: true`` is a mistake, which Python would read as 1."""
        if isinstance(value, bool):
            kind = cls.model_fields[str(info.field_name)].annotation
            kinds = set(get_args(kind) or (kind,))
            if kinds & {int, float} and bool not in kinds:
                raise ValueError("it should be a number")
        return value
