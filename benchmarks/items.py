"""``python -m benchmarks.items``: constrained beam search over a large catalogue, against masks built in Python.

The mask that is compared with is that of ReRe's published code: a dictionary from a prefix to its next tokens, read row
by row at each step. Both masks are equal, which is checked. Each row is measured several times, the rows in turn, in
core seconds of the process, so that other work on the machine counts less.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor, LogitsProcessorList

from benchmarks.__main__ import table
from penchant.generation.constrained import PENALTY, CatalogueProcessor
from penchant.generation.item_search import search_items
from penchant.generation.trie import Trie

END, PROMPT = 1, 12
#: The first token that is part of items.
FIRST = 2


class MaskInPython(LogitsProcessor):
    """A mask that is built row by row at each step."""

    def __init__(self, sequences: list[tuple[int, ...]]) -> None:
        self.allowed: dict[tuple[int, ...], list[int]] = {}
        seen: dict[tuple[int, ...], set[int]] = {}
        for sequence in sequences:
            for length, token in enumerate(sequence):
                seen.setdefault(sequence[:length], set()).add(token)
        self.allowed = {prefix: sorted(tokens) for prefix, tokens in seen.items()}

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        logps = scores.log_softmax(-1)
        mask = torch.full_like(scores, PENALTY)
        for row, prefix in enumerate(input_ids[:, PROMPT:].tolist()):
            tokens = self.allowed.get(tuple(prefix), [])
            if tokens:
                mask[row, tokens] = 0
        return logps + mask


def catalogue(items: int, words: int, tokens: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Different sequences of ``tokens`` tokens and the end token; with one token, the first ``items`` tokens."""
    if tokens == 1:
        return [(FIRST + number, END) for number in range(items)]
    rng, found = random.Random(seed), {}
    while len(found) < items:
        found[(*(rng.randrange(FIRST, words) for _ in range(tokens)), END)] = None
    return list(found)


def measured(ways: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Core seconds of each way, in turn, after one run that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        run()
    for _ in range(repeats):
        for name, run in ways.items():
            began = time.process_time()
            run()
            seconds[name].append(time.process_time() - began)
    return seconds


def rows_of(seconds: dict[str, list[float]], slow: str) -> list[list[str]]:
    """Median, least and most of each way, and how many times faster it is than ``slow``."""
    base = seconds[slow]
    return [
        [
            name,
            f"{1000 * statistics.median(each):.1f} ({1000 * min(each):.1f}-{1000 * max(each):.1f})",
            f"{statistics.median(a / b for a, b in zip(base, each, strict=True)):.1f}",
        ]
        for name, each in seconds.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.items", description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--tokens", type=int, default=3, help="tokens of an item, without its end")
    parser.add_argument("--words", type=int, default=512, help="tokens of the vocabulary, where items have several")
    parser.add_argument("--users", type=int, default=64)
    parser.add_argument("--beams", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    if chosen.tokens == 1:
        chosen.words = FIRST + chosen.items
    sequences = catalogue(chosen.items, chosen.words, chosen.tokens)
    trie, in_python = Trie(sequences), MaskInPython(sequences)
    torch.manual_seed(0)
    rows = chosen.users * chosen.beams
    picked = torch.tensor([random.Random(1).choice(sequences) for _ in range(rows)])
    prompt = torch.full((rows, PROMPT), 3)
    scores = torch.randn(rows, chosen.words)
    print(
        f"load {os.getloadavg()[0]:.1f}; {chosen.items:,} items of {chosen.tokens} tokens, "
        f"{rows} rows ({chosen.users} users, {chosen.beams} beams)"
    )
    for depth in range(chosen.tokens):
        ids = torch.cat([prompt, picked[:, :depth]], 1)
        assert torch.equal(CatalogueProcessor(trie, PROMPT)(ids, scores), in_python(ids, scores))
        ways = {
            "mask built in Python": lambda ids=ids: in_python(ids, scores),
            "trie of arrays": lambda ids=ids: CatalogueProcessor(trie, PROMPT)(ids, scores),
        }
        table(
            f"One step after {depth} tokens",
            ["", "ms", "times"],
            rows_of(measured(ways, chosen.repeats), "mask built in Python"),
        )
    whole(chosen, sequences, trie, in_python)


def whole(chosen: argparse.Namespace, sequences: list[tuple[int, ...]], trie: Trie, in_python: MaskInPython) -> None:
    """A whole search with a small model."""
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=chosen.words, eos_token_id=END, pad_token_id=0, **sizes)).eval()
    ids = torch.randint(FIRST, chosen.words, (chosen.users, PROMPT))

    def generate(processor: LogitsProcessor) -> Any:
        return model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            num_beams=chosen.beams,
            num_return_sequences=chosen.beams,
            length_penalty=0.0,
            max_new_tokens=chosen.tokens + 1,
            logits_processor=LogitsProcessorList([processor]),
        )

    ways = {
        "generate, mask built in Python": lambda: generate(in_python),
        "generate, trie of arrays": lambda: generate(CatalogueProcessor(trie)),
        "search_items": lambda: search_items(model, ids.tolist(), trie, beams=chosen.beams, batch_size=10_000),
    }
    found = search_items(model, ids.tolist(), trie, beams=chosen.beams, batch_size=10_000)
    best = generate(CatalogueProcessor(trie))[:: chosen.beams, PROMPT:].tolist()
    agree = sum(tuple(row) == sequences[each.items[0]] for row, each in zip(best, found, strict=True))
    print(f"\nThe best item is the same for {agree} of {chosen.users} users.")
    table(
        "A whole search", ["", "ms", "times"], rows_of(measured(ways, chosen.repeats), "generate, mask built in Python")
    )


if __name__ == "__main__":
    main()
