"""What ``penchant diagnose RUN`` takes from a run's folder: its model, start, data and β."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["DiagnosedRun", "diagnosed_run"]


@dataclass(frozen=True)
class DiagnosedRun:
    """A run as a diagnosis sees it.

    Args:
        model: folder of its model.
        start: the model that it started from; None where no recipe says it.
        data: its held-out data, or else its training data; None where the recipe names several sources.
        split: of these data; None for all rows.
        beta: β of its objective; None where it has none.
        mapping: of the columns of its data.
        rendering: ``as_chat``, ``end_token`` and ``template_arguments``, as in training.
    """

    model: str
    start: str | None
    data: str | None
    beta: float | None
    split: str | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    rendering: dict[str, Any] = field(default_factory=dict)


def diagnosed_run(folder: str) -> DiagnosedRun:
    """Read what a diagnosis needs from a run's folder.

    Args:
        folder: of the run.

    Raises:
        ConfigurationError: it is not the folder of a run.
        ModelError: the folder holds no model, or a reward model.
    """
    from penchant.documents import yaml_document
    from penchant.evaluation.policies.checkpoints import find_checkpoint
    from penchant.likelihood.reward_folder import check_answers
    from penchant.model_folders import absent

    check_answers(folder)
    file = Path(folder) / "recipe.yaml"
    if not file.is_file():
        raise ConfigurationError(
            absent(folder).strip() or "The folder has no recipe.yaml, so it is not the folder of a run.",
            where=folder,
            fix="Give a run's folder, or --model, --reference and --data.",
        )
    recipe = dict(yaml_document(file.read_text(encoding="utf-8"), str(file)) or {})
    found = find_checkpoint(folder)
    objective: Any = recipe.get("objective")
    beta = objective.get("beta") if isinstance(objective, Mapping) else None
    # What was held out is diagnosed first: another file, or other rows of the same one.
    apart = recipe.get("eval_data") is not None
    data = recipe.get("eval_data" if apart else "data")
    split = recipe.get("eval_split") if apart or recipe.get("eval_split") else recipe.get("split")
    mapping: Any = recipe.get("mapping")
    return DiagnosedRun(
        model=found.model,
        start=found.start,
        data=data if isinstance(data, str) else None,
        beta=float(beta) if isinstance(beta, (int, float)) and beta > 0 else None,
        mapping=dict(mapping) if isinstance(mapping, Mapping) else {},
        split=split if isinstance(split, str) else None,
        rendering=found.rendering,
    )
