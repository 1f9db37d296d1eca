"""One side of a benchmark, in a process of its own: ``python -m benchmarks.side NAME FOLDER`` prints JSON.

Its peak memory is the whole process's, as the operating system counts it.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import rewards
from benchmarks.setting import BATCH, MAX_LENGTH, Setting

LEARNING_RATE = 1e-5


def _arguments(folder: Path, **more: Any) -> dict[str, Any]:
    """The arguments that both trainers share; float32 unless ``bf16`` is given."""
    return {
        "bf16": False,
        # Explicit, because transformers otherwise assumes that bfloat16 needs a GPU.
        "use_cpu": True,
        "output_dir": str(folder),
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "learning_rate": LEARNING_RATE,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 0,
        **more,
    }


def resident_mib() -> float:
    """What the process holds in memory at this moment."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds by the clock and seconds of all cores that some work takes; the second is steadier on a busy machine."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def tokens_read(trainer: Any) -> list[int]:
    """The tokens of each batch that Penchant's trainer reads from now on."""
    tokens: list[int] = []
    count = trainer._count_work

    def counting(batch: Any) -> None:
        tokens.append(batch.work)
        count(batch)

    trainer._count_work = counting
    return tokens


def trl(setting: Setting, **changes: Any) -> dict[str, Any]:
    """TRL's DPOTrainer with its defaults except batch size, length, precision, and the order of the pairs."""
    from trl import DPOConfig, DPOTrainer

    args = DPOConfig(
        **_arguments(setting.folder / "trl", **changes),
        max_length=MAX_LENGTH,
        train_sampling_strategy="sequential",
    )
    return _trained(DPOTrainer, args, setting, setting.pairs)


def trl_kto(setting: Setting, **changes: Any) -> dict[str, Any]:
    """TRL's KTOTrainer on the pairs cut into judgements, with as many responses a step as `trl`."""
    from trl import KTOConfig, KTOTrainer

    args = KTOConfig(
        **_arguments(setting.folder / "trl-kto", **{"per_device_train_batch_size": 2 * BATCH, **changes}),
        max_length=MAX_LENGTH,
        train_sampling_strategy="sequential",
    )
    return _trained(KTOTrainer, args, setting, setting.judged_backwards)


def _trained(trainer_class: Any, args: Any, setting: Setting, data: Path, model: Any = None) -> dict[str, Any]:
    """Times and losses of one of TRL's trainers on a file of data."""
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trainer = trainer_class(
        model=AutoModelForCausalLM.from_pretrained(setting.model) if model is None else model,
        args=args,
        train_dataset=load_dataset("json", data_files=str(data), split="train"),
        processing_class=AutoTokenizer.from_pretrained(setting.model),
    )
    before = resident_mib()
    seconds, cpu = timed(trainer.train)
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    return {"seconds": seconds, "cpu": cpu, "losses": losses, "before_mib": before}


def trl_no_checkpointing(setting: Setting) -> dict[str, Any]:
    """The same without recomputing activations, which is faster and takes more memory."""
    return trl(setting, gradient_checkpointing=False)


def penchant(
    setting: Setting, kind: str = "initial", epochs: int = 1, method: Any = "dpo", **changes: Any
) -> dict[str, Any]:
    """Penchant's trainer on the same pairs in the same order; a binary ``method`` gets them cut into judgements."""
    from transformers import TrainingArguments

    from penchant.feedback import read
    from penchant.forest import Encoder, plan_batches
    from penchant.forest.supply import Supply
    from penchant.likelihood import CausalScorer, build_reference, load_model
    from penchant.likelihood.references.rounded import keep_rounded
    from penchant.objectives import build
    from penchant.rendering import Renderer, Truncation, load_tokenizer
    from penchant.training import PreferenceTrainer, make_recipe
    from penchant.training.arguments import micro_batches

    objective = build(method) if isinstance(method, str) else method
    renderer, wanted = Renderer(load_tokenizer(setting.model)), objective.requirements
    judged = "label" in wanted.fields
    encoder = Encoder(renderer, wanted.views, wanted.fields, Truncation(MAX_LENGTH), wanted.optional)
    records = read(setting.judged if judged else setting.pairs).records
    examples = Supply(encoder.encode(records).examples, encoder=encoder)
    batch = 2 * BATCH if judged else BATCH  # as many responses
    plan = plan_batches(examples.sizes, batch_size=batch, epochs=epochs, shuffle=False)
    scorer = CausalScorer(load_model(setting.model))
    lowered = "bfloat16" if changes.get("bf16") else None
    reference = build_reference(kind, scorer, setting.folder / "cache", lowered)
    keep_rounded(reference.frozen, lowered)
    recipe = make_recipe({"model": str(setting.model), "data": str(setting.pairs)})
    parts = micro_batches(recipe, plan, examples.largest_sizes(plan), 1, coupled=objective.batch_coupled)
    own = {"max_steps": len(plan), "num_train_epochs": 1, "gradient_accumulation_steps": parts}
    arguments = _arguments(setting.folder / "penchant", **changes) | own
    began = time.perf_counter()
    if kind == "cached":
        reference.prepare([row for each in examples for view in each.views.values() for row in view])
    prepared = time.perf_counter() - began
    trainer = PreferenceTrainer(
        scorer=scorer,
        reference=reference,
        objective=objective,
        examples=examples,
        plan=plan,
        args=TrainingArguments(**arguments),
    )
    tokens = tokens_read(trainer)
    before = resident_mib()
    seconds, cpu = timed(trainer.train)
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    rates = [row["tokens_per_second"] for row in trainer.state.log_history if "tokens_per_second" in row]
    return {
        "seconds": seconds,
        "cpu": cpu,
        "prepared": prepared,
        "losses": losses,
        "rates": rates,
        "tokens": sum(tokens),
        "before_mib": before,
    }


