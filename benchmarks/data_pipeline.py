"""``python -m benchmarks.data_pipeline``: from a file of chat records to the plan of all steps, stage by stage.

Three sides, each in a process of its own, in turn: ``pieces`` tokenises every turn once, ``whole`` every text as a
whole, and ``disk`` does as a run on large data does: pieces, several processes, tokens on disk, records given up. All
must give the same tokens. The table has processor seconds of all processes, which other work on the machine disturbs
less than the clock does, and the memory that the main process holds after the stage. The rows *law* and *tokenizer* are
the shares of rendering and tokens that the checks of the rendered text and the tokenizer take.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

SIDES = ("pieces", "whole", "disk")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
#: Records whose encoding is divided into its shares.
SHARED_RECORDS = 3000
Result = TypeVar("Result")


def vocabulary(rng: random.Random, size: int = 8000) -> list[str]:
    """Words of random letters, the short ones the most frequent."""
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    return ["".join(rng.choices(letters, range(26, 0, -1), k=2 + round(rng.expovariate(0.3)))) for _ in range(size)]


def write_data(path: Path, count: int) -> None:
    """Pairs of answers to conversations, four in ten of several turns; about 1.3 kB a record."""
    rng = random.Random(0)
    words = vocabulary(rng)

    def turn(role: str, low: int, high: int) -> dict[str, str]:
        return {"role": role, "content": " ".join(rng.choices(words, k=rng.randint(low, high)))}

    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            prompt = [turn("user", 8, 40)]
            if rng.random() < 0.4:
                prompt += [turn("assistant", 10, 50), turn("user", 5, 20)]
            row = {"prompt": prompt, "chosen": [turn("assistant", 10, 80)], "rejected": [turn("assistant", 10, 80)]}
            file.write(json.dumps(row) + "\n")


def write_model(folder: Path) -> None:
    """A tiny model with a byte-level tokenizer of 8,000 tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    rng = random.Random(1)
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    words = vocabulary(random.Random(0))
    lines = [" ".join(rng.choices(words, k=60)) for _ in range(500)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        lines, trainers.BpeTrainer(vocab_size=8000, initial_alphabet=alphabet, show_progress=False)
    )
    backend.add_special_tokens([AddedToken(token, special=True) for token in ("<|im_start|>", "<|im_end|>")])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>")
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(folder)


class Stages:
    """Processor seconds, clock seconds and memory of the stages of one side."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, float]] = {}

    def run(self, name: str, work: Callable[[], Result]) -> Result:
        """The result of a stage."""
        clock, used = time.perf_counter(), _processor_seconds()
        result = work()
        seconds, elapsed = _processor_seconds() - used, time.perf_counter() - clock
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.rows[name] = {"seconds": seconds, "clock": elapsed, "MiB": pages * os.sysconf("SC_PAGE_SIZE") / 2**20}
        return result


class Share:
    """Processor seconds that are spent in functions which are replaced where they are called."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def watch(self, place: Any, name: str) -> None:
        """Count the time of a function from here on."""
        function = getattr(place, name)

        def timed(*given: Any, **named: Any) -> Any:
            used = time.process_time()
            try:
                return function(*given, **named)
            finally:
                self.seconds += time.process_time() - used

        setattr(place, name, timed)


