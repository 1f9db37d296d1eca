"""The methods as pages in Markdown: one for each, a table of all, and which family rests on what evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from penchant.cli.method_facts import claims_in_words, data_in_words, evidence_in_words, responses_in_words

if TYPE_CHECKING:
    from penchant.objectives import Objective

__all__ = ["evidence_table", "method_page", "methods_overview"]

#: The columns of the table of evidence; a wrapper without a paper has none.
KINDS = ("official code", "independent code", "paper", "reconstruction", "none")


def method_page(cls: type[Objective], claims_folder: str | None = None) -> str:
    """The page of a method: what its class says, and which data, published cases and claims there are.

    Args:
        cls: the class of an objective.
        claims_folder: where the pages about claims lie, to link to them; no links where None.

    Returns:
        Markdown with one heading of the first level.

    Example:
        >>> from penchant.objectives import IPO
        >>> [line for line in method_page(IPO).splitlines() if line.startswith("- Published cases")]
        ['- Published cases: 4 of 4 agree']
    """
    from penchant.objectives.core.description import describe
    from penchant.receipts.record import agreement

    counts = agreement(cls.id)
    facts = [f"Data: {data_in_words(cls)}", f"Responses: {responses_in_words(cls)}"]
    facts += [f"Published cases: {counts[0]} of {counts[1]} agree"] if counts else []
    return describe(cls, facts) + "".join(f"{line}\n" for line in _claims(cls, claims_folder))


def _claims(cls: type[Objective], folder: str | None) -> Iterator[str]:
    """The section about a method's claims; nothing where there are none."""
    from penchant.lab.claims.record import families, verdicts

    found = verdicts(cls.id)
    if not found:
        return
    family = families()
    yield from ("", "## Claims", "")
    for claim, verdict in found.items():
        name = f"`{claim}`" if folder is None else f"[{claim}]({folder}/{family[claim]}.md#{claim})"
        yield f"- {name}: {verdict}"
    yield from ("", "`penchant show claims ID` says what is claimed; `penchant claims ID` measures it.")


def methods_overview(classes: Sequence[type[Objective]]) -> str:
    """All methods in Markdown: a table for each family, each method with a link to its page.

    Args:
        classes: in any order.

    Example:
        >>> from penchant.objectives import IPO
        >>> print(methods_overview([IPO]).splitlines()[-1])
        | [`ipo`](ipo.md) | Identity Preference Optimization (Azar et al., 2023), eq. 17. ... | robust | pairs | ...
    """
    from penchant.objectives.core.family import FAMILIES

    lines = []
    for family, meaning in FAMILIES.items():
        own = sorted((cls for cls in classes if cls.family == family), key=lambda each: each.id)
        if own:
            lines += [f"## {family}", "", f"What they share: {meaning}.", ""]
            lines += ["| id | method and paper | tags | data | responses | evidence | claims |", f"|{' --- |' * 7}"]
            lines += [*(_row(cls) for cls in own), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(cls: type[Objective]) -> str:
    from penchant.objectives.core.description import paper_link, summary

    name = f"[`{cls.id}`]({cls.id}.md)" + "".join(f", `{each}`" for each in cls.aliases)
    claims = claims_in_words(cls)
    cells = [
        name,
        f"{summary(cls).removesuffix('.')}. {paper_link(cls)}".strip(),
        ", ".join(cls.tags),
        data_in_words(cls),
        responses_in_words(cls),
        evidence_in_words(cls),
        f"[{claims}]({cls.id}.md#claims)" if claims else "",
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def evidence_table(classes: Sequence[type[Objective]]) -> str:
    """How many methods of each family rest on which evidence, and which they are, in Markdown.

    Args:
        classes: in any order.

    Example:
        >>> from penchant.objectives import IPO, NLL
        >>> print(evidence_table([IPO, NLL]).splitlines()[-1])
        2 methods in 2 families; 4 cases of published code agree.
    """
    from penchant.objectives.core.family import FAMILIES, WRAPPERS
    from penchant.receipts.record import agreement

    kinds = [kind for kind in KINDS if any(_kind(cls) == kind for cls in classes)]
    lines = [f"| family | {' | '.join(kinds)} |", f"|{' --- |' * (len(kinds) + 1)}"]
    present = [family for family in FAMILIES if any(cls.family == family for cls in classes)]
    for family in present:
        own = [cls for cls in classes if cls.family == family]
        cells = [_cell(cls.id for cls in own if _kind(cls) == kind) for kind in kinds]
        lines.append(f"| **{family}**: {FAMILIES[family]} | {' | '.join(cells)} |")
    agree = sum(counts[0] for cls in classes if (counts := agreement(cls.id)))
    around = sum(cls.family == WRAPPERS for cls in classes)
    text = f"{len(classes) - around} methods in {len(set(present) - {WRAPPERS})} families"
    text += f", and {around} wrappers around them" if around else ""
    text += f"; {agree} cases of published code agree."
    return "\n".join([*lines, "", text]) + "\n"


def _kind(cls: type[Objective]) -> str:
    return str(cls.evidence or "none")


def _cell(ids: Iterator[str]) -> str:
    found = sorted(ids)
    return f"{len(found)}: {', '.join(found)}" if found else ""
