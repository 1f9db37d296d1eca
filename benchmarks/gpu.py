"""On a GPU: training a 1.2 B Llama-shaped random model in bfloat16, Penchant's forest (FlexAttention) beside TRL.

Weights are float32 masters, the forward pass is bfloat16 under autocast; rows with an adapter have frozen bfloat16
weights. Lengths follow a log-normal law like that of human feedback, or have short prompts, so that no file is needed.
Prints pairs per second, peak memory, the share of the card's measured matrix rate, the largest difference of a loss to
float32, and how often FlexAttention was compiled while the figures were taken.

``--tiny`` runs the same code with a small model on a CPU, to see that it stands; its figures mean nothing.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

#: Mean tokens of prompts and of responses.
DATA = {"human feedback": (180, 90), "short prompts": (24, 120)}


@dataclass(frozen=True)
class Size:
    """Device, model and work."""

    device: str = "cuda"
    width: int = 2048
    inner: int = 5632
    layers: int = 22
    heads: int = 16
    vocabulary: int = 32000
    pairs: int = 64
    batch: int = 8
    warm: int = 2
    matrix: int = 8192


TINY = Size("cpu", 64, 128, 2, 2, 512, pairs=4, batch=2, warm=1, matrix=256)


@dataclass
class Figures:
    """What a side took."""

    rate: float
    peak: float
    operations: float
    losses: list[float]
    compiled: int | None = None


def main(tiny: bool = False) -> None:
    """Print the table."""
    if not tiny and not torch.cuda.is_available():
        raise SystemExit("No GPU found. --tiny runs the same code with a small model on a CPU.")
    size = TINY if tiny else Size()
    rate = matrix_rate(size)
    name = "a CPU (tiny model: not a measurement)" if tiny else torch.cuda.get_device_name()
    print(f"\n### GPU: {name}, measured bf16 matrix rate {rate / 1e12:.2f} TFLOP/s\n")
    print("| data | side | pairs/s | peak GiB | share of the matrix rate | loss difference to float32 | compilations |")
    print("|---|---|---|---|---|---|---|")
    for data in DATA:
        exact = exact_losses(size, data)
        for side, measure in SIDES.items():
            try:
                found = measure(size, data)
            except ImportError as error:
                print(f"| {data} | {side} | not installed here ({error.name}) | | | | |")
                continue
            apart = max(abs(a - b) for a, b in zip(found.losses, exact, strict=True))
            count = "" if found.compiled is None else found.compiled
            speed = f"{found.rate:.2f} | {found.peak:.1f} | {found.operations / rate:.1%}"
            print(f"| {data} | {side} | {speed} | {apart:.1e} | {count} |", flush=True)
            _clean(size)


def _clean(size: Size) -> None:
    import gc

    gc.collect()
    if size.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _wait(size: Size) -> float:
    """The time, after all work of the device."""
    if size.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak(size: Size) -> float:
    """Peak memory of the device, GiB."""
    return torch.cuda.max_memory_allocated() / 2**30 if size.device == "cuda" else 0.0


def matrix_rate(size: Size, rounds: int = 20) -> float:
    """Floating-point operations a second of a large bf16 product."""
    left = torch.randn(size.matrix, size.matrix, device=size.device, dtype=torch.bfloat16)
    for _warm in range(3):
        left @ left
    began = _wait(size)
    for _round in range(rounds):
        left @ left
    return 2 * size.matrix**3 * rounds / (_wait(size) - began)


def model(size: Size, dtype: torch.dtype = torch.float32) -> Any:
    """Llama-shaped, random; 1.2 B parameters on a GPU. Its numbers are those of bfloat16 in either type."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        intermediate_size=size.inner,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=4096,
    )
    with torch.device(size.device):
        return LlamaForCausalLM(config).to(torch.bfloat16).to(dtype)


def sequences(size: Size, data: str) -> list[tuple[list[int], list[int], list[int]]]:
    """Prompt, chosen, rejected as token ids."""
    draw = random.Random(0)
    prompt, response = DATA[data]

    def text(mean: float) -> list[int]:
        length = max(4, min(1000, round(draw.lognormvariate(0.0, 0.7) * mean)))
        return [draw.randrange(3, size.vocabulary) for _token in range(length)]

    return [(text(prompt), text(response), text(response)) for _pair in range(size.pairs)]


def _batches(size: Size, data: str) -> list[Any]:
    from penchant.feedback.records import Source
    from penchant.forest import Example, TokenSequence, collate

    examples = [
        Example({"chosen": [TokenSequence(p, c)], "rejected": [TokenSequence(p, r)]}, {}, 1.0, Source())
        for p, c, r in sequences(size, data)
    ]
    starts = [0] * size.warm + list(range(0, size.pairs, size.batch))
    return [collate(examples[start : start + size.batch]).to(size.device) for start in starts]


def _compilations() -> int:
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])


