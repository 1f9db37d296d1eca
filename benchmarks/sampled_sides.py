"""The sides that `benchmarks.sampled` compares: what each computes, and its time and memory."""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

VOCABULARY, WIDTH, LAYERS = 8192, 384, 4
STEPS = 2

Row = dict[str, Any]
Table = Callable[[str, list[str], list[list[str]]], None]


@dataclass(frozen=True)
class Shape:
    """A side: what it computes, prompts and responses, their tokens, and the temperature of the samples.

    One of ``ends`` tokens of the vocabulary ends a response; with 0 all are equally long.
    """

    side: str
    prompts: int = 2
    responses: int = 4
    prompt: int = 96
    response: int = 64
    temperature: float = 1.0
    ends: int = 0


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
    stops = [2, *(range(3, VOCABULARY, shape.ends) if shape.ends else ())]

    def engine() -> float:
        generate(
            policy, tokenizer, prompts, samples=shape.responses, max_new_tokens=shape.response,
            temperature=shape.temperature, stop_token_ids=stops, seed=0, batch_size=len(prompts) * shape.responses,
        )  # fmt: skip
        return 0.0

    @torch.no_grad()
    def plain() -> float:
        ids = torch.tensor(prompts)
        policy.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=shape.temperature, top_k=0,
            num_return_sequences=shape.responses, max_new_tokens=shape.response, eos_token_id=stops, pad_token_id=0,
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
