"""`judge_of_folder`: the judge that a folder holds, from its files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.errors import ModelError
from penchant.likelihood.reward_folder import MEANING
from penchant.model_files import read_config
from penchant.model_folders import adapter_config, trained_model
from penchant.rewards.convex.head import HEAD_FILE
from penchant.rewards.layered.folder import LAYERED_FILE

__all__ = ["judge_of_folder"]


def judge_of_folder(folder: str | Path) -> dict[str, Any]:
    """The settings of the judge in a folder, for `penchant.rewards.registry.build_judge`; no weights are loaded.

    Args:
        folder: of a sequence-classification model, of an adapter of one, or of a run that trained one.

    Raises:
        ModelError: it holds a model of another kind, or none.
    """
    if (Path(folder) / HEAD_FILE).is_file():
        return {"name": "coala", "head": str(folder)}
    if (Path(folder) / LAYERED_FILE).is_file():
        return {"name": "levi", "folder": str(folder)}
    inner = Path(trained_model(str(folder)))
    if (inner / "model_index.json").is_file():
        raise ModelError(
            "This folder holds a pipeline that makes images; it judges nothing.",
            where=str(folder),
            fix="Give the folder of a reward model of texts.",
        )
    adapter = adapter_config(inner)
    kind = str(adapter.get("task_type")) if adapter is not None else _architecture(inner)
    # A trained head whose model has no place for it stands beside a language model.
    if kind == "SEQ_CLS" or kind.endswith("ForSequenceClassification") or (inner / MEANING).is_file():
        return {"name": "reward_model", "model": str(inner)}
    if kind == "CAUSAL_LM" or kind.endswith(("ForCausalLM", "LMHeadModel")):
        raise ModelError(
            f"This folder holds a language model ({kind}): it has no head that gives a reward.",
            where=str(folder),
            fix=f"Say how it judges: implicit,model={folder},reference=FOLDER; density_ratio,strong={folder},"
            f"weak=FOLDER; local_llm,model={folder}; or pair_model,model={folder}.",
        )
    raise ModelError(
        f"This folder holds {kind or 'a model of unknown kind'}, which is no reward model.",
        where=str(folder),
        fix="Give the folder of a sequence-classification model.",
    )


def _architecture(folder: Path) -> str:
    if not (folder / "config.json").is_file():
        raise ModelError(
            "This folder holds no model: it has neither config.json nor model/config.json.",
            where=str(folder),
            fix="Give the folder of a reward model, or a judge by name: `penchant list judges`.",
        )
    return str((getattr(read_config(str(folder)), "architectures", None) or [""])[0])
