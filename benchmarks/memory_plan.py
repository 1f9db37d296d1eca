"""``python -m benchmarks.memory_plan``: what ``penchant plan`` says a run takes, beside what it takes.

Every run is a process of its own on the CPU, with a random model. Its peak is the highest resident set of the process
(sampled every 5 ms), less the resident set after a run of the same kind with a model of almost no weights: that is the
interpreter with its libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

MIB = 2**20
VOCABULARY = 8192
#: Hidden size, layers, size of the inner layer and vocabulary of each model.
MODELS = {
    "narrow": (256, 8, 704, VOCABULARY),
    "small": (384, 8, 1024, VOCABULARY),
    "middle": (512, 10, 1408, VOCABULARY),
    "wide": (768, 6, 2048, VOCABULARY),
    "many words": (896, 3, 2432, 32_768),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "full": {},
    "no reference": {"objective": {"name": "simpo"}},
    "LoRA": {"lora": {"rank": 8}},
    "large micro-batches": {"accumulate": 1},
    "checkpointing": {"accumulate": 1, "gradient_checkpointing": True},
    "cached reference": {"reference": "cached"},
    "forward in bfloat16": {"precision": "bfloat16"},
    "bfloat16 checkpoint": {"weights": "float32"},
    "bfloat16 checkpoint, forward in bfloat16": {"precision": "bfloat16"},
    "judgements (KTO)": {"objective": {"name": "kto"}},
    "lists": {"objective": {"name": "plackett-luce-dpo"}},
    "reward model": {"objective": {"name": "bt-reward-model"}},
}
#: Settings with other data than pairs.
DATA = {"judgements (KTO)": "judgements.jsonl", "lists": "lists.jsonl"}


def make(folder: Path) -> None:
    """Write a tokenizer, the models and pairs of made-up words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    def tokenizer_of(size: int) -> PreTrainedTokenizerFast:
        every = ["<pad>", "<unk>", "</s>", *(f"w{number}" for number in range(size - 3))]
        core = Tokenizer(models.WordLevel({word: at for at, word in enumerate(every)}, unk_token="<unk>"))
        core.pre_tokenizer = pre_tokenizers.Whitespace()
        return PreTrainedTokenizerFast(
            tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=2048
        )

    words = [f"w{number}" for number in range(VOCABULARY - 3)]
    shapes = {**MODELS, "tiny": (8, 1, 8, VOCABULARY)}
    for name, (hidden, layers, inner, vocabulary) in shapes.items():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=hidden,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=8 if name != "tiny" else 1,
            num_key_value_heads=8 if name != "tiny" else 1,
            max_position_embeddings=2048,
            pad_token_id=0,
            eos_token_id=2,
            bos_token_id=None,
            tie_word_embeddings=False,
        )
        model = LlamaForCausalLM(config)
        for path, dtype in ((name, torch.float32), (f"{name}-bfloat16", torch.bfloat16)):
            model.to(dtype).save_pretrained(folder / path)
            tokenizer_of(vocabulary).save_pretrained(folder / path)
    rng = random.Random(0)

    def text(count: int) -> str:
        return " ".join(rng.choice(words) for _ in range(count))

    prompts = [text(160) for _ in range(24)]
    lists = [{"prompt": each, "responses": [" " + text(80) for _ in range(3)], "ranks": [1, 2, 3]} for each in prompts]
    two = [
        {"prompt": each["prompt"], "chosen": each["responses"][0], "rejected": each["responses"][1]} for each in lists
    ]
    judged = [
        {"prompt": each["prompt"], "completion": each[side], "label": side == "chosen"}
        for each in two
        for side in ("chosen", "rejected")
    ]
    for name, rows in (("pairs", two), ("judgements", judged), ("lists", lists)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class Watch:
    """Samples the resident set of this process."""

    def __init__(self) -> None:
        self.peak, self._stop = 0, threading.Event()
        self.trace: list[tuple[float, int]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stop.is_set():
            now = resident()
            self.peak = max(self.peak, now)
            self.trace.append((time.monotonic() - began, now))
            time.sleep(0.005)

    def stop(self) -> int:
        self._stop.set()
        self._thread.join()
        return self.peak


def resident() -> int:
    """The resident set of this process, bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def keys(folder: Path, model: str, setting: str, output: str) -> dict[str, Any]:
    """The recipe of a run."""
    stored = "-bfloat16" if setting.startswith("bfloat16 checkpoint") else ""
    return {
        "model": str(folder / f"{model}{stored}"),
        "data": str(folder / DATA.get(setting, "pairs.jsonl")),
        "output": str(folder / output),
        "cache": str(folder / "cache"),
        "device": "cpu",
        "samples": 0,
        "max_steps": 3,
        "batch_size": 8,
        "eval_limit": 8,
        "eval_share": 0.3,
        **SETTINGS[setting],
    }


def one(folder: Path, model: str, setting: str) -> dict[str, float]:
    """Train once in this process, after a run with the model of almost no weights."""
    import gc

    import penchant

    penchant.train(**keys(folder, "tiny", setting, "warm"), overwrite=True)
    gc.collect()
    base = resident()
    watch = Watch()
    penchant.train(**keys(folder, model, setting, "run"), overwrite=True)
    peak = watch.stop()
    if os.environ.get("TRACE"):
        last = 0.0
        for second, size in watch.trace:
            if second - last > 0.2:
                print(f"{second:6.2f} {(size - base) / MIB:8.0f}", file=sys.stderr)
                last = second
    return {"measured": peak - base}


def main() -> None:
    """Print the table, and fail if a plan is further than 15 % from the peak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("FOLDER", "MODEL", "SETTING"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    given = parser.parse_args()
    if given.one:
        folder, model, setting = given.one
        print(json.dumps(one(Path(folder), model, setting)))
        return
    folder = given.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    make(folder)
    print("| model | setting | plan, MiB | measured, MiB | ratio |\n| --- | --- | --- | --- | --- |")
    worst = 0.0
    for model in given.models:
        for setting in given.settings:
            measured = measure(folder, model, setting)["measured"]
            planned = plan(folder, model, setting)
            ratio = planned / measured
            worst = max(worst, abs(ratio - 1))
            print(f"| {model} | {setting} | {planned / MIB:.0f} | {measured / MIB:.0f} | {ratio:.2f} |", flush=True)
    print(f"\nLargest deviation: {worst:.0%}")
    raise SystemExit(worst > 0.15)


def measure(folder: Path, model: str, setting: str) -> dict[str, float]:
    """One run, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory_plan", "--one", str(folder), model, setting]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"The run {model}, {setting} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def plan(folder: Path, model: str, setting: str) -> float:
    """What `penchant plan` says, bytes."""
    from penchant.training import make_recipe
    from penchant.training.planning import plan_memory

    return plan_memory(make_recipe(keys(folder, model, setting, "run"))).total


if __name__ == "__main__":
    main()
