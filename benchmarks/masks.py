"""``python -m benchmarks --only masks``: the memory of WAGLE's attribution beside that of a training step.

Unlearning of invented records with a random model of 60 million weights: two steps of AdamW over all weights, the
attribution and its mask alone, and two steps with the mask. Each side runs in a process of its own; its peak counts
from what the libraries hold when they are loaded.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.merging import peak_mib
from benchmarks.real_rewards import MODEL
from benchmarks.setting import SHARED

Row = dict[str, Any]
Table = Callable[[str, list[str], list[list[str]]], None]

SIDES = ("two steps, all weights", "attribution and mask", "two steps with WAGLE")
#: The model: layers, width, inner width, vocabulary.
LAYERS, WIDTH, INNER, VOCABULARY = 12, 640, 1720, 2048
RECORDS, BATCH, WORDS = 16, 4, 24


def _data() -> dict[str, list[Row]]:
    """What is to be forgotten, and what is to be kept."""
    text = [" ".join(str((7 * record + 3 * word) % 97) for word in range(WORDS)) for record in range(RECORDS)]
    rows = [{"prompt": f"Number {place}:", "completion": each} for place, each in enumerate(text)]
    return {"forget": rows[::2], "retain": rows[1::2]}


def side(folder: str, name: str) -> None:
    """One side in this process; prints its figures."""
    import penchant
    from penchant.training.parameters.wagle import WAGLE

    recipe: Row = {"max_steps": 2, "batch_size": BATCH, "samples": 0, "chat_template": "plain", "accumulate": 1}
    recipe |= {"checkpoints": "none"}
    before, found = peak_mib(), {}
    if name != SIDES[0]:
        recipe["parameters"] = {"name": "wagle"}
    if name == SIDES[1]:
        prepare = WAGLE.prepare

        def measured(self: WAGLE, start: Any) -> None:
            prepare(self, start)
            found["peak"] = peak_mib()

        WAGLE.prepare = measured  # type: ignore[assignment, method-assign]
    place = Path(folder)
    output = place / str(SIDES.index(name))
    penchant.train(str(place / "model"), _data(), "grad-diff", output, overwrite=True, **recipe)
    print(json.dumps({"before": before, "peak": found.get("peak", peak_mib())}))


def measure(repeats: int, table: Table) -> None:
    """Print the table."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from penchant.rendering.tokenizer import load_tokenizer

    torch.manual_seed(0)
    size = {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    model = LlamaForCausalLM(LlamaConfig(**size, **ends, num_attention_heads=10))
    weights = sum(each.numel() for each in model.parameters())
    found: dict[str, list[float]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(Path(place) / "model")
        load_tokenizer(str(SHARED / MODEL)).save_pretrained(Path(place) / "model")
        for _number in range(repeats):
            for name in SIDES:
                command = [sys.executable, "-W", "ignore", "-m", "benchmarks.masks", place, name]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                row = json.loads(done.stdout.strip().splitlines()[-1])
                found[name].append(row["peak"] - row["before"])
    middle = {name: statistics.median(values) for name, values in found.items()}
    rows = [[name, f"{each:,.0f}", f"{each / middle[SIDES[0]]:.2f}"] for name, each in middle.items()]
    heading = ["side", "peak above the libraries, MiB", "of a training step"]
    table(f"Memory of WAGLE ({weights / 1e6:.0f} million weights, {weights * 4 / 2**20:.0f} MiB)", heading, rows)


if __name__ == "__main__":
    side(*sys.argv[1:])
