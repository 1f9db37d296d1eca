"""Steps on sampled groups: ``python -m benchmarks --only online`` prints the tables.

Every side runs in a process of its own, and all compute forward and backward of the same tokens; weights are not
updated. Seconds are those of all cores, which are steadier than the clock on a busy machine, and the median of a few
steps after one that is not counted. Memory is what the process needs beyond what it had before its first step.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VOCABULARY, WIDTH, LAYERS = 8192, 384, 4
STEPS = 2

Row = dict[str, Any]
Table = Callable[[str, list[str], list[list[str]]], None]


@dataclass(frozen=True)
class Shape:
    """A side: what it computes, prompts and responses, their tokens, and the temperature of the samples."""

    side: str
    prompts: int = 2
    responses: int = 4
    prompt: int = 96
    response: int = 64
    temperature: float = 1.0


def model() -> Any:
    """The same random Llama in every process."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=3 * WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=6, num_key_value_heads=3, max_position_embeddings=1024,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    found = LlamaForCausalLM(config)
    with torch.no_grad():  # an end token is never likely, so that all samples are equally long
        found.lm_head.weight[2] = 0
    return found


def groups(shape: Shape) -> tuple[list[list[int]], list[list[list[int]]], list[list[float]]]:
    """Prompts, the responses to each and their advantages; the same in every process."""
    import torch

    draw = torch.Generator().manual_seed(1)

    def tokens(count: int) -> list[int]:
        return torch.randint(3, VOCABULARY, (count,), generator=draw).tolist()

    prompts = [tokens(shape.prompt) for _ in range(shape.prompts)]
    lengths = torch.randint(shape.response // 2, shape.response + 1, (shape.prompts, shape.responses), generator=draw)
    answers = [[tokens(int(length)) for length in row] for row in lengths]
    return prompts, answers, torch.randn(shape.prompts, shape.responses, generator=draw).tolist()


def ours(shape: Shape, name: str, attention: str | None = None, **hyper: Any) -> tuple[Any, Callable[[], float]]:
    """The model, and a step of Penchant in the micro-batches of a run."""
    import torch

    from penchant.feedback.records import Source
    from penchant.forest import TokenSequence, collate, plan_batches
    from penchant.forest.example import Example
    from penchant.likelihood import CausalScorer, build_reference
    from penchant.objectives import build
    from penchant.training import make_recipe
    from penchant.training.arguments import micro_batches
    from penchant.training.data import training_loader

    objective, policy = build(name, **hyper), model()
    scorer = CausalScorer(policy, attention)
    scorer.temperature = shape.temperature
    reference, needs = build_reference("none", scorer), objective.requirements.needs
    torch.manual_seed(2)
    if needs.hidden:
        objective.bind(scorer.hidden_size)
    examples = []
    for prompt, answers, advantages in zip(*groups(shape), strict=True):
        fields: Row = {"advantage": advantages}
        if "returns" in objective.requirements.fields:
            fields["returns"] = [[each] * len(own) for own, each in zip(answers, advantages, strict=True)]
        examples.append(Example({"responses": [TokenSequence(prompt, own) for own in answers]}, fields, 1.0, Source()))
    plan = plan_batches([each.size for each in examples], batch_size=len(examples), shuffle=False)
    recipe = make_recipe({"model": "m", "data": "d"})
    parts = micro_batches(recipe, plan, [each.size for each in examples], 1, objective.scored_twice)
    batches = [each["batch"] for each in training_loader(examples, plan, collate, accumulate=parts)]

    def step() -> float:
        total = 0.0
        for batch in batches:
            views = scorer.score_batch(batch, reference, needs)
            losses = objective.compute({**views, **batch.fields}).values
            loss = (losses * batch.weights).sum() / batch.denominator
            loss.backward()
            total += float(loss.detach())
        return total

    return policy, step


def theirs(shape: Shape) -> tuple[Any, Callable[[], float]]:
    """The model, and a step of TRL's GRPOTrainer on the same prompts and completions."""
    import torch
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from benchmarks.decoding import word_tokenizer

    rows = shape.prompts * shape.responses
    args = GRPOConfig(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=rows, num_generations=shape.responses, beta=0.0,
        loss_type="grpo", temperature=shape.temperature, max_completion_length=shape.response, bf16=False, use_cpu=True,
        report_to="none", gradient_checkpointing=False,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=model(),
        args=args,
        reward_funcs=lambda completions, **_given: [0.0] * len(completions),
        train_dataset=Dataset.from_list([{"prompt": "a"}] * rows),
        processing_class=word_tokenizer(VOCABULARY),
    )
    trainer.current_gradient_accumulation_steps = 1
    prompts, answers, advantages = groups(shape)
    ids = torch.zeros(rows, shape.response, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for place, own in enumerate(each for several in answers for each in several):
        ids[place, : len(own)], mask[place, : len(own)] = torch.tensor(own), 1
    repeated = torch.tensor(prompts).repeat_interleave(shape.responses, 0)
    inputs = {"prompt_ids": repeated, "prompt_mask": torch.ones_like(repeated), "completion_ids": ids}
    inputs |= {"completion_mask": mask, "advantages": torch.tensor(advantages).flatten()}
    trainer.model.train()

    def step() -> float:
        loss = trainer._compute_loss(trainer.model, inputs)
        loss.backward()
        return float(loss.detach())

    return trainer.model, step


def with_references(names: tuple[str, ...]) -> tuple[Any, Callable[[], float]]:
    """A model with LoRA, and the scores of a batch under it and under references, with the backward pass."""
    from peft import LoraConfig, get_peft_model

    from penchant.forest import TokenSequence, build_forest
    from penchant.likelihood import CausalScorer, build_reference
    from penchant.likelihood.references.second_adapter import SecondAdapter

    policy = get_peft_model(model(), LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    scorer = CausalScorer(policy)
    made = [build_reference("initial", scorer) if name == "initial" else SecondAdapter(scorer) for name in names]
    prompts, answers, _advantages = groups(Shape("lora"))
    pairs = zip(prompts, answers, strict=True)
    laid = build_forest([TokenSequence(prompt, own) for prompt, several in pairs for own in several])

    def step() -> float:
        apart = scorer.score(laid)["logps"]
        for each in made:
            apart = apart - each.score(laid).logps
        apart.square().mean().backward()
        return 0.0

    return policy, step


def generating(shape: Shape) -> Callable[[], float]:
    """Samples of all prompts by Penchant's engine, or by ``generate`` of transformers alone."""
    import torch

    from benchmarks.decoding import word_tokenizer
    from penchant.generation.engine import generate

    policy, (prompts, _answers, _advantages) = model().eval(), groups(shape)
    tokenizer = word_tokenizer(VOCABULARY)

    def engine() -> float:
        generate(
            policy, tokenizer, prompts, samples=shape.responses, max_new_tokens=shape.response,
            temperature=shape.temperature, stop_token_ids=[2], seed=0, batch_size=len(prompts) * shape.responses,
        )  # fmt: skip
        return 0.0

    @torch.no_grad()
    def plain() -> float:
        ids = torch.tensor(prompts)
        policy.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=shape.temperature, top_k=0,
            num_return_sequences=shape.responses, max_new_tokens=shape.response, eos_token_id=2, pad_token_id=0,
        )  # fmt: skip
        return 0.0

    return engine if shape.side == "engine" else plain


def side(shape: Shape) -> Row:
    """What one process measures."""
    import torch

    made: dict[str, Callable[[], tuple[Any, Callable[[], float]]]] = {
        "penchant": lambda: ours(shape, "grpo"),
        "sequences": lambda: ours(shape, "grpo", "sequences"),
        "bnpo": lambda: ours(shape, "bnpo"),
        "ppo": lambda: ours(shape, "ppo"),
        "trl": lambda: theirs(shape),
        "no reference": lambda: with_references(()),
        "initial": lambda: with_references(("initial",)),
        "initial and previous": lambda: with_references(("initial", "previous")),
        "engine": lambda: (None, generating(shape)),
        "generate": lambda: (None, generating(shape)),
    }
    policy, step = made[shape.side]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loss, slopes = step(), torch.zeros(0)
    if policy is not None:
        trained = [each for each in policy.parameters() if each.grad is not None]
        slopes = torch.cat([each.grad.flatten()[:512] for each in trained])
    found = []
    for _ in range(STEPS):
        if policy is not None:
            policy.zero_grad()
        began = time.process_time()
        step()
        found.append(time.process_time() - began)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"seconds": statistics.median(found), "mib": peak, "loss": loss, "slopes": slopes.tolist()}


def apart(shape: Shape) -> Row:
    """A side in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sampled", json.dumps(asdict(shape))]
    environment = {"OMP_NUM_THREADS": "2", **os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"The side {shape} failed:\n{done.stderr[-2000:]}")
    found: Row = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"  {shape.side}: {found['seconds']:.2f} s, {found['mib']:.0f} MiB", file=sys.stderr, flush=True)
    return found


def in_turn(shapes: dict[str, Shape], repeats: int) -> dict[str, list[Row]]:
    """All sides in turn, several times."""
    found: dict[str, list[Row]] = {name: [] for name in shapes}
    for _ in range(repeats):
        for name, shape in shapes.items():
            found[name].append(apart(shape))
    return found


def ratio(above: list[Row], below: list[Row], key: str = "seconds") -> str:
    """Median over rounds of above/below, with the least and the most."""
    values = [one[key] / max(other[key], 1e-9) for one, other in zip(above, below, strict=True)]
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _figures(rows: list[Row]) -> list[str]:
    return [
        f"{statistics.median(each[key] for each in rows):.{digits}f}" for key, digits in (("seconds", 2), ("mib", 0))
    ]


def _difference(one: list[float], other: list[float]) -> float:
    """The norm of the difference of two vectors over that of the first."""
    apart_, size = (sum((a - b) ** 2 for a, b in zip(one, each, strict=True)) for each in (other, [0.0] * len(one)))
    return (apart_ / size) ** 0.5


def against_trl(repeats: int, table: Table) -> None:
    """Losses, gradients, time and memory of a step beside TRL's."""
    rows = []
    for count, temperature in ((4, 1.0), (16, 1.0), (4, 0.7), (16, 0.7)):
        sides = {name: Shape(name, responses=count, temperature=temperature) for name in ("penchant", "trl")}
        found = in_turn(sides, repeats)
        mine, its = found["penchant"], found["trl"]
        same = [abs(mine[0]["loss"] - its[0]["loss"]), _difference(mine[0]["slopes"], its[0]["slopes"])]
        case = [
            f"{count}",
            f"{temperature}",
            *_figures(mine),
            *_figures(its),
            ratio(its, mine),
            ratio(mine, its, "mib"),
        ]
        rows.append([*case, *(f"{each:.0e}" for each in same)])
    heading = ["G", "temperature", "s", "MiB", "TRL's s", "TRL's MiB", "faster by", "memory ratio"]
    table("GRPO: a step beside TRL's GRPOTrainer", [*heading, "loss apart", "gradient apart (relative)"], rows)


def others(repeats: int, table: Table) -> None:
    """What prompts, critic and references cost, and sampling beside ``generate``."""
    pairs = {
        "8 samples on prompts of 500 tokens, beside repeating the prompt": (
            Shape("penchant", 1, 8, 500, 64),
            Shape("sequences", 1, 8, 500, 64),
        ),
        "PPO without a critic (bnpo), beside PPO": (Shape("bnpo"), Shape("ppo")),
        "LoRA: one reference, beside none": (Shape("initial"), Shape("no reference")),
        "LoRA: two references, beside one": (Shape("initial and previous"), Shape("initial")),
        "sampling, 8 samples on 4 prompts of 16 tokens, beside generate": (
            Shape("engine", 4, 8, 16, 32),
            Shape("generate", 4, 8, 16, 32),
        ),
        "sampling, 8 samples on 4 prompts of 500 tokens, beside generate": (
            Shape("engine", 4, 8, 500, 32),
            Shape("generate", 4, 8, 500, 32),
        ),
    }
    rows = []
    for title, (one, other) in pairs.items():
        found = in_turn({"one": one, "other": other}, repeats)
        mine, its = found["one"], found["other"]
        rows.append([title, *_figures(mine), *_figures(its), ratio(its, mine), ratio(mine, its, "mib")])
    table("Sampled groups", ["what", "s", "MiB", "its s", "its MiB", "faster by", "memory ratio"], rows)


def rounds(table: Table) -> None:
    """The peak memory of a run's first round for several numbers of prompts."""
    rows = []
    for prompts in (32, 128, 512):
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sampled", str(prompts)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ}, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        rows.append([str(prompts), f"{found['peak']:.0f}", f"{found['before']:.0f}"])
    table("A round of GRPO: peak memory", ["prompts", "peak MiB", "MiB before"], rows)


def whole_round(prompts: int) -> Row:
    """One round in a run of its own, 4 samples a prompt."""
    from benchmarks.decoding import word_tokenizer
    from penchant.online import make_online_recipe, run_online

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy = model()
        policy.save_pretrained(folder / "model")
        word_tokenizer(VOCABULARY).save_pretrained(folder / "model")
        del policy
        lines = [{"prompt": f"w{9 + each} w{99 + each}", "answer": "7"} for each in range(prompts)]
        (folder / "prompts.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
        (folder / "judge.py").write_text("def judge(prompt, response):\n    return float(len(response) % 7)\n")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        keys: Row = {"method": "grpo", "model": str(folder / "model"), "data": str(folder / "prompts.jsonl")}
        keys |= {"output": str(folder / "run"), "judge": {"name": "function", "path": f"{folder / 'judge.py'}:judge"}}
        keys |= {"iterations": 1, "prompts_per_iteration": prompts, "samples_per_prompt": 4, "max_new_tokens": 8}
        keys |= {"batch_size": 32, "engine.batch_size": 64, "eval_limit": 4, "samples": 0, "device": "cpu"}
        run_online(make_online_recipe(keys))
    return {"before": before, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure(repeats: int, table: Table) -> None:
    """Print all tables.

    Args:
        repeats: rounds; a ratio is the median over rounds of the ratio within a round.
        table: prints a table of a title, a heading and rows.
    """
    against_trl(repeats, table)
    others(repeats, table)
    rounds(table)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(whole_round(given) if isinstance(given, int) else side(Shape(**given))))
