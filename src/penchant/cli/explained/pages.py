"""The pages of judges and of metrics in Markdown: formula, range, direction, and how to read each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from penchant.settings import REQUIRED

if TYPE_CHECKING:
    from penchant.evaluation.explained.metric import Metric
    from penchant.rewards.judge import Judge

__all__ = ["judge_page", "judges", "metric_page", "metrics", "metrics_overview"]

#: Sections of a docstring that are for callers in Python.
_FOR_CALLERS = ("Args:", "Returns:", "Raises:", "Example:")


def judge_page(cls: type[Judge]) -> str:
    """The page of a judge: what a score is, its range, how to read it, and the settings.

    Args:
        cls: a registered class.

    Returns:
        Markdown with one heading of the first level.

    Example:
        >>> from penchant.rewards import Verifier
        >>> print(judge_page(Verifier).splitlines()[0])
        # `verifier`: Scores 1 for a right response and 0 for a wrong one
    """
    first, _, rest = inspect.cleandoc(cls.__doc__ or "").partition("\n")
    title = first.rstrip(".:").replace("``", "`")
    lines = [f"# `{cls.id}`: {title}", "", *_facts(cls), "", *_paragraphs(_for_readers(rest)), "## Settings", ""]
    settings = cls.declared_settings()
    lines += ["| setting | type | default | range | meaning |", "|---|---|---|---|---|"] if settings else ["None."]
    for each in settings:
        default = "required" if each.default is REQUIRED else f"`{each.default!r}`"
        lines.append(_row([f"`{each.name}`", each.type, default, each.range or "any", each.doc]))
    lines += ["", *_example(cls)]
    return "\n".join(lines) + "\n"


def _for_readers(rest: str) -> str:
    """A docstring without its first line and without the sections for callers."""
    kept, inside = [], False
    for line in rest.splitlines():
        inside = line in _FOR_CALLERS or (inside and (not line or line.startswith(" ")))
        if not inside:
            kept.append(line)
    return "\n".join(kept).strip()


def _facts(cls: type[Judge]) -> Iterator[str]:
    yield f"- Score: {cls.formula}"
    yield f"- Range and direction: {cls.span}"
    yield f"- How to read it: {cls.advice}"


def _paragraphs(body: str) -> Iterator[str]:
    """The rest of a docstring; a paragraph of formulas keeps its lines."""
    for part in filter(None, re.split(r"\n{2,}", body.replace("\nReference:\n", "\n\nReference: "))):
        equation = " = " in part and not part.endswith(".")
        if "``" not in part and (equation or re.search(r"\S {3}\S", part)):
            yield from ("```text", part, "```", "")
        else:
            yield from (" ".join(part.replace("``", "`").split()), "")


def _example(cls: type[Judge]) -> Iterator[str]:
    """How it is named: in a command, or in the recipe of an online run if it asks the policy."""
    from penchant.rewards.judge import Judge
    from penchant.rewards.wrapped.members import JudgeOfJudges

    required = [each.name for each in cls.declared_settings() if each.default is REQUIRED]
    if cls.follow is not Judge.follow and not issubclass(cls, JudgeOfJudges):
        parts = ", ".join([f"name: {cls.id}", *(f"{name}: …" for name in required)])
        yield from ("```yaml", f"judge: {{{parts}}}  # of `penchant online`", "```")
    else:
        words = ",".join([cls.id, *(f"{name}=…" for name in required)])
        yield from ("```console", f"penchant judge pairs.jsonl --judge {words} -o judged.jsonl", "```")


def metric_page(metric: Metric) -> str:
    """The page of a metric.

    Args:
        metric: one of `penchant.evaluation.explained.metric.METRICS`.

    Returns:
        Markdown with one heading of the first level.

    Example:
        >>> from penchant.evaluation.explained.metric import METRICS
        >>> metric_page(METRICS.get("gini")).splitlines()[2]
        'How unequally utility is shared.'
    """
    lines = [f"# `{metric.name}`", "", metric.meaning, ""]
    lines += ["```text", metric.formula, "```", "", f"- Range: {metric.span}", f"- Better: {metric.better}"]
    return "\n".join([*lines, f"- How to read it: {metric.reading}", f"- Shown by: {metric.shown}"]) + "\n"


def metrics_overview(found: Sequence[Metric]) -> str:
    """A table of metrics for each group, each with a link to its page.

    Args:
        found: in any order.

    Example:
        >>> from penchant.evaluation.explained.metric import METRICS
        >>> metrics_overview([METRICS.get("gini")]).splitlines()[-1]
        '| [gini](gini.md) | How unequally utility is shared. | 0 to 1 − 1/n | lower |'
    """
    from penchant.evaluation.explained.tables import GROUPS

    lines = ["# Metrics", "", "`penchant list metrics` lists them, `penchant show metrics NAME` explains one.", ""]
    for group, title in GROUPS.items():
        own = [each for each in found if each.group == group]
        if own:
            lines += [f"## {title}", "", "| metric | what it measures | range | better |", "|---|---|---|---|"]
            lines += [_row([f"[{e.name}]({e.name}.md)", e.meaning, e.span, e.better]) for e in own] + [""]
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def judges() -> list[type[Judge]]:
    """The judges of this package that judge, by name."""
    from penchant.rewards.registry import JUDGES

    return [cls for cls in JUDGES.things() if cls.__module__.startswith("penchant.") and not cls.silent]


def metrics() -> list[Metric]:
    """All explained metrics, by name."""
    from penchant.evaluation.explained.metric import METRICS

    return METRICS.things()
