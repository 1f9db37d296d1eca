"""A model, a tokenizer and feedback small enough to train on in a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from families import VOCABULARY, tiny_model

COLOURS = ["red", "blue", "green", "grey", "pink", "gold"]
THINGS = ["car", "hat", "tree", "cup", "door", "lamp"]
WORDS = [*COLOURS, *THINGS, "the", "a", "is", "was", "very", "not", "good", "bad", "which", "colour", "and", "old"]


def word_tokenizer(*, eos: bool = True) -> PreTrainedTokenizerFast:
    """Whole words, BOS in front, ids that fit the models of ``families``."""
    known = {"[PAD]": 0, "<s>": 1, "</s>": 2, "[UNK]": 3}
    known |= {word: number for number, word in enumerate(WORDS, len(known))}
    assert len(known) <= VOCABULARY
    backend = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.add_special_tokens([AddedToken(token, special=True) for token in ("[PAD]", "<s>", "</s>")])
    ends: dict[str, Any] = {"eos_token": "</s>"} if eos else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", bos_token="<s>", unk_token="[UNK]", model_max_length=128, **ends
    )


def pairs(count: int = 12, **extras: Sequence[Any]) -> list[dict[str, Any]]:
    """Comparisons of different lengths, no two alike; further columns by name."""
    rows = []
    for number in range(count):
        colour, thing = COLOURS[number % 6], THINGS[number // 6 % 6]
        prompt = " ".join(["which", "colour", *["very"] * (number % 4), "is", "the", thing])
        chosen = " ".join([" the", thing, "is", colour, *["and", "good"] * (number % 3)])
        rejected = " ".join([" the", thing, "was", "not", colour, *["old"] * (number % 5)])
        row = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
        rows.append({**row, **{name: values[number] for name, values in extras.items()}})
    return rows


def both_sides(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each pair as two judged responses, one after the other."""
    return [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in rows
        for side in ("chosen", "rejected")
    ]


def write_pairs(path: Path, rows: Sequence[dict[str, Any]] | None = None) -> Path:
    """Comparisons as a JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in (pairs() if rows is None else rows)), encoding="utf-8")
    return path


def model_folder(path: Path, family: str = "llama", *, eos: bool = True, **config: Any) -> Path:
    """A tiny model and its tokenizer as a folder that ``from_pretrained`` loads."""
    model = tiny_model(family)
    for name, value in config.items():
        setattr(model.config, name, value)
    model.save_pretrained(path)
    word_tokenizer(eos=eos).save_pretrained(path)
    return path


def metrics(run: Path, split: str = "train") -> dict[int, dict[str, float]]:
    """The rows of ``metrics.jsonl`` by step; no step may stand there twice."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        if row["split"] == split:
            assert row["step"] not in found, f"step {row['step']} stands twice in metrics.jsonl"
            found[row["step"]] = row
    return found


def losses(run: Path) -> list[float]:
    """The loss of every step, in order; the steps must be 1, 2, 3, ..."""
    rows = metrics(run)
    assert sorted(rows) == list(range(1, len(rows) + 1))
    return [rows[step]["loss"] for step in sorted(rows)]


def weights(run: Path) -> dict[str, torch.Tensor]:
    """The weights of a run's saved model; those of the adapter, if it could not be merged."""
    from safetensors.torch import load_file

    whole = run / "model" / "model.safetensors"
    return load_file(whole if whole.is_file() else run / "model" / "adapter_model.safetensors")


def largest_gap(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    """The largest difference between two sets of weights."""
    assert first.keys() == second.keys()
    return max((first[name].float() - second[name].float()).abs().max().item() for name in first if first[name].numel())


class Stop(Exception):
    """Ends a run as a killed process does."""


def stopped_after(step: int, train: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run until ``step`` steps are done, and die there without saving."""
    from penchant.training.recorder import Recorder

    write = Recorder.write

    def write_and_die(self: Recorder, at: int, split: str, numbers: dict[str, float]) -> None:
        write(self, at, split, numbers)
        if at == step and split == "train":
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "write", write_and_die)
        with pytest.raises(Stop):
            train()
