"""`train_layered`: from comparisons or judgements to an ensemble, measured on held-out and on other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Comparison, Judgement
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.loading import load_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.layered.features import LayeredFeatures, Read
from penchant.rewards.layered.fitting import LayeredSettings, fit_labels, fit_pairs
from penchant.rewards.layered.folder import Layered
from penchant.rewards.layered.kept import Kept
from penchant.rewards.layered.network import LayeredEnsemble
from penchant.rewards.said import tokenizer_identity
from penchant.statistics import Interval, share_interval

__all__ = ["Measured", "TrainedLayered", "train_layered"]


@dataclass(frozen=True)
class Measured:
    """Accuracies on one set: share of pairs (or labels) that a score gets right; ties count half.

    Args:
        records: in the set.
        accuracy: of the mean over the heads.
        interval: its 95 % interval.
        heads: of each head alone, by the number of its layer.
        probe: of a linear head on the last layer, without the small model, trained on the same data.
    """

    records: int
    accuracy: float
    interval: Interval
    heads: dict[int, float]
    probe: float


@dataclass(frozen=True)
class TrainedLayered:
    """An ensemble and how good it is.

    Args:
        layered: the ensemble.
        measured: by the name of the set.
        trained: numbers that were trained.
    """

    layered: Layered
    measured: dict[str, Measured]
    trained: int

    def as_dict(self) -> dict[str, float]:
        """Plain values by name, for tables and JSON."""
        found: dict[str, float] = {"trained weights": self.trained}
        for name, each in self.measured.items():
            found[f"{name}: records"] = each.records
            found[f"{name}: accuracy"] = each.accuracy
            found[f"{name}: accuracy, low"], found[f"{name}: accuracy, high"] = each.interval.low, each.interval.high
            found |= {f"{name}: accuracy of layer {layer} alone": value for layer, value in each.heads.items()}
            found[f"{name}: accuracy of a linear probe of the last layer"] = each.probe
        return found


@dataclass(frozen=True)
class _Set:
    """Read records: of pairs first and second hold the two sides, of labels second is the labels."""

    first: Read
    second: Read | Tensor


def train_layered(
    model: str,
    records: Sequence[Any],
    others: Mapping[str, Sequence[Any]],
    settings: LayeredSettings | None = None,
    *,
    layers: Sequence[int] | None = None,
    batch_size: int = 16,
    chat_template: str | None = None,
    keep: Path | None = None,
) -> TrainedLayered:
    """Train an ensemble on comparisons, or on judgements with labels 0 and 1.

    With ``keep`` a training that was stopped goes on where it was, and becomes the ensemble that it would have become.

    Args:
        model: folder or hub id of the frozen model.
        records: of training, of one kind.
        others: sets of the same kind that only measure, by name.
        settings: of the training; default: `LayeredSettings` as they stand.
        layers: of the frozen model, from 1; see `chosen_layers`.
        batch_size: sequences in a forward pass of the frozen model.
        chat_template: None for the tokenizer's own.
        keep: folder of what a stopped training goes on with; `clear_kept` deletes it. None keeps nothing.

    Raises:
        ConfigurationError: a setting is out of range, or there is no such layer.
        DataError: there are no records, or records of several kinds or of another one.
    """
    chosen = settings or LayeredSettings()
    chosen.check()
    own_and_others = {"training": records, **{name: each for name, each in others.items() if each}}
    _check(own_and_others)
    tokenizer = load_tokenizer(model)
    reading = LayeredFeatures(load_model(model), Renderer(tokenizer, chat_template=chat_template), layers, batch_size)
    kept = partial(Kept, keep, _about(reading, chosen, own_and_others))
    sets = {name: _read(reading, each, kept(f"states of {name}")) for name, each in own_and_others.items()}
    own = sets["training"]
    ensemble = _fit(own, len(tokenizer), chosen, kept("ensemble"))
    linear = LayeredSettings(**{**vars(chosen), "small": 0, "hidden": 0})
    probe = _fit(_last(own), len(tokenizer), linear, kept("probe"))
    measured = {name: _measured(ensemble, probe, each, reading.layers) for name, each in sets.items()}
    trained = sum(each.numel() for each in ensemble.parameters())
    return TrainedLayered(Layered(ensemble, model, reading.layers, chat_template), measured, trained)


def _check(sets: Mapping[str, Sequence[Any]]) -> None:
    """Refuse no records to train on, and records of several kinds or of another one."""
    records = sets["training"]
    if not records:
        raise DataError("There are no records to train on.", fix="Hold out fewer records.")
    kind = next((each for each in (Comparison, Judgement) if isinstance(records[0], each)), None)
    for each in (record for own in sets.values() for record in own):
        if kind is None or not isinstance(each, kind):
            raise DataError(
                "LEVI is trained on comparisons alone, or on judgements alone.",
                where=str(each.source),
                fix="Give chosen and rejected in every record, or completion and label.",
            )


def _about(reading: LayeredFeatures, settings: LayeredSettings, sets: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """All that the numbers of a training depend on."""
    return {
        "model": fingerprint(reading.network),
        "tokenizer": tokenizer_identity(reading.renderer),
        "layers": reading.layers,
        "batch": reading.batch_size,
        "settings": asdict(settings),
        "sets": {name: Feedback(each, kind=each[0].kind).fingerprint for name, each in sets.items()},
    }


def _read(reading: LayeredFeatures, records: Sequence[Any], kept: Kept) -> _Set:
    """The records of a set; the forward passes of a finished set are kept."""
    sides = ("chosen", "rejected") if isinstance(records[0], Comparison) else ("completion",)
    prompts = [each.prompt for each in records]
    found = kept.get()
    if found is None:
        read = [reading.read(prompts, [[getattr(each, side)] for each in records]) for side in sides]
        found = {side: vars(each) for side, each in zip(sides, read, strict=True)}
        kept.put(found)
    parts = [Read(**found[side]) for side in sides]
    labels = [float(each.label) for each in records] if len(sides) == 1 else []
    return _Set(parts[0], parts[1] if len(sides) == 2 else torch.tensor(labels))


def _fit(own: _Set, vocabulary: int, settings: LayeredSettings, kept: Kept) -> LayeredEnsemble:
    if isinstance(own.second, Read):
        return fit_pairs(own.first, own.second, vocabulary, settings, kept)
    return fit_labels(own.first, own.second, vocabulary, settings, kept)


def _last(own: _Set) -> _Set:
    """The same with the last layer alone."""

    def of(read: Read) -> Read:
        return Read(read.states[:, -1:], read.ids, read.own, read.there)

    return _Set(of(own.first), of(own.second) if isinstance(own.second, Read) else own.second)


def _measured(ensemble: LayeredEnsemble, probe: LayeredEnsemble, own: _Set, layers: tuple[int, ...]) -> Measured:
    margins = _margins(ensemble, own)
    heads = {layer: _right(margins[:, place]) for place, layer in enumerate(layers)}
    accuracy = _right(margins.mean(1))
    interval = share_interval(accuracy, len(margins))
    return Measured(len(margins), accuracy, interval, heads, _right(_margins(probe, _last(own)).mean(1)))


@torch.no_grad()
def _margins(ensemble: LayeredEnsemble, own: _Set) -> Tensor:
    """[n, L] how far each head is on the right side."""
    scores: Tensor = ensemble(own.first)
    if isinstance(own.second, Read):
        other: Tensor = ensemble(own.second)
        return scores - other
    return scores * (2 * own.second - 1)[:, None]


def _right(margins: Tensor) -> float:
    return float(((margins > 0).double() + 0.5 * (margins == 0).double()).mean())
