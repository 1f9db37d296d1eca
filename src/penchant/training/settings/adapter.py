"""`LoRA` and `NamedReference`: the adapter that is trained, and a reference other than the start of training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from penchant.errors import ConfigurationError
from penchant.likelihood.adapting.kinds import check_fields
from penchant.training.settings.part import Part

__all__ = ["LORA_SPELLINGS", "LoRA", "NamedReference", "fields_of_config"]

#: Names of fields in PEFT's ``LoraConfig`` that have a shorter name here; both are accepted.
LORA_SPELLINGS = {
    "r": "rank",
    "lora_alpha": "alpha",
    "target_modules": "targets",
    "lora_dropout": "dropout",
    "use_rslora": "rslora",
    "use_dora": "dora",
}

OF_THE_RUN = {"task_type", "peft_type", "base_model_name_or_path", "inference_mode"}


class LoRA(Part):
    """An adapter. Every field of PEFT's configuration of its kind is a key, with the same meaning."""

    kind: str = Field(
        default="lora",
        description="kind of adapter of PEFT: lora, ia3, loha, oft, vera, ...; a kind other than lora has the fields "
        "of its configuration in PEFT as keys",
    )
    fields: dict[str, Any] = Field(default={}, description="fields of a kind other than lora; filled by the other keys")
    rank: PositiveInt = Field(default=16, le=65_536, description="rank of the adapter's matrices")
    alpha: float = Field(default=32.0, gt=0, description="scale; the adapter's output is multiplied by alpha / rank")
    targets: str | list[str] = Field(default="all-linear", description="layers that get an adapter")
    quantize: Literal["4bit"] | None = Field(
        default=None, description="load the base model quantized (QLoRA; needs bitsandbytes)"
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="dropout before the adapter's first matrix, in training only"
    )
    rslora: bool | None = Field(default=None, description="scale by alpha / sqrt(rank) instead")
    dora: bool | None = Field(default=None, description="also learn the norm of each weight column (DoRA)")
    bias: Literal["none", "all", "lora_only"] | None = Field(default=None, description="biases that are trained too")
    modules_to_save: list[str] | None = Field(
        default=None, description="layers that are trained whole beside the adapter"
    )
    exclude_modules: str | list[str] | None = Field(default=None, description="layers of targets that get no adapter")
    layers_to_transform: int | list[int] | None = Field(
        default=None, description="numbers of the layers that get an adapter"
    )
    layers_pattern: str | list[str] | None = Field(default=None, description="name of the list of layers in the model")
    init_lora_weights: bool | str | None = Field(
        default=None, description="initial values: true, gaussian, pissa, olora, ..."
    )
    rank_pattern: dict[str, int] | None = Field(default=None, description="rank for some layers, by name or pattern")
    alpha_pattern: dict[str, float] | None = Field(
        default=None, description="alpha for some layers, by name or pattern"
    )
    fan_in_fan_out: bool | None = Field(default=None, description="weights are stored as (in, out); recognised by PEFT")
    lora_bias: bool | None = Field(default=None, description="a bias in the adapter's second matrix")
    target_parameters: list[str] | None = Field(default=None, description="parameters (not layers) that get an adapter")
    trainable_token_indices: list[NonNegativeInt] | dict[str, list[NonNegativeInt]] | None = Field(
        default=None, description="rows of the embedding that are trained"
    )
    ensure_weight_tying: bool | None = Field(default=None, description="keep tied embedding and output head equal")
    layer_replication: list[tuple[int, int]] | None = Field(default=None, description="ranges of layers to stack anew")
    revision: str | None = Field(default=None, description="revision of the base model, noted in the adapter")
    use_qalora: bool | None = Field(default=None, description="quantization-aware grouping (QA-LoRA)")
    qalora_group_size: PositiveInt | None = Field(default=None, description="group size of QA-LoRA")
    loftq_config: dict[str, Any] | None = Field(default=None, description="settings of the initialisation loftq")
    eva_config: dict[str, Any] | None = Field(default=None, description="settings of the initialisation eva")
    corda_config: dict[str, Any] | None = Field(default=None, description="settings of the initialisation corda")
    lora_ga_config: dict[str, Any] | None = Field(default=None, description="settings of the initialisation lora_ga")
    velora_config: dict[str, Any] | None = Field(default=None, description="settings of VeLoRA")
    monteclora_config: dict[str, Any] | None = Field(default=None, description="settings of MonteCLoRA")
    kasa_config: dict[str, Any] | None = Field(default=None, description="settings of KaSA")
    arrow_config: dict[str, Any] | None = Field(default=None, description="settings of Arrow")
    use_bdlora: dict[str, Any] | None = Field(default=None, description="settings of block-diagonal LoRA")
    runtime_config: dict[str, Any] | None = Field(default=None, description="settings of PEFT at run time")
    alora_invocation_tokens: list[int] | None = Field(
        default=None, description="tokens that switch an activated adapter on"
    )
    megatron_config: dict[str, Any] | None = Field(default=None, description="settings of Megatron's parallel layers")
    megatron_core: str | None = Field(default=None, description="module of Megatron's parallel layers")

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, values: Any) -> Any:
        """Accept PEFT's own spelling of the keys that are shorter here."""
        if not isinstance(values, dict):
            return values
        if given := OF_THE_RUN & set(values):
            raise ValueError(f"{sorted(given)[0]!r} is set by the run; remove it")
        if str(values.get("kind", "lora")).lower() != "lora":
            return _of_another_kind(values)
        if values.get("fields"):
            raise ValueError("fields are those of another kind than lora; give the fields of LoRA as keys")
        for theirs, ours in LORA_SPELLINGS.items():
            if theirs in values and ours in values:
                raise ValueError(f"{ours!r} and {theirs!r} are the same setting; give one of them")
        return {LORA_SPELLINGS.get(key, key): value for key, value in values.items()}

    @property
    def peft(self) -> dict[str, Any]:
        """The given settings by PEFT's names, without those of this package."""
        theirs = {ours: name for name, ours in LORA_SPELLINGS.items()}
        if self.kind != "lora":
            return dict(self.fields)
        own = {"quantize", "dropout", "kind", "fields"}
        given = self.model_dump(exclude_none=True)
        return {theirs.get(key, key): value for key, value in given.items() if key not in own}


