"""On a GPU: training a 1.2 B Llama-shaped random model in bfloat16, Penchant's forest (FlexAttention) beside TRL.

Lengths follow a log-normal law like that of human feedback (prompts about 180 tokens, responses about 90), so that no
file is needed. Prints pairs per second, peak memory, and the share of the card's measured matrix rate.
"""

from __future__ import annotations

import random
import time
from typing import Any

import torch

PAIRS, BATCH, STEPS_WARM = 64, 8, 2


def main() -> None:
    """Print the table."""
    if not torch.cuda.is_available():
        raise SystemExit("There is no GPU here.")
    rate = matrix_rate()
    print(f"\n### GPU: {torch.cuda.get_device_name()}, measured bf16 matrix rate {rate / 1e12:.0f} TFLOP/s\n")
    print("| side | pairs/s | peak GiB | share of the matrix rate |")
    print("|---|---|---|---|")
    for name, side in (("penchant", penchant), ("TRL", trl)):
        try:
            speed, peak, used = side()
        except ImportError as error:
            print(f"| {name} | not installed here ({error.name}) | | |")
            continue
        print(f"| {name} | {speed:.2f} | {peak:.1f} | {used / rate:.1%} |", flush=True)


def matrix_rate(size: int = 8192, rounds: int = 20) -> float:
    """Floating-point operations a second of a large bf16 product."""
    left = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    for _warm in range(3):
        left @ left
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _round in range(rounds):
        left @ left
    torch.cuda.synchronize()
    return 2 * size**3 * rounds / (time.perf_counter() - began)


def model() -> Any:
    """Llama-shaped, 1.2 B parameters, random."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32000,
        hidden_size=2048,
        intermediate_size=5632,
        num_hidden_layers=22,
        num_attention_heads=16,
        num_key_value_heads=16,
        max_position_embeddings=4096,
    )
    with torch.device("cuda"):
        return LlamaForCausalLM(config).to(torch.bfloat16)


def sequences() -> list[tuple[list[int], list[int], list[int]]]:
    """Prompt, chosen, rejected as token ids."""
    draw = random.Random(0)

    def text(mean: float) -> list[int]:
        length = max(4, min(1000, round(draw.lognormvariate(0.0, 0.7) * mean)))
        return [draw.randrange(3, 32000) for _token in range(length)]

    return [(text(180), text(90), text(90)) for _pair in range(PAIRS)]


def penchant() -> tuple[float, float, float]:
    """Pairs a second, peak GiB, useful operations a second."""
    from penchant.feedback.records import Source
    from penchant.forest import Example, TokenSequence, collate
    from penchant.likelihood import CausalScorer, build_reference, score_batch
    from penchant.objectives import build

    policy = model()
    scorer, objective = CausalScorer(policy), build("dpo")
    reference = build_reference("initial", scorer)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-6, fused=True)
    examples = [
        Example({"chosen": [TokenSequence(p, c)], "rejected": [TokenSequence(p, r)]}, {}, 1.0, Source())
        for p, c, r in sequences()
    ]
    torch.cuda.reset_peak_memory_stats()
    tokens, began, done = 0, 0.0, 0
    for step, start in enumerate([0] * STEPS_WARM + list(range(0, PAIRS, BATCH))):
        if step == STEPS_WARM:
            torch.cuda.synchronize()
            began = time.perf_counter()
        batch = collate(examples[start : start + BATCH]).to("cuda")
        views = score_batch(scorer, batch, reference, objective.requirements.needs)
        objective.compute(views).values.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        if step >= STEPS_WARM:
            tokens += batch.forest.tokens
            done += len(batch)
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    # Forward 2, backward 4, the reference's forward 2 operations a parameter and token.
    return done / seconds, torch.cuda.max_memory_allocated() / 2**30, 8 * parameters * tokens / seconds


def trl() -> tuple[float, float, float]:
    """The same work by TRL's DPOTrainer, with its defaults except batch size, length and order."""
    import tempfile

    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import DPOConfig, DPOTrainer

    from benchmarks.words import number_tokenizer

    rows = [
        {name: " ".join(map(str, ids)) for name, ids in zip(("prompt", "chosen", "rejected"), triple, strict=True)}
        for triple in sequences()
    ]
    marks: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            torch.cuda.synchronize()
            marks.append(time.perf_counter())

    policy = model()
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    with tempfile.TemporaryDirectory() as folder:
        args = DPOConfig(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            max_length=2048,
            max_steps=STEPS_WARM + PAIRS // BATCH,
            train_sampling_strategy="sequential",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = DPOTrainer(
            model=policy,
            args=args,
            train_dataset=Dataset.from_list(rows),
            processing_class=number_tokenizer(32000),
            callbacks=[Clock()],
        )
        torch.cuda.reset_peak_memory_stats()
        trainer.train()
    seconds = marks[-1] - marks[STEPS_WARM - 1]
    done = BATCH * (len(marks) - STEPS_WARM)
    # Useful work is counted alike on both sides: every prompt once.
    tokens = sum(len(p) + len(c) + len(r) + 2 for p, c, r in sequences()) * done / PAIRS
    return done / seconds, torch.cuda.max_memory_allocated() / 2**30, 8 * parameters * tokens / seconds
