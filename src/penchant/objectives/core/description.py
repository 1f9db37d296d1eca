"""Descriptions of objectives in Markdown and as text, generated from their classes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from penchant.objectives.core.family import WRAPPERS
from penchant.objectives.core.objective import Objective, requirements
from penchant.objectives.core.requirements import read_signature

__all__ = ["describe", "formula", "paper_link", "summary"]

_SECTIONS = ("Args:", "Returns:", "Raises:", "Example:", "Reference:")


def _sections(cls: type[Objective]) -> tuple[str, str, dict[str, str]]:
    """The docstring's first line, its body, and its named sections."""
    first, _, rest = inspect.getdoc(cls).partition("\n") if cls.__doc__ else ("", "", "")  # type: ignore[union-attr]
    body: list[str] = []
    sections: dict[str, list[str]] = {}
    target = body
    for line in rest.splitlines():
        if line in _SECTIONS:
            target = sections.setdefault(line.removesuffix(":"), [])
        else:
            target.append(line)
    named = {name: inspect.cleandoc("\n".join(["", *lines])).strip() for name, lines in sections.items()}
    return first.strip(), "\n".join(body).strip(), named


def summary(cls: type[Objective]) -> str:
    """The first line of the docstring: the method's full name and source.

    Example:
        >>> from penchant.objectives import DPO
        >>> summary(DPO)
        'Direct Preference Optimization (Rafailov et al., 2023), eq. 7.'
    """
    return _sections(cls)[0]


def formula(cls: type[Objective]) -> str:
    """The formula: the first paragraph below the docstring's first line; empty if there is none.

    Example:
        >>> from penchant.objectives import NLL
        >>> formula(NLL).startswith("loss = −(1 / |y|) log π(y|x)")
        True
    """
    paragraph = _sections(cls)[1].split("\n\n")[0]
    return paragraph if "=" in paragraph else ""


def paper_link(cls: type[Objective]) -> str:
    """The paper as a Markdown link, or unchanged if its kind of identifier is unknown.

    Example:
        >>> from penchant.objectives import DPO
        >>> paper_link(DPO)
        '[arXiv:2305.18290](https://arxiv.org/abs/2305.18290)'
    """
    kind, _, number = cls.paper.partition(":")
    address = {
        "arXiv": f"https://arxiv.org/abs/{number}",
        "doi": f"https://doi.org/{number}",
        "github": f"https://github.com/{number}",
    }.get(kind)
    return f"[{cls.paper}]({address})" if address else cls.paper


def _data_needed(cls: type[Objective]) -> list[str]:
    # The inner objective of a wrapper is known only once it is built; the class knows only what the wrapper reads.
    wanted = read_signature(cls.loss, cls.needs) if cls.family == WRAPPERS else requirements(cls)
    lines = []
    for name in wanted.views:
        count = "several scored sequences per example" if name in wanted.several else "a scored sequence per example"
        lines.append(f"- view `{name}`: {count}{', optional' if name in wanted.optional else ''}")
    lines += [f"- record field `{name}`{': optional' if name in wanted.optional else ''}" for name in wanted.fields]
    if cls.family == WRAPPERS:
        lines.append("- everything that the objective inside needs")
    else:
        lines.append(f"- reference model: {'yes' if wanted.needs.reference else 'no'}")
    lines += [f"- statistic per token: `{name}`" for name in sorted(map(str, wanted.needs.stats))]
    lines += [f"- log-probabilities under the checkpoint `{name}` too" for name in sorted(wanted.needs.checkpoints)]
    lines += [f"- {name} of the reference" for name in sorted(wanted.needs.reference_states)]
    lines += [f"- activations of layer `{name}`" for name in sorted(wanted.needs.layers)]
    lines += ["- hidden states of the model, read by a head that is trained along with it"] * wanted.needs.hidden
    lines += ["- the hidden states at the ends of prompt and response, read by trained heads"] * wanted.needs.ends
    lines += ["- gradient norm per response, which costs an extra backward pass for each"] * wanted.needs.gradient_norms
    lines += ["- a second forward pass, over the policy's own predictions mixed into its input"] * (
        wanted.needs.residual is not None
    )
    return lines


def _facts(cls: type[Objective]) -> list[str]:
    """Paper, family, tags, other names, evidence and class."""
    facts = [f"- Paper: {paper_link(cls)}"] if cls.paper else []
    facts.append(f"- Family: {cls.family}")
    facts += [f"- Tags: {', '.join(cls.tags)}"] if cls.tags else []
    facts += [f"- The same formula under another name: {', '.join(f'`{each}`' for each in cls.aliases)}"] * bool(
        cls.aliases
    )
    if cls.evidence is not None:
        facts.append(f"- Evidence: {cls.evidence.kind}{f'. {cls.evidence.note}' if cls.evidence.note else ''}")
    return [*facts, f"- In Python: `objectives.{cls.__name__}`"]


def describe(cls: type[Objective], further: Sequence[str] = ()) -> str:
    """The Markdown page of an objective: formula, paper, evidence, hyper-parameters, views and fields.

    Args:
        cls: the class of the objective.
        further: facts that the class does not know, one a line of the page's list of facts.

    Returns:
        Markdown with one first-level heading.

    Example:
        >>> from penchant.objectives import DPO
        >>> print(describe(DPO).splitlines()[0])
        # `dpo`: Direct Preference Optimization (Rafailov et al., 2023), eq. 7
    """
    first, body, sections = _sections(cls)
    equation = formula(cls)
    remarks = body.removeprefix(equation).strip() if equation else body
    lines = [f"# `{cls.id}`: {first.removesuffix('.')}", ""]
    if cls.family == WRAPPERS:
        lines += [f"Takes another objective in parentheses: `{cls.id}(dpo)`, `{cls.id}(ipo)+0.2*nll`.", ""]
    if equation:
        lines += ["```text", equation, "```", ""]
    if remarks:
        lines += [remarks, ""]
    lines += [*_facts(cls), *(f"- {fact}" for fact in further), ""]
    if "Reference" in sections:
        lines += [" ".join(sections["Reference"].split()), ""]
    lines += [*_hyperparameter_table(cls), "", "## Views and record fields", "", *_data_needed(cls)]
    if cls.batch_coupled:
        lines += ["", "An example's loss depends on the other examples of its step."]
    return "\n".join(lines) + "\n"


def _hyperparameter_table(cls: type[Objective]) -> list[str]:
    lines = ["## Hyper-parameters", ""]
    fields = cls.hyperparameters()
    if not fields:
        return [*lines, "None."]
    lines += ["| name | type | default | range | meaning |", "|---|---|---|---|---|"]
    for each in fields:
        cells = [f"`{each.name}`", each.type, f"`{each.default!r}`", each.range or "any", each.doc]
        # An unescaped bar inside a cell, as in π(y|x), would start the next cell.
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return lines
