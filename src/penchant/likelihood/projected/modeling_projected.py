"""A causal language model with projections, bottlenecks or prefixes in its layers, for any folder that is saved so.

Projected hidden states lose their part in some directions; a bottleneck is a small network beside or after a block; a
prefix is keys and values of attention that stand before those of all tokens.

This file goes into the folder of such a model, so that transformers loads it (``trust_remote_code=True``), with the
parts of layers in it. It imports PyTorch and transformers only.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    AutoConfig,
    AutoModelForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.masking_utils import sdpa_mask
from transformers.utils import cached_file

from penchant.likelihood.projected.layer_parts import (
    BOTTLENECKS,
    PART,
    PREFIX_ATTENTION,
    PREFIX_PART,
    Bottleneck,
    PrefixKeys,
    Projection,
    bottlenecks_of,
    prefix_attention,
    projected_output,
    with_bottlenecks,
)

__all__ = [
    "PREFIX",
    "ProjectedConfig",
    "ProjectedForCausalLM",
    "Projecting",
    "attach",
    "attach_bottleneck",
    "attach_prefix",
    "saved_bottlenecks",
    "saved_directions",
]

#: Stands before the name of every saved weight, so that no other class takes them for its own.
PREFIX = "projected."
CODE, PARTS = "modeling_projected.py", "layer_parts.py"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def attach(model: Any, path: str, projection: Projection) -> None:
    """Project what a layer returns, and save the model as a projected one from now on.

    Args:
        model: the transformers model, changed in place.
        path: of a decoder layer, which returns hidden states or a tuple that begins with them; an earlier projection of
            it is replaced.
        projection: of its hidden states.
    """
    _save_as_own_type(model)
    layer = model.get_submodule(path)
    known = isinstance(getattr(layer, PART, None), Projection)
    layer.add_module(PART, projection)
    if not known:
        # The hook finds the projection through the layer, so that it is right in a copy of the model too.
        layer.register_forward_hook(projected_output)


def attach_bottleneck(model: Any, path: str, kind: str, bottleneck: Bottleneck | PrefixKeys) -> None:
    """Put a bottleneck on a block, and save the model as one of its own type from now on.

    parallel: h = F(x) + B(x);   serial: h' = h + B(h), after the parallel one where there are both.

    Args:
        model: the transformers model, changed in place.
        path: of the block F, which returns hidden states or a tuple that begins with them.
        kind: of `BOTTLENECKS`, or `PREFIX_PART`; then see `attach_prefix`.
        bottleneck: the network.
    """
    if isinstance(bottleneck, PrefixKeys):
        attach_prefix(model, path, bottleneck)
        return
    _save_as_own_type(model)
    block = model.get_submodule(path)
    known = any(hasattr(block, each) for each in BOTTLENECKS)
    block.add_module(kind, bottleneck)
    if not known:
        block.register_forward_hook(with_bottlenecks, with_kwargs=True)


def attach_prefix(model: Any, path: str, prefix: PrefixKeys) -> None:
    """Put a prefix into a layer of attention, and save the model as one of its own type from now on.

    Args:
        model: the transformers model, changed in place.
        path: of the layer, which calls transformers' attention interface.
        prefix: its keys and values.
    """
    _save_as_own_type(model)
    model.get_submodule(path).add_module(PREFIX_PART, prefix)
    AttentionInterface.register(PREFIX_ATTENTION, prefix_attention)
    AttentionMaskInterface.register(PREFIX_ATTENTION, sdpa_mask)
    model.set_attn_implementation(PREFIX_ATTENTION)


def _save_as_own_type(model: Any) -> None:
    if not isinstance(model, Projecting):
        own = type(model)
        model.__class__ = type(own.__name__, (Projecting, own), {"__module__": own.__module__})
    # transformers would give the weights their names in the files once more when it saves them.
    renamings = getattr(model, "_weight_conversions", None) or []
    model._weight_conversions = [each for each in renamings if f"^{PREFIX}" not in each.source_patterns] or None


class Projecting:
    """What a projected model does in its own way: its files have names and a model type of their own."""

    config: Any

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> None:
        """See ``PreTrainedModel.save_pretrained``.

        Args:
            save_directory: the folder.
            options: passed on.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        # Nothing that another class could load lies in the folder at any time.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as draft:
            super().save_pretrained(draft, **options)  # type: ignore[misc]
            for file in sorted(Path(draft).iterdir()):
                if file.suffix == ".safetensors":
                    _renamed(file)
                elif file.name == INDEX:
                    _index_renamed(file)
                elif file.name == "config.json":
                    _nested(file, self)
            for file in sorted(Path(draft).iterdir()):
                file.replace(folder / file.name)
        (folder / CODE).write_text(_code(), encoding="utf-8")

    def load_state_dict(self, state_dict: Any, *given: Any, **options: Any) -> Any:
        """See ``nn.Module.load_state_dict``; names may be those of the files."""
        named = {name.removeprefix(PREFIX): value for name, value in state_dict.items()}
        return super().load_state_dict(named, *given, **options)  # type: ignore[misc]