def exact_losses(size: Size, data: str) -> list[float]:
    """Losses of the same steps, with forward, backward and weights in float32."""
    torch.backends.cuda.matmul.allow_tf32 = False
    losses = _train(size, data, model(size), contextlib.nullcontext).losses
    _clean(size)
    return losses


def penchant(size: Size, data: str) -> Figures:
    """All weights, float32 masters, bfloat16 forward."""
    return _train(size, data, model(size), lambda: torch.autocast(size.device, dtype=torch.bfloat16))


def checkpointing(size: Size, data: str) -> Figures:
    """The same with activations computed again in the backward pass."""
    policy = model(size)
    policy.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    policy.train()
    return _train(size, data, policy, lambda: torch.autocast(size.device, dtype=torch.bfloat16))


def lora(size: Size, data: str) -> Figures:
    """An adapter of rank 16 on every linear layer of a frozen bfloat16 model."""
    return _train(size, data, _adapted(model(size, torch.bfloat16)), _autocast(size))


def qlora(size: Size, data: str) -> Figures:
    """The same on a model in four bits."""
    import tempfile

    import bitsandbytes  # noqa: F401  # named where it is absent
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    four = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    with tempfile.TemporaryDirectory() as folder:
        model(size, torch.bfloat16).save_pretrained(folder)
        _clean(size)
        loaded = AutoModelForCausalLM.from_pretrained(folder, quantization_config=four, device_map=size.device)
        return _train(size, data, _adapted(loaded), _autocast(size))


def _autocast(size: Size) -> Callable[[], Any]:
    return lambda: torch.autocast(size.device, dtype=torch.bfloat16)


def _adapted(base: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    return get_peft_model(base, LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM"))


def _train(size: Size, data: str, policy: Any, regime: Callable[[], Any]) -> Figures:
    from penchant.likelihood import CausalScorer, build_reference, score_batch
    from penchant.objectives import build

    scorer, objective = CausalScorer(policy), build("dpo")
    reference = build_reference("initial", scorer)
    trained = [weight for weight in policy.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, fused=True, weight_decay=0.0)
    _clean(size)
    batches, losses, began, compiled = _batches(size, data), [], 0.0, 0
    for step, batch in enumerate(batches):
        if step == size.warm:
            began, compiled = _wait(size), _compilations()
        with regime():
            views = score_batch(scorer, batch, reference, objective.requirements.needs)
        loss = objective.compute(views).values.mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
    seconds = _wait(size) - began
    tokens = sum(batch.forest.tokens for batch in batches[size.warm :])
    # Forward 2, backward 4, the reference's forward 2 operations a parameter and token; an adapter's backward 2.
    cost = (8 if len(trained) == len(list(policy.parameters())) else 6) * _numbers(size) * tokens
    peak = _peak(size)
    reference.close()
    scorer.close()
    taken = [float(loss) for loss in losses]
    return Figures(size.pairs / seconds, peak, cost / seconds, taken, _compilations() - compiled)


def _numbers(size: Size) -> int:
    """Parameters of the model."""
    return size.layers * (4 * size.width**2 + 3 * size.width * size.inner) + 2 * size.vocabulary * size.width


def trl(size: Size, data: str) -> Figures:
    """The same work by TRL's DPOTrainer, with its defaults except batch size, length, schedule and order."""
    import tempfile

    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import DPOConfig, DPOTrainer

    from benchmarks.words import number_tokenizer

    triples = sequences(size, data)
    ordered = triples[: size.batch] * size.warm + triples
    # TRL adds an end token to each response, so its losses differ a little beyond rounding.
    rows = [
        {
            name: "".join(f" {number}" for number in ids)
            for name, ids in zip(("prompt", "chosen", "rejected"), triple, strict=True)
        }
        for triple in ordered
    ]
    marks: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            marks.append(_wait(size))

    with tempfile.TemporaryDirectory() as folder:
        args = DPOConfig(
            output_dir=folder,
            per_device_train_batch_size=size.batch,
            max_length=4096,
            max_steps=size.warm + size.pairs // size.batch,
            learning_rate=1e-6,
            lr_scheduler_type="constant",
            logging_steps=1,
            bf16=True,
            use_cpu=size.device == "cpu",
            train_sampling_strategy="sequential",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = DPOTrainer(
            model=model(size),
            ref_model=model(size),  # otherwise TRL loads it from the hub
            args=args,
            train_dataset=Dataset.from_list(rows),
            processing_class=number_tokenizer(size.vocabulary),
            callbacks=[Clock()],
        )
        _clean(size)
        trainer.train()
    seconds = marks[-1] - marks[size.warm - 1]
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    # Useful work is counted alike on both sides: every prompt once.
    tokens = sum(len(p) + len(c) + len(r) for p, c, r in triples)
    return Figures(size.pairs / seconds, _peak(size), 8 * _numbers(size) * tokens / seconds, losses)


SIDES: dict[str, Callable[[Size, str], Figures]] = {
    "penchant": penchant,
    "penchant, gradient checkpointing": checkpointing,
    "penchant, LoRA": lora,
    "penchant, QLoRA": qlora,
    "TRL": trl,
}
