"""``python -m benchmarks --only weights``: strategies beside full training and LoRA, and the memory that half saves.

DPO on pairs of `hh_harmless` with the model of 260 thousand weights that has read stories. Forgetting is what the model
loses, in nats a token, on stories that it wrote itself before training. Figures are means over the seeds, with the
standard deviation between seeds in brackets.
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
from benchmarks.real_rewards import MODEL, harmless, rows_of
from benchmarks.setting import SHARED

Row = dict[str, Any]
Table = Callable[[str, list[str], list[list[str]]], None]

SEEDS, PAIRS, TEST, LONGEST, STORIES, TOKENS = (0, 1, 2), 96, 60, 100, 32, 64
ARMS: dict[str, Row] = {
    "all weights": {"learning_rate": 1e-3},
    "`half-fine-tuning`": {"learning_rate": 1e-3, "parameters": {"name": "half-fine-tuning"}},
    "`lt-sft`, `ratio: 0.1`": {"learning_rate": 1e-3, "parameters": {"name": "lt-sft", "ratio": 0.1}},
    "`spt`, `ratio: 0.01`, `rank: 2`": {
        "learning_rate": 3e-3,
        "parameters": {"name": "spt", "ratio": 0.01, "rank": 2},
    },
    "`dsee`, `rank: 4`, `sparsity: 0.5`": {"learning_rate": 3e-3, "parameters": {"name": "dsee", "rank": 4}},
    "`lora`, `rank: 4`": {"learning_rate": 3e-3, "lora": {"rank": 4}},
}
#: The model of the second table: layers, width, inner width, vocabulary.
LAYERS, WIDTH, INNER, VOCABULARY = 8, 512, 1376, 2048


def cut(row: Row) -> Row:
    """A pair with short texts."""
    return {**row, **{key: row[key][:LONGEST] for key in ("chosen", "rejected")}, "prompt": row["prompt"][-LONGEST:]}


def written(model: Any, tokenizer: Any) -> list[list[int]]:
    """Stories that the model writes, as tokens; the same on every call."""
    import torch

    torch.manual_seed(0)
    begin = torch.full((STORIES, 1), tokenizer.bos_token_id)
    ids = model.generate(
        begin, attention_mask=torch.ones_like(begin), do_sample=True, max_new_tokens=TOKENS, pad_token_id=0
    )
    end = tokenizer.eos_token_id
    return [row[: row.index(end, 1) + 1] if end in row[1:] else row for row in ids.tolist()]


def likelihood(model: Any, stories: list[list[int]]) -> float:
    """Mean log-likelihood a token, nats."""
    import torch

    total, count = 0.0, 0
    with torch.no_grad():
        for story in stories:
            ids = torch.tensor([story])
            scores = model(ids).logits[0, :-1].log_softmax(-1)
            total += float(scores.gather(1, ids[0, 1:, None]).sum())
            count += len(story) - 1
    return total / count


def strategies(folder: Path) -> list[list[str]]:
    """The rows of the first table."""
    import penchant
    from penchant.likelihood.loading import load_model
    from penchant.rendering.tokenizer import load_tokenizer

    source = str(SHARED / MODEL)
    every = list(map(cut, harmless(rows_of(SHARED, "hh_harmless"))))
    data = [row for row in every if row["split"] == "train"][:PAIRS]
    held = [row for row in every if row["split"] != "train"][:TEST]
    start = load_model(source)
    stories = written(start, load_tokenizer(source))
    before = likelihood(start, stories)
    rows = []
    for number, (name, settings) in enumerate(ARMS.items()):
        found: list[Row] = []
        for seed in SEEDS:
            recipe = {"chat_template": "plain", "batch_size": 8, "epochs": 1, "samples": 0, "seed": seed, **settings}
            output = folder / f"{number}-{seed}"
            result = penchant.train(source, data, "dpo", output, eval_data=held, **recipe)
            steps = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
            times = [row["seconds"] for row in steps if row["split"] == "train"]
            after, summary = result.summary["after"], result.summary
            share = summary["trained_parameters"] / sum(each.numel() for each in start.parameters())
            forgotten = before - likelihood(load_model(str(output / "model")), stories)
            figures = {"accuracy": after["rewards/accuracy"], "margin": after["rewards/margin"], "kl": after["kl"]}
            pace = (times[-1] - times[0]) / (len(times) - 1)
            found.append({**figures, "forgetting": forgotten, "share": share, "step": pace, "run": summary["seconds"]})
            print(name, seed, found[-1], file=sys.stderr, flush=True)
        rows.append([name, f"{settings['learning_rate']:g}", f"{found[0]['share']:.1%}", *_cells(found)])
    return rows


def _cells(found: list[Row]) -> list[str]:
    def shown(key: str, form: str) -> str:
        values = [each[key] for each in found]
        return f"{statistics.fmean(values):{form}} ({statistics.stdev(values):{form}})"

    middle = [statistics.median(each[key] for each in found) for key in ("step", "run")]
    figures = [shown("accuracy", ".3f"), shown("margin", ".2f"), shown("kl", ".1f"), shown("forgetting", ".3f")]
    return [*figures, f"{middle[0]:.2f}", f"{middle[1]:.1f}"]


def memory(folder: str, side: str) -> None:
    """One run in this process, of all weights or of half; prints its figures."""
    import torch

    import penchant

    place = Path(folder)
    recipe: Row = {"max_steps": 3, "batch_size": 2, "samples": 0, "chat_template": "plain", "accumulate": 1}
    if side != "all weights":
        recipe["parameters"] = {"name": "half-fine-tuning"}
    data = [{"prompt": "a b c", "chosen": "d e f", "rejected": f"g {each}"} for each in range(6)]
    output = place / side.replace(" ", "-")
    result = penchant.train(str(place / "model"), data, "nll", output, **recipe)
    peak = peak_mib()
    checkpoint = output / "checkpoints" / "checkpoint-3"
    state = torch.load(checkpoint / "optimizer.pt", weights_only=True)["state"]
    held = sum(value.nbytes for each in state.values() for value in each.values())
    trained = result.summary["trained_parameters"]
    print(json.dumps({"trained": trained, "optimizer": held / 2**20, "peak": peak}))


def halves(folder: Path) -> list[list[str]]:
    """The rows of the second table."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from penchant.rendering.tokenizer import load_tokenizer

    torch.manual_seed(0)
    size = {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    LlamaForCausalLM(LlamaConfig(**size, **ends, num_attention_heads=8)).save_pretrained(folder / "model")
    load_tokenizer(str(SHARED / MODEL)).save_pretrained(folder / "model")
    rows = []
    for side in ("all weights", "half fine-tuning"):
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.weights", str(folder), side]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        rows.append([side, f"{found['trained']:,}", f"{found['optimizer']:.1f}", f"{found['peak']:.0f}"])
    return rows


def measure(table: Table) -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as place:
        heading = ["training", "trained weights", "AdamW's state, MiB", "peak of the process, MiB"]
        table("Memory of half fine-tuning", heading, halves(Path(place)))
    with tempfile.TemporaryDirectory() as place:
        heading = ["what moves", "learning rate", "trained share", "accuracy", "margin", "KL", "forgetting"]
        title = f"Strategies on `hh_harmless` ({PAIRS} pairs, {TEST} held out, {len(SEEDS)} seeds)"
        table(title, [*heading, "seconds a step", "seconds"], strategies(Path(place)))


if __name__ == "__main__":
    memory(*sys.argv[1:])