def _code() -> str:
    """This file with the parts of layers in the place of their import; a copy in a folder has them already."""
    own, parts = Path(__file__).read_text(encoding="utf-8"), Path(__file__).parent / PARTS
    if not parts.is_file():
        return own
    body = parts.read_text(encoding="utf-8").partition("from __future__ import annotations\n")[2].strip()
    return re.sub(r"^from penchant\S+ import \([^)]*\)$", lambda _found: body, own, count=1, flags=re.MULTILINE)


def _projected_layers(model: nn.Module) -> list[str]:
    return [name.rpartition(".")[0] for name, part in model.named_modules() if isinstance(part, Projection)]


def _renamed(file: Path) -> None:
    save_file({PREFIX + name: value for name, value in load_file(file).items()}, file, metadata={"format": "pt"})


def _index_renamed(file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    content["weight_map"] = {PREFIX + name: place for name, place in content["weight_map"].items()}
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _nested(file: Path, model: Any) -> None:
    """The configuration of the model inside, one level down."""
    base = json.loads(file.read_text(encoding="utf-8"))
    base["architectures"] = [type(model).__name__]
    module = CODE.removesuffix(".py")
    loaders = {"AutoConfig": "ProjectedConfig", "AutoModelForCausalLM": "ProjectedForCausalLM"}
    content = {
        "model_type": ProjectedConfig.model_type,
        "architectures": ["ProjectedForCausalLM"],
        "auto_map": {auto: f"{module}.{name}" for auto, name in loaders.items()},
        "base": base,
        "layers": sorted(_projected_layers(model)),
        "bottlenecks": sorted(bottlenecks_of(model)),
        "transformers_version": base.get("transformers_version"),
    }
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")


class ProjectedConfig(PretrainedConfig):  # type: ignore[misc]
    """The configuration of the model inside, and what its layers have more.

    Args:
        base: configuration of the model inside, with its ``model_type``.
        layers: paths of the projected layers.
        bottlenecks: paths of the bottlenecks.
    """

    model_type = "penchant-projected"

    def __init__(
        self,
        base: dict[str, Any] | None = None,
        layers: list[str] | None = None,
        bottlenecks: list[str] | None = None,
        **further: Any,
    ) -> None:
        self.base, self.layers, self.bottlenecks = base or {}, layers or [], bottlenecks or []
        super().__init__(**further)

    def inside(self) -> PretrainedConfig:
        """The configuration of the model inside."""
        return AutoConfig.for_model(**self.base)


class ProjectedForCausalLM(PreTrainedModel):  # type: ignore[misc]
    """Loads the model inside with its projections; the result is of the model's own class."""

    config_class = ProjectedConfig

    @classmethod
    def from_pretrained(cls, source: Any, *given: Any, config: Any = None, **options: Any) -> Any:
        """See ``PreTrainedModel.from_pretrained``.

        Args:
            source: folder or hub id.
            given: passed on.
            config: the folder's, or None to read it.
            options: passed on.
        """
        if config is None:
            config = ProjectedConfig.from_pretrained(source)
        options.pop("trust_remote_code", None)
        loaded = AutoModelForCausalLM.from_pretrained(
            source, *given, config=config.inside(), key_mapping={f"^{PREFIX}": ""}, **options
        )
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        for path, rows in saved_directions(source).items():
            place = next(model.get_submodule(path).parameters()).device
            attach(model, path, Projection(rows.to(place), rows[:0].to(place)))
        for path, bottleneck in saved_bottlenecks(source).items():
            block, _dot, kind = path.rpartition(".")
            place = next(model.get_submodule(block).parameters()).device
            attach_bottleneck(model, block, kind, bottleneck.to(place))
        return loaded


def saved_directions(source: Any) -> dict[str, Tensor]:
    """The directions of a saved model, [K, D] for each layer's path, those of earlier tasks first.

    Args:
        source: folder or hub id.
    """
    found = _saved_parts(source, (PART,))
    return {path.rpartition(".")[0]: torch.cat([each["before"], each["directions"]]) for path, each in found.items()}


def saved_bottlenecks(source: Any) -> dict[str, Bottleneck | PrefixKeys]:
    """The bottlenecks and prefixes of a saved model, by the path of their block and their kind.

    Args:
        source: folder or hub id.
    """
    found: dict[str, Bottleneck | PrefixKeys] = {}
    for path, weights in _saved_parts(source, (*BOTTLENECKS, PREFIX_PART)).items():
        found[path] = Bottleneck(*weights["up"].shape) if "up" in weights else PrefixKeys(*weights["keys"].shape)
        found[path].load_state_dict(weights)
    return found


def _saved_parts(source: Any, names: tuple[str, ...]) -> dict[str, dict[str, Tensor]]:
    """The weights of submodules with some names, by the submodule's path and their own name."""
    index = cached_file(source, INDEX, _raise_exceptions_for_missing_entries=False)
    files = {WEIGHTS}
    if index is not None:
        named = json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"]
        files = {file for name, file in named.items() if any(f".{each}." in name for each in names)}
    parts: dict[str, dict[str, Tensor]] = {}
    for file in sorted(files):
        with safe_open(str(cached_file(source, file)), framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118  # not a dictionary
                path, _dot, kind = name.removeprefix(PREFIX).rpartition(".")
                if path.rpartition(".")[2] in names:
                    parts.setdefault(path, {})[kind] = opened.get_tensor(name)
    return parts
