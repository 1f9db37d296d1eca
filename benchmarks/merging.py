"""Peak memory and rate of merging two models of a given shape, each method in a process of its own.

``python -m benchmarks --only merging``. The models are random numbers in the shape of a Llama of 1.2 B parameters with
a vocabulary of 128 k in bfloat16, 2.5 GB each. The peak is that of the whole process; what the process holds before it
reads a tensor (Python and its libraries) is measured apart.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import torch

VOCABULARY, WIDTH, LAYERS, INNER, HEADS, GROUPS = 128256, 2048, 16, 8192, 32, 8
METHODS = ("linear", "slerp", "ties,density=0.2", "dare", "model-stock")
MIB = 2**20


def shapes() -> dict[str, tuple[int, ...]]:
    """The tensors of the model."""
    narrow = WIDTH // HEADS * GROUPS
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (VOCABULARY, WIDTH),
        "model.norm.weight": (WIDTH,),
    }
    for layer in range(LAYERS):
        own = {
            "self_attn.q_proj": (WIDTH, WIDTH),
            "self_attn.k_proj": (narrow, WIDTH),
            "self_attn.v_proj": (narrow, WIDTH),
            "self_attn.o_proj": (WIDTH, WIDTH),
            "mlp.gate_proj": (INNER, WIDTH),
            "mlp.up_proj": (INNER, WIDTH),
            "mlp.down_proj": (WIDTH, INNER),
            "input_layernorm": (WIDTH,),
            "post_attention_layernorm": (WIDTH,),
        }
        found |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in own.items()}
    return found


def write_model(folder: Path, seed: int) -> None:
    """Random numbers as a folder with one file of weights, written part by part."""
    folder.mkdir(parents=True)
    at, table = 0, {}
    for name, shape in shapes().items():
        size = 2 * torch.Size(shape).numel()
        table[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    header = json.dumps(table).encode()
    draws = torch.Generator().manual_seed(seed)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for _ in range(0, at, 16 * MIB):
            numbers = torch.randn(8 * MIB, generator=draws).bfloat16().view(torch.uint8).numpy()
            file.write(memoryview(numbers)[: min(16 * MIB, at - (file.tell() - len(header) - 8))])
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": WIDTH, "vocab_size": VOCABULARY}))


def peak_mib() -> float:
    """The most memory that this process has held; `getrusage` would count that of the process that started it."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found.group(1)) / 1024


def measure(folder: str, method: str) -> None:
    """One merge in this process; prints its figures."""
    from penchant.named import build_named, named_settings
    from penchant.training.merging.rules import MERGES
    from penchant.training.merging.writer import merge_models

    rule = build_named(MERGES, named_settings(method, "method", "--method"), "--method")
    before = peak_mib()
    place = Path(folder)
    base = place / "base" if rule.needs_base else None
    start = time.perf_counter()
    merge_models([place / "a", place / "b"], rule, place / "out", base=base, overwrite=True)
    seconds = time.perf_counter() - start
    print(json.dumps({"before": before, "peak": peak_mib(), "seconds": seconds}))


def merging(folder: Path) -> tuple[list[str], list[list[str]]]:
    """The table: heading and rows."""
    for seed, name in enumerate(("base", "a", "b")):
        write_model(folder / name, seed)
    size = (folder / "a/model.safetensors").stat().st_size
    largest = 2 * VOCABULARY * WIDTH / MIB
    rows = []
    for method in METHODS:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.merging", str(folder), method]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        cells = [found["before"], found["peak"], found["peak"] - found["before"], 2 * largest + 200]
        rows.append([method, *(f"{each:.0f}" for each in cells), f"{found['seconds']:.0f}"])
        rows[-1].append(f"{3 * size / MIB / found['seconds']:.0f}")
    heading = ["method", "MiB before", "peak MiB", "added MiB", "two tensors + 200 MiB", "seconds"]
    return [*heading, "MiB/s (both models and the result)"], rows


if __name__ == "__main__":
    measure(*sys.argv[1:])
