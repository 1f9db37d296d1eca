"""A causal language model whose hidden states lose their part in some directions, for any folder that is saved so.

This file goes into the folder of such a model, so that transformers loads it (``trust_remote_code=True``). It imports
PyTorch and transformers only.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.utils import cached_file

__all__ = [
    "PART",
    "PREFIX",
    "ProjectedConfig",
    "ProjectedForCausalLM",
    "Projecting",
    "Projection",
    "attach",
    "project",
    "saved_directions",
]

#: The submodule of a projected layer.
PART = "projection"
#: Stands before the name of every saved weight, so that no other class takes them for its own.
PREFIX = "projected."
CODE = "modeling_projected.py"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def project(hidden: Tensor, directions: Tensor) -> Tensor:
    """h' = h − h Qᵀ Q,   Q an orthonormal basis of the rows of the directions, computed in float32 or more.

    Args:
        hidden: [..., D].
        directions: [K, D], K at most D; K = 0 changes nothing.
    """
    if not len(directions):
        return hidden
    with torch.autocast(hidden.device.type, enabled=False):
        states = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
        basis = torch.linalg.qr(directions.to(states.dtype).T, mode="reduced")[0].T
        return (states - states @ basis.T @ basis).to(hidden.dtype)


class Projection(nn.Module):
    """The directions of one layer.

    Args:
        before: [P, D] directions of earlier tasks, which never change.
        directions: [K, D] directions of this task, trained.
    """

    before: Tensor

    def __init__(self, before: Tensor, directions: Tensor) -> None:
        super().__init__()
        self.register_buffer("before", before.detach().float().clone())
        self.directions = nn.Parameter(directions.detach().float().clone())

    @property
    def every(self) -> Tensor:
        """[P + K, D] all directions, the earlier ones first."""
        return torch.cat([self.before, self.directions])

    def forward(self, hidden: Tensor) -> Tensor:
        """Hidden states without their part in the directions."""
        return project(hidden, self.every)


def attach(model: Any, path: str, projection: Projection) -> None:
    """Project what a layer returns, and save the model as a projected one from now on.

    Args:
        model: the transformers model, changed in place.
        path: of a decoder layer, which returns hidden states or a tuple that begins with them; an earlier projection of
            it is replaced.
        projection: of its hidden states.
    """
    if not isinstance(model, Projecting):
        own = type(model)
        model.__class__ = type(own.__name__, (Projecting, own), {"__module__": own.__module__})
    # transformers would give the weights their names in the files once more when it saves them.
    renamings = getattr(model, "_weight_conversions", None) or []
    model._weight_conversions = [each for each in renamings if f"^{PREFIX}" not in each.source_patterns] or None
    layer = model.get_submodule(path)
    known = isinstance(getattr(layer, PART, None), Projection)
    layer.add_module(PART, projection)
    if not known:
        # The hook finds the projection through the layer, so that it is right in a copy of the model too.
        layer.register_forward_hook(_projected_output)


def _projected_output(layer: nn.Module, _given: Any, output: Any) -> Any:
    projection: Any = layer.get_submodule(PART)
    return (projection(output[0]), *output[1:]) if isinstance(output, tuple) else projection(output)


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
        shutil.copyfile(Path(__file__).parent / CODE, folder / CODE)

    def load_state_dict(self, state_dict: Any, *given: Any, **options: Any) -> Any:
        """See ``nn.Module.load_state_dict``; names may be those of the files."""
        named = {name.removeprefix(PREFIX): value for name, value in state_dict.items()}
        return super().load_state_dict(named, *given, **options)  # type: ignore[misc]


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
        "transformers_version": base.get("transformers_version"),
    }
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")


class ProjectedConfig(PretrainedConfig):  # type: ignore[misc]
    """The configuration of the model inside, and the layers that are projected.

    Args:
        base: configuration of the model inside, with its ``model_type``.
        layers: paths of the projected layers.
    """

    model_type = "penchant-projected"

    def __init__(self, base: dict[str, Any] | None = None, layers: list[str] | None = None, **further: Any) -> None:
        self.base, self.layers = base or {}, layers or []
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
        return loaded


def saved_directions(source: Any) -> dict[str, Tensor]:
    """The directions of a saved model, [K, D] for each layer's path, those of earlier tasks first.

    Args:
        source: folder or hub id.
    """
    index = cached_file(source, INDEX, _raise_exceptions_for_missing_entries=False)
    files = {WEIGHTS}
    if index is not None:
        named = json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"]
        files = {file for name, file in named.items() if f".{PART}." in name}
    parts: dict[str, dict[str, Tensor]] = {}
    for file in sorted(files):
        with safe_open(str(cached_file(source, file)), framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118  # not a dictionary
                path, found, kind = name.removeprefix(PREFIX).rpartition(f".{PART}.")
                if found:
                    parts.setdefault(path, {})[kind] = opened.get_tensor(name)
    return {path: torch.cat([each["before"], each["directions"]]) for path, each in parts.items()}
