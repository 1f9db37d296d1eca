"""``python -m benchmarks --only judges``: judges of several responses to long prompts, together and one by one.

Three ways for a reward model to score the same texts with the same weights, in turn: the judge with prompts shared; one
forward pass for each text; and padded batches of 8 texts, as a loop over a file would do it. Then a pair model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

RESPONSES = 8
PROMPTS = 2
# Tokens of a prompt and of a response.
SHAPES = ((512, 32), (1024, 64))


def judge_of(positions: int) -> Any:
    """A random reward model of seven million weights with a vocabulary of words."""
    from penchant.rewards import RewardModel

    return RewardModel(*_classifier(positions), batch_size=RESPONSES)


def pair_model_of(positions: int) -> Any:
    """A pair model of the same size."""
    from penchant.rewards.pair_model import PairModel

    return PairModel(*_classifier(positions))


def _classifier(positions: int) -> tuple[Any, Any]:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"</s>": 0, "?": 1} | {f"w{n}": n + 2 for n in range(2000)}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", unk_token="?")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=2002, hidden_size=256, intermediate_size=768, num_hidden_layers=8, num_attention_heads=8,
        num_labels=1, max_position_embeddings=positions, pad_token_id=1,
    )  # fmt: skip
    return LlamaForSequenceClassification(config), tokenizer


def texts(prompt: int, response: int) -> tuple[list[str], list[list[str]]]:
    """Prompts and responses of random words; no response is like another."""
    rng = torch.Generator().manual_seed(1)

    def drawn(count: int) -> str:
        return " ".join(f"w{n}" for n in torch.randint(2000, (count,), generator=rng).tolist())

    prompts = [drawn(prompt) for _ in range(PROMPTS)]
    return prompts, [[f" {drawn(response)}" for _ in range(RESPONSES)] for _ in prompts]


def timed(work: Callable[[], list[float]]) -> tuple[float, list[float]]:
    began = time.perf_counter()
    scores = work()
    return time.perf_counter() - began, scores


def measure(repeats: int, table: Callable[..., None]) -> None:
    """Print the table: the median over the rounds, and the largest difference between the scores."""
    rows = []
    for prompt, response in SHAPES:
        judge = judge_of(prompt + response + 8)
        prompts, responses = texts(prompt, response)
        sides = {
            "shared": lambda: [each for own in judge.score_all(prompts, responses) for each in own],  # noqa: B023
            "one by one": lambda: _apart(judge, prompts, responses, 1),  # noqa: B023
            "batches of 8": lambda: _apart(judge, prompts, responses, RESPONSES),  # noqa: B023
        }
        judge.score(prompts[0], responses[0][:2])  # the test of the model's attention
        rounds = [{name: timed(work) for name, work in sides.items()} for _ in range(repeats)]
        first = rounds[0]
        apart = max(abs(a - b) for a, b in zip(first["shared"][1], first["one by one"][1], strict=True))
        ratios = [_median(rounds, name) for name in ("one by one", "batches of 8")]
        pace = PROMPTS * RESPONSES / sorted(each["shared"][0] for each in rounds)[repeats // 2]
        rows.append([f"{prompt} + {response}", f"{pace:.1f}", *ratios, f"{apart:.1e}"])
    heading = ["tokens of prompt + response", "responses/s", "faster than one by one", "faster than batches of 8"]
    table(f"Judging {RESPONSES} responses per prompt", [*heading, "largest difference"], rows)
    table(f"Preferences among {RESPONSES} responses", *preferences(repeats))


def preferences(repeats: int) -> tuple[list[str], list[list[str]]]:
    """A pair model on all ordered pairs of the responses to a prompt, which is read once a pass, or in each text."""
    rows = []
    for prompt, response in SHAPES:
        judge = pair_model_of(prompt + 2 * response + 64)
        [asked, *_others], [own, *_rest] = texts(prompt, response)
        judge.compare(asked, own[:2])  # the test of the model's attention
        times: dict[int, list[float]] = {1: [], 16: []}
        found = {}
        for _ in range(repeats):
            for judge.batch_size in times:
                began = time.process_time()
                found[judge.batch_size] = judge.compare(asked, own)
                times[judge.batch_size].append(time.process_time() - began)
        ratios = sorted(apart / shared for apart, shared in zip(times[1], times[16], strict=True))
        told = f"{ratios[len(ratios) // 2]:.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        seconds = sorted(times[16])[repeats // 2]
        rows.append([f"{prompt} + {response}", f"{seconds:.1f}", told, f"{(found[1] - found[16]).abs().max():.1e}"])
    return ["tokens of prompt + response", "processor s", "one by one / shared", "largest difference"], rows


def _median(rounds: list[dict[str, tuple[float, list[float]]]], name: str) -> str:
    values = sorted(each[name][0] / each["shared"][0] for each in rounds)
    return f"{values[len(values) // 2]:.2f} ({values[0]:.2f}-{values[-1]:.2f})"


@torch.no_grad()
def _apart(judge: Any, prompts: list[str], responses: list[list[str]], size: int) -> list[float]:
    """The scores of separate texts, ``size`` of them in a forward pass."""
    rows = [row for prompt, own in zip(prompts, responses, strict=True) for row, _start in judge._rows(prompt, own)]
    found: list[float] = []
    for start in range(0, len(rows), size):
        # Different owners: nothing is shared.
        part = rows[start : start + size]
        found += judge.classes(part, list(range(len(part))))[:, 0].tolist()
    return found
