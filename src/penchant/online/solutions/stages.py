"""`run_multi_task`: generator, evaluator and generator again, each a run from the weights of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penchant.errors import DataError
from penchant.feedback.reading import read
from penchant.feedback.records import Record
from penchant.generation.responses import Sampling
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood.context import length_limit
from penchant.likelihood.loading import load_model
from penchant.online.solutions.recipes import STAGES, MultiTask, SolutionSampling
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.right_and_wrong import right_and_wrong
from penchant.training.preparation import Given
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe
from penchant.training.run import Result, run
from penchant.writing import write_rows

__all__ = ["evaluator_pairs", "run_multi_task"]

# Written in the folder of all stages.
PAIRS = "evaluator-pairs.jsonl"


def run_multi_task(
    plan: MultiTask, *, resume: bool = False, overwrite: bool = False, reporter: ProgressReporter | None = None
) -> list[Result | None]:
    """Train a generator of solutions, then an evaluator of them, then a generator again, with the same weights.

    Args:
        plan: the recipes of the stages.
        resume: go on: finished stages are kept, and the one that was stopped continues.
        overwrite: delete the stages in the output folder.
        reporter: shows progress.

    Returns:
        The result of each stage, in order; None for a stage that was finished before.

    Raises:
        PenchantError: a stage cannot be run.
        Interrupted: a signal stopped a stage; a checkpoint was saved.

    Reference:
        Liu, Avi Singh, Freeman, Co-Reyes, Liu (2023), Improving Large Language Model Fine-tuning for Solving Math
        Problems, arXiv:2310.10047.
    """
    reporter = reporter or ProgressReporter(quiet=True)
    results: list[Result | None] = []
    before: Path | None = None
    for number, (name, recipe) in enumerate(plan.stages.items(), start=1):
        folder = plan.output / STAGES[name]
        if resume and (folder / "summary.json").is_file():
            reporter.say(f"Stage {number} of {len(plan.stages)}, {name}: finished before")
            results.append(None)
        else:
            reporter.say(f"Stage {number} of {len(plan.stages)}, {name}: {recipe.objective['name']}")
            changed: dict[str, Any] = {} if before is None else {"model": str(before)}
            if name == "evaluator":
                assert before is not None
                changed["data"] = str(_pairs_file(plan, before, reporter, resume))
            results.append(
                run(recipe.model_copy(update=changed), Given(), resume=resume, overwrite=overwrite, reporter=reporter)
            )
        before = folder / "model"
    return results


def _pairs_file(plan: MultiTask, generator: Path, reporter: ProgressReporter, resume: bool) -> Path:
    """The evaluator's data: right solutions against wrong ones."""
    path = plan.output / PAIRS
    if not (resume and path.is_file()):
        rows = evaluator_pairs(plan.stages["generator"], generator, plan.solutions, reporter)
        write_rows(path, rows, "The evaluator's pairs")
        reporter.say(f"{len(rows)} pairs of right and wrong solutions: {path}")
    return path


def evaluator_pairs(
    recipe: Recipe, generator: Path, solutions: SolutionSampling, reporter: ProgressReporter
) -> Sequence[dict[str, Any]]:
    """Comparisons of right with wrong solutions, of those in the data, or of samples of a generator.

    Args:
        recipe: of the generator; it names the data.
        generator: the folder of the trained generator, which samples where the data hold no solutions.
        solutions: how it samples, and how solutions are checked.
        reporter: shows progress.

    Raises:
        DataError: a record has no answer, or no problem has both right and wrong solutions.
    """
    mapping = {key: each for key, each in recipe.mapping.items() if key != "completion"}
    feedback = read(recipe.data, kind="prompt", mapping=mapping, split=recipe.split, on_bad=recipe.on_bad)
    records = list(feedback)
    rows = [
        {"prompt": record.prompt, "answer": record.fields.get("answer"), "responses": record.fields.get("responses")}
        for record in records
    ]
    open_rows = [place for place, row in enumerate(rows) if not row["responses"]]
    if open_rows:
        sampled = _sampled([records[place] for place in open_rows], recipe, generator, solutions, reporter)
        for place, texts in zip(open_rows, sampled, strict=True):
            rows[place]["responses"] = texts
        rows = [row for row in rows if row["responses"]]
    pairs = right_and_wrong(rows, rule=solutions.rule, per_prompt=solutions.per_prompt, seed=recipe.seed)
    if not pairs:
        raise DataError(
            f"Of the {len(rows)} problems, none has both right and wrong solutions.",
            where=str(recipe.data),
            why="The evaluator learns from their difference.",
            fix="Sample more solutions (solutions.samples), at a higher temperature, or check solutions.rule.",
        )
    return [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in pairs]


def _sampled(
    records: Sequence[Record],
    recipe: Recipe,
    generator: Path,
    solutions: SolutionSampling,
    reporter: ProgressReporter,
) -> list[list[str]]:
    """The generator's solutions of each problem."""
    import torch

    device = "cpu" if recipe.device or not torch.cuda.is_available() else "cuda"
    tokenizer = load_tokenizer(generator)
    renderer = Renderer(
        tokenizer,
        chat_template=recipe.chat_template,
        end_token=recipe.end_token,
        template_arguments=recipe.template_arguments,
        as_chat=recipe.as_chat,
    )
    limit = length_limit(str(generator), None, tokenizer, recipe.max_length)
    engine = TransformersEngine(renderer, None if limit is None else max(1, limit - solutions.max_new_tokens))
    engine.use(load_model(generator).to(device))
    sampling = Sampling(solutions.samples, solutions.max_new_tokens, solutions.temperature, solutions.top_p)
    chunk, found = max(1, engine.at_once // solutions.samples), list[list[str]]()
    with reporter.bar("solutions", len(records)):
        for start in range(0, len(records), chunk):
            prompts = [each.prompt for each in records[start : start + chunk]]
            given = engine.sample(prompts, sampling, seed=recipe.seed + start)
            # An empty solution is wrong in a way that needs no evaluator.
            found += [[each.text for each in several if each.text.strip()] for several in given]
            reporter.advance(len(found), len(records), "problems")
    return found