def floor(setting: Setting) -> dict[str, Any]:
    """The least that the work can cost: a plain causal pass over as many tokens, head on response tokens alone.

    Per step: the reference's forward, the policy's forward and backward, clipping and the optimizer, over one row a
    prompt that holds as many tokens as its forest has.
    """
    import torch

    from penchant.feedback import read
    from penchant.forest import Encoder, collate, plan_batches
    from penchant.likelihood import load_model
    from penchant.rendering import Renderer, load_tokenizer

    renderer = Renderer(load_tokenizer(setting.model))
    examples = Encoder(renderer, ("chosen", "rejected")).encode(read(setting.pairs).records).examples
    plan = plan_batches([each.size for each in examples], batch_size=BATCH, shuffle=False)
    policy = load_model(setting.model)
    reference = load_model(setting.model).requires_grad_(False)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=LEARNING_RATE, weight_decay=0.0, fused=True)
    batches = [collate([examples[index] for index in step]).forest for step in plan.steps]
    rows = [_rows_of_trees(forest) for forest in batches]

    def logps(model: Any, row: Any, positions: Any) -> Any:
        hidden = model.model(input_ids=row[None], use_cache=False)[0][0]
        logits = model.lm_head(hidden[positions])
        return torch.log_softmax(logits, -1)[torch.arange(len(positions)), row[positions]].sum()

    began = time.perf_counter()
    for trees in rows:
        total = torch.zeros(())
        with torch.no_grad():
            fixed = sum(logps(reference, row, positions) for row, positions in trees)
        for row, positions in trees:
            total = total + logps(policy, row, positions)
        (total - fixed).backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return {"seconds": time.perf_counter() - began, "losses": []}


def _rows_of_trees(forest: Any) -> list[tuple[Any, Any]]:
    """Each tree's tokens as one row, with the positions that predict its response tokens."""
    roots = [segment.start for segment in forest.segments if not segment.ancestors] + [forest.tokens]
    result = []
    for start, stop in itertools.pairwise(roots):
        inside = (forest.targets >= start) & (forest.targets < stop)
        result.append((forest.token_ids[start:stop], forest.targets[inside] - start))
    return result


def layout(setting: Setting, attention: str | None) -> dict[str, Any]:
    """Forward and backward over the groups of ``groups.jsonl``: as forests, or as ordinary padded sequences."""
    from penchant.forest import TokenSequence, build_forest
    from penchant.likelihood import CausalScorer, load_model

    groups = [json.loads(line) for line in setting.groups.read_text(encoding="utf-8").splitlines()]
    scorer = CausalScorer(load_model(setting.model), attention)
    losses = []
    began, spent = time.perf_counter(), time.process_time()
    for start in range(0, len(groups), 2):
        members = groups[start : start + 2]
        rows = [TokenSequence(group["prompt"], response) for group in members for response in group["responses"]]
        owners = [owner for owner, group in enumerate(members) for _response in group["responses"]]
        forest = build_forest(rows, owners)
        loss = -forest.per_response(scorer.score(forest)["logps"]).sum() / len(rows)
        loss.backward()
        losses.append(loss.item())
    cpu = time.process_time() - spent
    return {"seconds": time.perf_counter() - began, "cpu": cpu, "losses": losses}


SIDES: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "trl": trl,
    "trl-no-checkpointing": trl_no_checkpointing,
    "trl-kto": trl_kto,
    "penchant": penchant,
    "penchant-kto": lambda setting: penchant(setting, method="kto"),
    "penchant-bf16": lambda setting: penchant(setting, bf16=True),
    "trl-bf16": lambda setting: trl(setting, bf16=True),
    "penchant-cached": lambda setting: penchant(setting, kind="cached"),
    "penchant-two-epochs": lambda setting: penchant(setting, kind="cached", epochs=2),
    "penchant-reward": rewards.penchant_reward,
    "trl-reward": rewards.trl_reward,
    "trl-reward-no-checkpointing": rewards.trl_reward_no_checkpointing,
    "floor": floor,
    "forest": lambda setting: layout(setting, None),
    "sequences": lambda setting: layout(setting, "sequences"),
}


def main() -> None:
    """Run the named side."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    name, folder = sys.argv[1], Path(sys.argv[2])
    result = SIDES[name](Setting(folder))
    # Linux counts in KiB.
    used = resource.getrusage(resource.RUSAGE_SELF)
    result["peak_mib"] = used.ru_maxrss / 1024
    if "before_mib" in result:  # what training needs beyond libraries, model and data
        result["added_mib"] = result["peak_mib"] - result["before_mib"]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
