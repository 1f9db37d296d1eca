"""`DataSettings`: what a run learns from and is measured on, and how records become tokens."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field, PositiveInt, ValidationError, field_validator

from penchant.training.recipe_keys import problem
from penchant.training.settings.part import Part

__all__ = ["Data", "DataSettings", "MixturePart", "data_paths", "data_values"]


class MixturePart(Part):
    """One part of a mixture."""

    path: str = Field(description="file, folder, pattern, or hub id")
    weight: float = Field(1.0, gt=0, description="relative share of an epoch")
    split: str | None = Field(None, description="split or rows of this part; default: split")
    mapping: dict[str, str] | None = Field(None, description="mapping of this part; default: mapping")
    kind: str | None = Field(None, description="kind of feedback of this part; default: kind")

    @field_validator("mapping", mode="before")
    @classmethod
    def _as_texts(cls, value: Any) -> Any:
        return _texts_of(value)

    @field_validator("weight", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("should be a number")
        return value


#: One path, named sources, a list of paths, or a mixture.
Data: TypeAlias = str | dict[str, str] | list[str] | list[MixturePart]

DATA_FORMS = (
    "a path, a list of paths, named sources {forget: PATH, retain: PATH}, or a mixture [{path: PATH, weight: NUMBER "
    "above 0}, ...]"
)


def data_values(data: Data | None) -> Any:
    """The recipe's data as plain values: a path, a list of paths, a mapping, or a list of ``{"path", "weight"}``."""
    if not isinstance(data, list):
        return data
    return [each if isinstance(each, str) else each.model_dump(exclude_none=True) for each in data]


def data_paths(data: Data | None) -> list[str]:
    """All paths that the recipe's data name.

    Example:
        >>> data_paths({"forget": "a.jsonl", "retain": "b.jsonl"}), data_paths("a.jsonl"), data_paths(None)
        (['a.jsonl', 'b.jsonl'], ['a.jsonl'], [])
    """
    if data is None or isinstance(data, str):
        return [] if data is None else [data]
    if isinstance(data, dict):
        return list(data.values())
    return [each if isinstance(each, str) else each.path for each in data]


def _texts_of(mapping: Any) -> Any:
    """A mapping whose numbers and truth values are constants; braces that YAML took for its own are reported."""
    if not isinstance(mapping, dict):
        return mapping
    for field, value in mapping.items():
        if isinstance(value, dict):
            names = ", ".join(map(str, value))
            raise ValueError(
                f'{field}: YAML reads braces as a mapping; write a template in quotes: {field}: "{{{names}}}"'
            )
    numbers = {
        field: f"'{str(value).lower()}'" for field, value in mapping.items() if isinstance(value, bool | int | float)
    }
    return {**mapping, **numbers}


def _wrong_part(parts: list[Any]) -> str:
    """What is wrong with the first file of a mixture that cannot be read as one; empty where all can."""
    for number, part in enumerate(parts, start=1):
        try:
            MixturePart.model_validate(part)
        except ValidationError as error:
            return f"part {number} of the mixture: {problem(error.errors()[0], MixturePart, {})} Expected"
    return ""


class DataSettings(Part):
    """Data, held-out data, and rendering."""

    data: Data = Field(
        description="file, saved datasets folder, or hub id; a folder of shards or a pattern such as data/*.jsonl; "
        "several as a list, as named sources, or as a mixture"
    )

    split: str | None = Field(None, description="split or rows of the data to train on")
    eval_data: Data | None = Field(None, description="held-out data: file, folder or hub id; named sources as in data")
    eval_split: str | None = Field(None, description="split or rows of the data to hold out")
    eval_share: float | None = Field(
        None, ge=0, lt=1, description="share of the training data to hold out, instead of eval_data; 0 holds none out"
    )
    eval_seed: int | None = Field(None, ge=0, lt=2**32, description="seed for drawing that share; default: seed")
    eval_limit: PositiveInt | None = Field(None, description="maximum number of held-out records to measure")
    mapping: dict[str, str] = Field(
        {}, description="for each field a column, a path (a.b), a template over columns ({a} {b}), or a constant text"
    )
    kind: str | None = Field(None, description="kind of feedback; default: recognised by the columns")
    pairs: Literal["best_worst", "adjacent", "all", "best_rest"] = Field(
        "best_worst",
        description="which responses of a ranking a method of pairs compares: the best and the worst, neighbours in "
        "their order, all, or the best and each of the others; judgements of one prompt become pairs one to one, or "
        "each desirable response with each undesirable one (all)",
    )
    on_bad: Literal["stop", "skip"] = Field("stop", description="stop at a bad record, or skip it")

    chat_template: str | None = Field(None, description="plain, chatml, or a Jinja file; default: the tokenizer's")
    template_arguments: dict[str, Any] = Field(
        {}, description="variables of the chat template, e.g. enable_thinking: false; those of a record take precedence"
    )
    as_chat: bool = Field(False, description="render a text prompt as a user turn, and its response as the assistant's")
    train_on: Literal["last", "assistant"] = Field(
        "last",
        description="what a conversation teaches: its last answer, or every turn of the assistant (turns of others are "
        "context, and compared conversations may part before the last answer)",
    )
    end_token: str | None = Field(None, description="token that ends a response; default: the tokenizer's")
    max_length: PositiveInt | None = Field(
        None, description="maximum tokens of prompt and response; default: the model's limit"
    )
    truncation: Literal["prompt_left", "response_right", "drop", "error"] = Field(
        "prompt_left", description="how to handle longer records"
    )

    @field_validator("eval_share")
    @classmethod
    def _share(cls, value: float | None) -> float | None:
        return value or None

    @field_validator("mapping", mode="before")
    @classmethod
    def _as_texts(cls, value: Any) -> Any:
        return _texts_of(value)

    @field_validator("data", "eval_data", mode="before")
    @classmethod
    def _of_a_known_form(cls, value: Any) -> Any:
        named = isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values())
        mixed = isinstance(value, list) and value and all(isinstance(each, dict | MixturePart) for each in value)
        listed = isinstance(value, list) and value and all(isinstance(each, str) and each.strip() for each in value)
        # The union of forms would say it in three errors.
        wrong = _wrong_part(value) if mixed else ""
        if wrong or not (value is None or isinstance(value, str) or named or mixed or listed):
            raise ValueError(f"{wrong or 'expected'} {DATA_FORMS}")
        return value
