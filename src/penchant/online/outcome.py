"""The results of an online run: the model with its card, the summary, the samples, the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penchant.evaluation.report import write_report
from penchant.feedback.records import Record, as_text
from penchant.online.measuring import Measured
from penchant.online.parts import Loaded
from penchant.online.preparation import Prepared
from penchant.online.recipe import OnlineRecipe
from penchant.online.state import State
from penchant.training.card import model_card
from penchant.training.checkpoints import delete_drafts, output_errors
from penchant.training.devices.agreement import agreed
from penchant.training.devices.processes import Processes
from penchant.training.folder import RunFolder
from penchant.training.following.hub import publish
from penchant.training.outcome import versions
from penchant.training.run import Result

__all__ = ["finish"]


def finish(
    recipe: OnlineRecipe,
    prepared: Prepared,
    loaded: Loaded,
    state: State,
    warnings: list[str],
    seconds: float,
    processes: Processes,
) -> Result:
    """Save the model and write summary, samples, card and report.

    Args:
        recipe: the recipe.
        prepared: objective, modality and data.
        loaded: the model.
        state: counts and measurements of the finished run.
        warnings: all warnings of the run.
        seconds: wall-clock time.
        processes: of the run; the first one writes, and the others wait for it.
    """
    folder, modality = RunFolder(recipe.output), prepared.modality
    facts = _summary(recipe, prepared, loaded, state) | processes.facts() | {"warnings": warnings, "seconds": seconds}
    if not processes.first:
        agreed(None)
        return Result(loaded.policy, modality.tokenizer, folder.path, facts, folder.path / "report.html")
    with output_errors(folder.path):
        adapter = folder.path / "adapter"
        for each in (folder.model, adapter):
            delete_drafts(each)
        model = modality.save(loaded.policy.eval(), folder.model, adapter)
        folder.write_json("samples.json", _samples(state, prepared.heldout.records[: recipe.samples]))
        folder.write_json("summary.json", facts)
        recipe_yaml = (folder.path / "recipe.yaml").read_text(encoding="utf-8")
        folder.write_text("model/README.md", model_card(facts, recipe_yaml, prepared.objective.paper, modality.card))
        report = write_report(folder.path)
    publish(recipe, folder)
    # Whoever ends first would make the launcher end the process that still writes.
    agreed(None)
    return Result(model, modality.tokenizer, folder.path, facts, report)


def _summary(recipe: OnlineRecipe, prepared: Prepared, loaded: Loaded, state: State) -> dict[str, Any]:
    parameters = list(loaded.scorer.model.parameters())
    folder = Path(recipe.output)
    return {
        "title": f"{recipe.method or prepared.objective.id} on {prepared.train.name}",
        "objective": repr(prepared.objective),
        "model": recipe.model,
        "data": prepared.train.name,
        "measured_on": prepared.measured_on,
        "reference": loaded.reference.kind,
        **loaded.scorer.facts(),
        "rounds": recipe.iterations,
        **({"rounds_without_training": state.skipped} if state.skipped else {}),
        "steps": state.steps,
        "examples": state.examples,
        "seed": recipe.seed,
        "parameters": sum(each.numel() for each in parameters),
        "trained_parameters": sum(each.numel() for each in parameters if each.requires_grad),
        "versions": versions(),
        "fingerprints": {"data": prepared.train.fingerprint, "model": loaded.fingerprint},
        "before": _means(state.before),
        "after": _means(state.after),
        "intervals": {} if state.after is None else {state.after.name: [state.after.low, state.after.high]},
        "command": f"penchant online {folder}/recipe.yaml --out {folder}-again",
    }


def _means(measured: Measured | None) -> dict[str, float]:
    numbers = {} if measured is None else measured.numbers
    return {name: value for name, value in numbers.items() if not name.endswith(("/low", "/high"))}


def _samples(state: State, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Responses to held-out prompts before and after."""
    if state.before is None or state.after is None:
        return []
    prompts = [as_text(record.prompt) for record in records]
    rows = zip(prompts, state.before.texts, state.after.texts, state.before.scores, state.after.scores, strict=False)
    return [
        {"prompt": prompt, "before": old, "after": new, "reward_before": was, "reward_after": now}
        for prompt, old, new, was, now in rows
    ]
