"""Kinds of adapters of PEFT: their names, their fields, which can be trained here, and a table that measures them."""

from __future__ import annotations

import copy
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "STARTS",
    "VIRTUAL",
    "adapter_kinds",
    "check_fields",
    "completed",
    "configuration_of",
    "first_line",
    "kind_table",
    "measured_kind",
    "mergeable",
    "mergeable_kind",
    "own_prefix",
    "starts_as_base",
    "table_lines",
    "virtual_tokens",
]

#: Kinds that cannot be trained here, each with the reason.
REFUSED = {
    "adalora": "its ranks follow a schedule that must be called at every step",
    "multitask_prompt_tuning": "every batch must name its task",
    "poly": "every batch must name its task",
    "trainable_tokens": "it is a field of LoRA here (lora.trainable_token_indices)",
    "xlora": "it mixes adapters that are trained already",
    "osf": "it takes the model's own weights apart, so its base is not kept",
    "shadow": "it adds a second network beside the layers, which the scoring of shared prompts does not run",
}
#: Kinds whose output cannot be written into the weights of every model.
NEVER_MERGED = {"adaption_prompt", "beft", "lily"}
#: Kinds that put learned tokens, or learned keys and values, before every sequence.
VIRTUAL = {"cartridge", "cpt", "p_tuning", "prefix_tuning", "prompt_tuning"}
#: Fields that kinds have here unless they are given: those with which a kind starts as the base, where PEFT's own
#: defaults start it at random, and those for which PEFT has no default.
STARTS: dict[str, dict[str, Any]] = {
    "adaption_prompt": {"adapter_len": 10},
    "c3a": {"init_weights": True},
    "fourierft": {"init_weights": True},
    **{name: {"num_virtual_tokens": 20} for name in sorted(VIRTUAL - {"cpt"})},
}
#: Kinds that never start as the base.
ELSEWHERE = {"unilora", "vblora", *VIRTUAL}


def adapter_kinds() -> dict[str, Any]:
    """The configuration class of each kind that can be trained, by name in lower case."""
    return {name: each for name, each in _all_kinds().items() if name not in REFUSED}


def _all_kinds() -> dict[str, Any]:
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    return {key.value.lower(): each for key, each in PEFT_TYPE_TO_CONFIG_MAPPING.items()}


def configuration_of(kind: str) -> Any:
    """The configuration class of a kind.

    Raises:
        ConfigurationError: there is no such kind, or it cannot be trained here.
    """
    found = _all_kinds()
    if kind not in found:
        raise ConfigurationError(
            f"There is no kind of adapter {kind!r}. {nearest(kind, adapter_kinds())}", where="lora.kind"
        )
    if reason := REFUSED.get(kind):
        raise ConfigurationError(f"An adapter of the kind {kind!r} cannot be trained: {reason}.", where="lora.kind")
    return found[kind]


