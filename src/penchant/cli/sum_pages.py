"""The page of a sum of methods that papers give a name, such as ``npo-retain``."""

from __future__ import annotations

from penchant.cli.method_facts import data_in_words, evidence_in_words

__all__ = ["sum_page", "sums_in_words"]

#: Whose sum it is, where its name alone does not say so.
_PAPERS = {
    "rpo-dpo-nll": "The loss of Iterative Reasoning Preference Optimization (Pang et al., 2024, "
    "[arXiv:2404.19733](https://arxiv.org/abs/2404.19733)) and of the reasoning preference stage of a medical model "
    "([arXiv:2504.18080](https://arxiv.org/abs/2504.18080)): α is the weight of `nll`, 1 in the first paper; a mean "
    "over the tokens of each chosen response.",
}


def sum_page(name: str) -> str:
    """The page of a named sum: its terms, its hyper-parameters, and how it is trained.

    Args:
        name: a key of `penchant.objectives.core.expression.NAMED_SUMS`.

    Returns:
        Markdown with one heading of the first level.

    Example:
        >>> print(sum_page("ga-kl").splitlines()[2])
        `ga-kl` is the sum `gradient-ascent+retain-kl`:
    """
    from penchant.objectives import build
    from penchant.objectives.core.composition import WeightedSum
    from penchant.objectives.core.description import summary
    from penchant.objectives.core.expression import NAMED_SUMS

    objective = build(NAMED_SUMS[name])
    assert isinstance(objective, WeightedSum)
    lines = [f"# {name}", "", f"`{name}` is the sum `{NAMED_SUMS[name]}`:", ""]
    for weight, part in zip(objective.weights, objective.objectives, strict=True):
        cls = type(part)
        lines += [f"- {weight:g} × `{part.id}`: {summary(cls)} {cls.paper}"]
        lines += [f"  Evidence: {evidence_in_words(cls)}. Data: {data_in_words(cls)}."]
    lines += ["", _PAPERS[name]] if name in _PAPERS else []
    lines += ["", "Another weight is written in the sum, as in `dpo+0.5*nll`."]
    lines += ["", "## Hyper-parameters", ""]
    lines += [f"- `{key}` = {value!r}" for key, value in objective.hyper.items()]
    views = ", ".join(f"`{view}`" for view in objective.requirements.views)
    needs = "a reference" if objective.requirements.needs.reference else "no reference"
    lines += ["", f"It reads the views {views} and needs {needs}.", ""]
    lines += ["`penchant methods show ID` shows each term with its formula.", ""]
    return "\n".join(lines)


def sums_in_words() -> str:
    """All named sums in one sentence.

    Example:
        >>> sums_in_words().startswith("Named sums: ga-kl (gradient-ascent+retain-kl), ")
        True
    """
    from penchant.objectives.core.expression import NAMED_SUMS

    return f"Named sums: {', '.join(f'{name} ({terms})' for name, terms in NAMED_SUMS.items())}."