def _processor_seconds() -> float:
    """Of this process and of those that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def shares(encoder: Any, renderer: Any, records: Any) -> dict[str, float]:
    """Seconds that the law and the tokenizer take of the encoding of records, whose pieces are new."""
    from penchant.rendering import renderer as renderer_file
    from penchant.rendering import turns

    law, tokens = Share(), Share()
    for place in (renderer_file, turns):
        law.watch(place, "check_turns")
    law.watch(renderer_file, "check_tools")
    law.watch(renderer.chat, "check_roles")
    tokens.watch(renderer._tokens, "ids")
    encoder.encode(records)
    return {"law": law.seconds, "tokenizer": tokens.seconds}


def side(name: str, folder: Path) -> dict[str, Any]:
    """All stages of one side."""
    from penchant.feedback.released import released
    from penchant.forest.batching import plan_batches
    from penchant.forest.large import encode_large
    from penchant.forest.supply import Supply
    from penchant.modalities import find_modality
    from penchant.objectives.core.expression import build
    from penchant.training.preparation import CHECKED
    from penchant.training.reading import Given, read_data
    from penchant.training.recipe import make_recipe

    recipe = make_recipe({"model": str(folder / "model"), "data": str(folder / "chats.jsonl")})
    modality: Any = find_modality("text", recipe.model, None)(recipe, None, None)
    if name == "whole":
        modality.renderer._tokens.cut = None
    stages = Stages()
    train, _, _ = stages.run("reading", lambda: read_data(recipe, Given()))
    stages.run(f"checks of {CHECKED:,}", lambda: modality.examine(train[:CHECKED], None))
    encoder = modality.encoder(build("dpo"))
    large = name == "disk"
    encode = partial(encode_large, encoder) if large else encoder.encode
    encoded = stages.run("rendering and tokens", lambda: encode(train.records))
    if large:
        train = stages.run("records given up", lambda: released(train))
    supply = Supply(encoded.examples, encoder=encoder)
    stages.run("plan", lambda: plan_batches(supply.sizes, batch_size=32, epochs=1, seed=0))
    digest = hashlib.sha256()
    for example in encoded.examples:
        for view in ("chosen", "rejected"):
            digest.update(repr([list(part) for part in example.views[view][0][:2]]).encode())
    found = {"stages": stages.rows, "tokens": digest.hexdigest()}
    if large:
        return found
    renderer = modality.renderer
    renderer._tokens.kept.clear()
    renderer._tokens.older.clear()
    return {**found, "shares": shares(encoder, renderer, train.records[:SHARED_RECORDS])}


def measured(name: str, folder: Path) -> dict[str, Any]:
    """One side, in a process of its own."""
    words = ["--side", name, "--folder", str(folder)]
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.data_pipeline", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    if done.returncode:
        raise SystemExit(f"The side {name!r} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def table(found: dict[str, list[dict[str, Any]]], count: int) -> str:
    """The median of each stage over the rounds."""
    lines = [f"{count:,} chat records: processor seconds (clock), MiB after the stage", ""]
    lines += [f"| stage | {' | '.join(SIDES)} |", f"| --- | {' | '.join('---' for _ in SIDES)} |"]
    for stage in found["disk"][0]["stages"]:
        cells = []
        for name in SIDES:
            rows = [each["stages"][stage] for each in found[name] if stage in each["stages"]]
            seconds, clock, memory = (
                statistics.median(row[key] for row in rows) if rows else 0.0 for key in ("seconds", "clock", "MiB")
            )
            cells.append(f"{seconds:.1f} ({clock:.1f}), {memory:,.0f}" if rows else "")
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    for share in ("law", "tokenizer"):
        numbers = [[each["shares"][share] for each in found[name] if "shares" in each] for name in SIDES]
        cells = [f"{statistics.median(each):.2f}" if each else "" for each in numbers]
        lines.append(f"| {share}, of {SHARED_RECORDS:,} records | {' | '.join(cells)} |")
    sums = []
    for name in SIDES:
        totals = [sum(row["seconds"] for row in each["stages"].values()) for each in found[name]]
        sums.append(f"{statistics.median(totals):.1f}")
    return "\n".join([*lines, f"| together | {' | '.join(sums)} |"])


def main() -> None:
    """Print the table, or the figures of one side as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000, help="from 20,000 on, two processes encode")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--folder", type=Path)
    words = parser.parse_args()
    if words.side is not None:
        print(json.dumps(side(words.side, words.folder)))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_model(folder / "model")
        write_data(folder / "chats.jsonl", words.records)
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
        for _ in range(words.rounds):
            for name in SIDES:
                found[name].append(measured(name, folder))
    if len({each["tokens"] for rows in found.values() for each in rows}) > 1:
        raise SystemExit("The sides give different tokens.")
    print(table(found, words.records))


if __name__ == "__main__":
    main()