def check_fields(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a kind by PEFT's names.

    Args:
        kind: its name.
        given: fields; ``targets`` stands for ``target_modules``, ``rank`` for ``r``.

    Raises:
        ConfigurationError: the kind has no such field, or one sets a dropout.
    """
    known = set(configuration_of(kind).__dataclass_fields__)
    spelled = {"targets": "target_modules"} | ({"rank": "r"} if "r" in known else {})
    found = {}
    for key, value in given.items():
        name = spelled.get(key, key)
        if name not in known or name in ("task_type", "peft_type", "base_model_name_or_path", "inference_mode"):
            usable = known - {"task_type", "peft_type", "base_model_name_or_path", "inference_mode"}
            raise ConfigurationError(
                f"The kind {kind!r} has no field {key!r}. {nearest(key, usable)}", where=f"lora.{key}"
            )
        if name.endswith("dropout") and value:
            raise ConfigurationError(
                f"{key} is {value:g}, but only LoRA is trained with dropout.", where=f"lora.{key}", fix="Remove it."
            )
        found[name] = value
    count = found.get("num_virtual_tokens", 1)
    if kind in VIRTUAL and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise ConfigurationError(
            f"num_virtual_tokens is {count!r}, expected a whole number above 0.", where="lora.num_virtual_tokens"
        )
    return found


def virtual_tokens(lora: Any) -> int:
    """Number of tokens that a new adapter puts before every sequence.

    Args:
        lora: a recipe's ``lora``, or None.
    """
    if lora is None or lora.kind not in VIRTUAL:
        return 0
    fields = {**STARTS.get(lora.kind, {}), **lora.fields}
    return len(fields.get("cpt_token_ids") or [0]) if lora.kind == "cpt" else int(fields["num_virtual_tokens"])


def completed(config: Any, model: Any) -> Any:
    """A configuration whose fields that depend on the model are filled in.

    LLaMA-Adapter leaves out the first two layers, as its paper does (30 of 32; arXiv 2303.16199).

    Args:
        config: of PEFT.
        model: a language model.
    """
    if getattr(config, "is_adaption_prompt", False) and config.adapter_layers is None:
        config.adapter_layers = max(1, int(model.config.get_text_config().num_hidden_layers) - 2)
    return config


def starts_as_base(config: Any) -> bool:
    """Whether a new adapter of PEFT, of another kind than LoRA, leaves the outputs of its base unchanged."""
    kind = str(config.peft_type.value).lower()
    usual = type(config)(task_type=config.task_type, **STARTS.get(kind, {}))
    named = [name for name in type(config).__dataclass_fields__ if name in ("init_weights", "init_ia3_weights")]
    changed = any(getattr(config, name) != getattr(usual, name) for name in named)
    return kind != "lora" and kind not in ELSEWHERE and not changed


def own_prefix(kind: str) -> str:
    """What the names of a kind's weights contain."""
    from peft.mapping import PEFT_TYPE_TO_PREFIX_MAPPING

    if kind == "adaption_prompt":
        return ".adaption_"  # PEFT's prefix is that of its files
    prefixes = {key.value.lower(): each for key, each in PEFT_TYPE_TO_PREFIX_MAPPING.items()}
    return str(prefixes[kind])


def mergeable_kind(config: Any) -> bool:
    """Whether adapters of a configuration of PEFT can be written into the weights."""
    return str(config.peft_type.value).lower() not in NEVER_MERGED | VIRTUAL


def mergeable(model: Any) -> bool:
    """Whether all adapters of a ``PeftModel`` can be written into its weights."""
    return all(mergeable_kind(each) for each in model.peft_config.values())


def kind_table(model: nn.Module, fields: dict[str, dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Each kind on copies of a model: its trained share, where it sits, and whether it can be merged.

    Args:
        model: a language model.
        fields: fields of some kinds, by name; other fields have PEFT's defaults.

    Returns:
        For each kind a row with ``kind``, ``parameters``, ``share`` (of the weights with the adapter), ``layers``
        (ends of the names of the layers) and ``mergeable``; for one that PEFT refuses on this model, with ``kind``
        and ``reason``.
    """
    given = fields or {}
    return [measured_kind(model, kind, given.get(kind, {})) for kind in sorted(adapter_kinds())]


def measured_kind(model: nn.Module, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The row of a kind in `kind_table`.

    Args:
        model: a language model; a copy of it gets the adapter.
        kind: its name.
        fields: of its configuration.
    """
    from peft import get_peft_model

    try:
        with warnings.catch_warnings():
            # PEFT remarks on defaults that the table is about.
            warnings.simplefilter("ignore")
            config = adapter_kinds()[kind](task_type="CAUSAL_LM", **{**STARTS.get(kind, {}), **fields})
            adapted: Any = get_peft_model(copy.deepcopy(model), completed(config, model))  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, ImportError, AttributeError) as error:
        return {"kind": kind, "reason": first_line(error, 120)}
    trained = sum(each.numel() for each in adapted.parameters() if each.requires_grad)
    everything = sum(each.numel() for each in adapted.parameters())
    found = ["before every sequence"] if kind in VIRTUAL else getattr(adapted.base_model, "targeted_module_names", [])
    places = sorted({name.rpartition(".")[2] for name in found or [config.target_modules]})
    return {
        "kind": kind,
        "parameters": trained,
        "share": trained / everything,
        "layers": places,
        "mergeable": mergeable(adapted),
    }


def first_line(said: object, width: int = 160) -> str:
    """The first line of an error or remark of PEFT, cut between words; the type's name if it has no text.

    Args:
        said: the error or remark.
        width: maximum number of characters.
    """
    first = (str(said).strip().splitlines() or [type(said).__name__])[0]
    return textwrap.shorten(first, width, placeholder=" …")


def table_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Lines of a Markdown table of `kind_table`."""
    lines = ["| kind | trained weights | share | layers | mergeable |", "|---|---|---|---|---|"]
    for row in rows:
        if "reason" in row:
            lines.append(f"| `{row['kind']}` | – | – | does not fit: {row['reason'].replace('|', '/')} | – |")
            continue
        layers, merged = ", ".join(row["layers"]), "yes" if row["mergeable"] else "no"
        lines.append(f"| `{row['kind']}` | {row['parameters']:,} | {row['share']:.3%} | {layers} | {merged} |")
    return lines