def _of_another_kind(values: dict[str, Any]) -> dict[str, Any]:
    """Keys of a kind other than LoRA: its fields are checked by PEFT's configuration, and not by this class."""
    kind = str(values["kind"]).lower()
    own = {key: values[key] for key in ("quantize",) if key in values}
    inner = values.get("fields") or {}
    # A recipe that was written whole also has LoRA's defaults.
    usual = {name: field.default for name, field in LoRA.model_fields.items()} if "fields" in values else {}
    outer = {key: value for key, value in values.items() if key not in ("kind", "fields", "quantize")}
    given = {key: value for key, value in outer.items() if key not in usual or value != usual[key]}
    try:
        return {"kind": kind, "fields": check_fields(kind, {**inner, **given}), **own}
    except ConfigurationError as error:
        raise ValueError(error.what) from None


def fields_of_config(config: Any) -> dict[str, Any]:
    """The fields of a configuration of PEFT that differ from its defaults.

    Args:
        config: of PEFT.
    """
    usual, given = type(config)().to_dict(), config.to_dict()
    changed = {key: value for key, value in given.items() if value != usual.get(key) and key not in OF_THE_RUN}
    # PEFT keeps the names of layers as a set.
    listed = {key: sorted(value) if isinstance(value, set) else value for key, value in changed.items()}
    kind = str(getattr(config.peft_type, "value", config.peft_type)).lower()
    if kind != "lora":
        return {"kind": kind, **listed}
    return {"rank": given["r"], "alpha": float(given["lora_alpha"])} | {
        LORA_SPELLINGS.get(key, key): value for key, value in listed.items()
    }


class NamedReference(Part):
    """A reference that is another model than the start of training."""

    model: str = Field(description="the reference's folder or hub id; may be an adapter folder")
    adapter: str | None = Field(default=None, description="folder of an adapter on that model")
    base: str | None = Field(
        default=None, description="base of the adapter folder, if it does not name one that is found"
    )
    in_memory: bool = Field(
        default=False, exclude=True, description="the model is given in Python, and model describes it"
    )
    cached: bool = Field(
        default=False, description="compute its log-probabilities before the policy is loaded, and keep them on disk"
    )
