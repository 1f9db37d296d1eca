"""Methods that read every position's distribution or weigh tokens, beside DPO: peak memory and time of a step.

``python -m benchmarks --only tokens`` prints the tables. Each side runs in a process of its own, in turn. A step is
the forward pass of policy and frozen reference over one batch and the backward pass; weights are not updated. DPO runs
once more with the reference's log-probabilities from the cache, which has no distributions for the others.

``python -m benchmarks.tokens in-turn "tiny model" 25`` takes the steps of all methods in turn in one process.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Vocabulary, width, layers, pairs, tokens of a prompt and of a response.
SHAPES: dict[str, tuple[int, ...]] = {
    "large vocabulary": (151_936, 32, 2, 1, 16, 1024),
    "large vocabulary, usual width": (151_936, 896, 2, 1, 16, 256),
    "small model": (8192, 256, 6, 8, 60, 60),
    "tiny model": (512, 64, 5, 8, 60, 60),
    "vocabulary of 32,000": (32_000, 256, 6, 8, 60, 60),
    "vocabulary of 32,000, narrow": (32_000, 32, 6, 8, 60, 60),
}
CACHED = "dpo, cached reference"
SIDES = ("dpo", CACHED, "tdpo1", "tdpo2", "rrpo", "sparsepo", "sparsepo-mapo", "tab-po")
#: Steps whose median is the time; several follow one that is not counted.
STEPS = {"large vocabulary": 1, "large vocabulary, usual width": 1, "tiny model": 31}
USUAL_STEPS = 7


def steps_of(names: tuple[str, ...], shape: str) -> dict[str, Callable[[], float]]:
    """For each method a step, which says its seconds of all cores; all share one model."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from penchant.forest import TokenSequence
    from penchant.likelihood import CausalScorer, build_reference

    vocabulary, width, layers, pairs, prompt, response = SHAPES[shape]
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        tie_word_embeddings=True,
    )
    scorer = CausalScorer(LlamaForCausalLM(config))
    folder = Path(tempfile.mkdtemp())
    kinds = {"cached" if name == CACHED else "initial" for name in names}
    references = {kind: build_reference(kind, scorer, folder) for kind in kinds}
    with torch.no_grad():  # move the policy away from its reference, as training does
        for each in scorer.model.parameters():
            each.add_(1e-3 * torch.randn_like(each))

    def tokens(count: int) -> list[int]:
        return torch.randint(vocabulary, (count,)).tolist()

    texts = [(tokens(prompt), tokens(response), tokens(response)) for _ in range(pairs)]
    sequences = [[TokenSequence(shared, each) for each in both] for shared, *both in texts]
    return {
        name: _step(name, scorer, references["cached" if name == CACHED else "initial"], sequences) for name in names
    }


def _step(name: str, scorer: Any, reference: Any, sequences: list[list[Any]]) -> Callable[[], float]:
    from penchant.feedback.records import Source
    from penchant.forest import collate
    from penchant.forest.example import Example
    from penchant.objectives import build

    objective = build(name.partition(",")[0])
    if objective.requirements.needs.reference_states:
        objective.bind_layers(scorer.hidden_size, scorer.depth)
    length = len(sequences[0][0].response)
    fields = {each: [[1.0] * length] for each in objective.requirements.fields}
    views = ({"chosen": [chosen], "rejected": [rejected]} for chosen, rejected in sequences)
    batch = collate([Example(each, fields, 1.0, Source()) for each in views])
    reference.prepare(batch.forest.sequences)

    def step() -> float:
        began = time.process_time()
        views = scorer.score_batch(batch, reference, objective.requirements.needs)
        objective.compute({**views, **batch.fields}).values.mean().backward()
        scorer.model.zero_grad()
        return time.process_time() - began

    return step


def side(name: str, shape: str) -> dict[str, float]:
    """Seconds of all cores for a step, which are steady on a busy machine, and the process's peak memory."""
    step, steps = steps_of((name,), shape)[name], STEPS.get(shape, USUAL_STEPS)
    if steps > 1:
        step()
    seconds = statistics.median(step() for _ in range(steps))
    return {"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def in_turn(shape: str, rounds: int) -> None:
    """Print the seconds of all methods whose steps are taken in turn in this process."""
    steps = steps_of(SIDES, shape)
    found: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            seconds = step()
            if number:  # the first round is not counted
                found[name].append(seconds)
    for name, own in found.items():
        ratio = statistics.median(each / dpo for each, dpo in zip(own, found["dpo"], strict=True))
        print(f"{name:22} least {min(own):.3f} s ({min(own) / min(found['dpo']):.2f}), median ratio {ratio:.2f}")


def measure(repeats: int, table: Callable[[str, list[str], list[list[str]]], None]) -> None:
    """Print a table for each shape.

    Args:
        repeats: rounds; a ratio is the median over rounds of the ratio within a round.
        table: prints a table of a title, a heading and rows.
    """
    for shape, (vocabulary, width, layers, pairs, prompt, response) in SHAPES.items():
        found: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
        for number in range(repeats):
            for name in SIDES:
                found[name].append(_apart(name, shape))
                print(f"  round {number + 1}: {name} {found[name][-1]}", file=sys.stderr, flush=True)
        rows = []
        for name in SIDES:
            own = [
                f"{statistics.median(each['seconds'] for each in found[name]):.2f}",
                f"{statistics.median(each['peak_mib'] for each in found[name]):,.0f}",
            ]
            rows.append([name, own[0], _ratio(found, name, "seconds"), own[1], _ratio(found, name, "peak_mib")])
        title = (
            f"{shape}: {vocabulary:,} tokens, width {width}, {layers} layers; {pairs} pair(s), prompts of {prompt} "
            f"tokens, responses of {response}"
        )
        table(title, ["method", "s of all cores a step", "beside DPO", "peak, MiB", "beside DPO"], rows)


def _ratio(found: dict[str, list[dict[str, float]]], name: str, key: str) -> str:
    values = [own[key] / dpo[key] for own, dpo in zip(found[name], found["dpo"], strict=True)]
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _apart(name: str, shape: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.tokens", name, shape]
    environment = {"OMP_NUM_THREADS": "2", **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"The side {name!r} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


if __name__ == "__main__":
    if sys.argv[1] == "in-turn":
        in_turn(sys.argv[2], int(sys.argv[3]))
    else:
        print(json.dumps(side(sys.argv[1], sys.argv[2])))
