"""What an online run leaves behind: the model with its card, the figures, the samples, the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.evaluation.report import write_report
from penchant.feedback.records import as_text
from penchant.training.card import model_card
from penchant.training.checkpoints import output_errors
from penchant.training.outcome import versions
from penchant.training.run import Result

if TYPE_CHECKING:
    from penchant.online.loop import OnlineRun

__all__ = ["finish"]


def finish(run: OnlineRun, warnings: list[str], seconds: float) -> Result:
    """Save the model and write summary, samples, card and report.

    Args:
        run: an online run whose rounds are done.
        warnings: what was said on the way.
        seconds: wall-clock time.
    """
    facts = _facts(run, warnings, seconds)
    folder, prepared = run.folder, run.prepared
    with output_errors(folder.path):
        model = prepared.modality.save(run.policy.eval(), folder.model, folder.path / "adapter")
        folder.write_json("samples.json", _samples(run))
        folder.write_json("summary.json", facts)
        recipe_yaml = (folder.path / "recipe.yaml").read_text(encoding="utf-8")
        folder.write_text(
            "model/README.md", model_card(facts, recipe_yaml, prepared.objective.paper, prepared.modality.card)
        )
        report = write_report(folder.path)
    return Result(model, prepared.renderer.tokenizer, folder.path, facts, report)


def _facts(run: OnlineRun, warnings: list[str], seconds: float) -> dict[str, Any]:
    recipe, prepared = run.recipe, run.prepared
    parameters = list(run.policy.parameters())
    method = recipe.method or prepared.objective.id
    before = {} if run.before is None else run.before.numbers
    after = {} if run.after is None else run.after.numbers
    shown = {name for name in before if not name.endswith(("/low", "/high"))}
    return {
        "title": f"{method} on {prepared.train.name}",
        "objective": repr(prepared.objective),
        "model": recipe.model,
        "data": prepared.train.name,
        "measured_on": prepared.measured_on,
        "reference": run.reference.kind,
        "attention": run.scorer.attention,
        "rounds": recipe.iterations,
        "steps": run.steps,
        "examples": run.examples,
        "seconds": seconds,
        "seed": recipe.seed,
        "parameters": sum(each.numel() for each in parameters),
        "trained_parameters": sum(each.numel() for each in parameters if each.requires_grad),
        "versions": versions(),
        "fingerprints": {"data": prepared.train.fingerprint, "model": run.model_print},
        "before": {name: value for name, value in before.items() if name in shown},
        "after": {name: value for name, value in after.items() if name in shown},
        "intervals": {} if run.after is None else {run.after.name: [run.after.low, run.after.high]},
        "warnings": warnings,
        "command": f"penchant online {run.folder.path}/recipe.yaml --out {run.folder.path}-again",
    }


def _samples(run: OnlineRun) -> list[dict[str, Any]]:
    """Responses to the first held-out prompts, before and after."""
    if run.before is None or run.after is None:
        return []
    count = run.recipe.samples
    prompts = [as_text(record.prompt) for record in run.prepared.heldout.records[:count]]
    rows = zip(prompts, run.before.texts, run.after.texts, run.before.scores, run.after.scores, strict=False)
    return [
        {"prompt": prompt, "before": old, "after": new, "reward_before": was, "reward_after": now}
        for prompt, old, new, was, now in rows
    ]
