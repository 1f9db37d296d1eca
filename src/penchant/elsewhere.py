"""Names of papers and parts that are asked for in a place where they are not found, with where they are.

A paper's method may be a form of data, a choice of weights, a command or a sum of objectives here.
"""

from __future__ import annotations

import os
import re

from penchant.known_settings import kinds_of

__all__ = ["PLACES", "where_else"]

# A function of a file, as TRL's ``reward_funcs`` and ``path`` of a judge name it.
_FUNCTION = re.compile(r".+\.py:\w+")
#: What to write for a part of each kind.
_USES = {
    "objective": "--objective {}",
    "judge": "--judge {}",
    "engine": "--engine {}",
    "choice": "penchant generate MODEL --choice {}",
    "prompting": "penchant generate MODEL --prompting {}",
    "merging method": "penchant merge MODEL MODEL --method {}",
    "parameter strategy": "parameters={}",
    "pairing": "penchant online METHOD pairing={}",
    "sampler": "penchant online METHOD sampler={}",
    "online recipe": "penchant methods show {}",
}
#: Names that papers use for something that has no registry of its own, or several forms, with what to write.
PLACES = {
    "autopeft": "AutoPEFT (arXiv:2301.12132) is a search: `penchant search PLAN.yaml`.",
    "chain-of-preference": "Chain of Preference Optimization (arXiv:2406.09136) is DPO on pairs of steps: `penchant "
    "data build step-pairs`, then `--objective dpo`.",
    "coala": "COALA (arXiv:2605.23244) trains a head on frozen features: `penchant coala --data FILE --model MODEL "
    "--out FOLDER`.",
    "diffusion-dpo": "Diffusion-DPO (arXiv:2311.12908) is DPO on a model of images: `--objective dpo`, with a folder "
    "of diffusers as the model.",
    "dpo-nll": "DPO with the likelihood of the chosen response is a sum: `--objective dpo+nll`.",
    "hft": "Half fine-tuning (arXiv:2404.18466) chooses weights: `parameters=half-fine-tuning`, with any objective.",
    "levi": "LEVI (arXiv:2402.04644) trains heads beside a frozen model: `penchant levi`.",
    "lora": "LoRA and the other adapters of PEFT choose weights, with any objective: `--lora`, or `lora.kind=KIND`.",
    "lottery-ticket": "Lottery-ticket sparse fine-tuning (arXiv:2110.07560) chooses weights: `parameters=lt-sft`, with "
    "any objective.",
    "medical-reasoning": "Continued training, then DPO with NLL (arXiv:2504.18080), is a chain: `penchant pipeline "
    "medical-reasoning`; its last stage is `--objective dpo+nll`.",
    "model-merging": "Models are merged by `penchant merge`; `penchant list merges` has the methods.",
    "peft-registry": "`penchant weights kinds MODEL` lists the kinds of adapters; `lora.kind=KIND` trains one.",
    "points": "The soup of POINTS is `penchant merge MODEL MODEL --soup maximum --data FILE`.",
    "rpo": "Several papers call their method RPO: DPO with the likelihood of the chosen response is `rpo-dpo-nll`, "
    "another is `rpo-regularized`.",
    "sft-pref-budget": "It is a study: `penchant study budget`.",
    "soup": "A soup chooses among models by their score: `penchant merge MODEL MODEL --soup greedy --data FILE`; the "
    "uniform one is `penchant merge MODEL MODEL --soup uniform`.",
    "step-dpo": "Step-DPO (arXiv:2406.18629) is DPO on pairs of steps: records with `steps_before` (`penchant data "
    "build step-pairs` or `step-corrections`), then `--objective dpo`.",
    "tdpo": "It has two forms: `tdpo1` and `tdpo2`.",
    "tpo": "Two papers call their method TPO: Triple Preference Optimization is `tpo-triple` (`tpo-triple-l` with "
    "lengths controlled), Tree Preference Optimization is `tpo-tree`.",
}


def where_else(name: str, kind: str = "") -> str:
    """Where a name is found that is none of its kind, and what to write; empty where no such name is known.

    Args:
        name: as it was written.
        kind: of what was asked for.

    Example:
        >>> where_else("slerp", "objective")
        "'slerp' is a merging method: `penchant merge MODEL MODEL --method slerp`."
        >>> where_else("tdpo", "objective")
        'It has two forms: `tdpo1` and `tdpo2`.'
        >>> where_else("rewards.py:brevity", "judge")
        'A function of a file is `judge={name: function, path: rewards.py:brevity}`.'
        >>> where_else("my_loss.py:my_loss", "objective")
        'A function of a file is `objective={path: my_loss.py:my_loss}`.'
    """
    if kind == "objective" and _FUNCTION.fullmatch(name):
        return f"A function of a file is `objective={{path: {name}}}`."
    if kind == "judge" and _FUNCTION.fullmatch(name):
        return f"A function of a file is `judge={{name: function, path: {name}}}`."
    if kind == "judge" and os.path.isdir(name):
        return f"The reward model of a folder is `judge={{name: reward_model, model: {name}}}`."
    if name in PLACES:
        return PLACES[name]
    if name == "none":  # what several choices call their absence
        return ""
    others = [each for each in kinds_of(name) if each in _USES and each != kind]
    said = (f"{name!r} is {_with_article(each)}: `{_USES[each].format(name)}`." for each in others)
    return " ".join(said)


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
