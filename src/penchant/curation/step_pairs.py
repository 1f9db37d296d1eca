"""The builder ``step-pairs``: comparisons of one step, from solutions of a prompt that share their first steps."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.rows import Built
from penchant.errors import DataError
from penchant.feedback.passages import STEPS_BEFORE
from penchant.feedback.records import Ranking, Record
from penchant.feedback.tools import template_columns
from penchant.rendering.steps import plain_text, step_spans

__all__ = ["StepPairs"]


@dataclass
class _Node:
    """A step after the steps before it; solutions with the same steps share it."""

    text: str = ""
    before: str = ""
    wins: bool = False
    children: dict[str, _Node] = field(default_factory=dict)

    def add(self, text: str, spans: list[tuple[int, int]], wins: bool) -> None:
        """Add a solution."""
        node = self
        node.wins |= wins
        for start, end in spans:
            step = text[start:end].strip()
            # Steps that differ in white space alone are one step.
            node = node.children.setdefault(" ".join(step.split()), _Node(step, text[:start]))
            node.wins |= wins

    def pairs(self) -> Iterator[tuple[int, str, str, str]]:
        """Depth, the text before, the chosen and the rejected step, for each step of a winning solution."""
        level, depth = [self], 0
        while level:
            for node in level:
                losing = [each for each in node.children.values() if not each.wins]
                for winner in node.children.values():
                    if winner.wins:
                        yield from ((depth, winner.before, winner.text, each.text) for each in losing)
            level = [each for node in level for each in node.children.values() if each.wins]
            depth += 1


class StepPairs(Builder):
    """Comparisons of one step, from rankings of solutions whose first steps are the same.

    The solutions of a prompt form a tree. At each step of a winning solution, the step is chosen, and every other step
    that follows the same steps and leads to no winning solution is rejected: the pairs of Chain of Preference
    Optimization from a search tree, and those of Step-DPO where solutions part at their first error. The field
    ``steps_before`` holds the steps before; only the tokens of the step itself are learned, without an end token.

    Steps are those of a tree (column ``nodes``) or of the column ``steps``, or the lines of a solution.

    Example:
        >>> right, wrong = "2 + 2 = 4\\n4 + 1 = 5", "2 + 2 = 4\\n4 + 1 = 6"
        >>> built = StepPairs().build([Ranking(prompt="2 + 2 + 1?", completions=(right, wrong), scores=(1.0, 0.0))])
        >>> {name: built.rows[0][name] for name in ("steps_before", "chosen", "rejected")}
        {'steps_before': '2 + 2 = 4\\n', 'chosen': '4 + 1 = 5', 'rejected': '4 + 1 = 6'}

    Reference:
        Zhang, Du, Pang, Liu, Gao, Lin (2024), Chain of Preference Optimization: Improving Chain-of-Thought Reasoning in
        LLMs, arXiv:2406.09136. Lai et al. (2024), Step-DPO: Step-wise Preference Optimization for Long-chain Reasoning
        of LLMs, arXiv:2406.18629.
    """

    id = "step-pairs"
    reads = "rankings with scores, of solutions or of the leaves of a tree of steps"
    writes = (STEPS_BEFORE,)

    winners: Annotated[
        Literal["best", "positive"], "solutions that win: those with the best score, or with a score above 0"
    ] = "best"
    most: Annotated[int | None, Ge(1), "maximum pairs per prompt, drawn at random; all if absent"] = None
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Build the pairs of every prompt.

        Raises:
            DataError: a record is not a ranking with scores, or a solution has several turns.
        """
        built = Built([])
        for place, record in enumerate(records):
            if not isinstance(record, Ranking) or record.scores is None:
                raise DataError(
                    f"step-pairs needs rankings with scores, but this is a {record.kind} without scores.",
                    where=str(record.source),
                    fix="Give prompt, completions and scores (1 for a right solution, 0 for a wrong one), or a tree: "
                    "'nodes' with id, parent, text and value.",
                )
            built.count("prompts read")
            pairs = self._pairs(record, built)
            if self.most is not None and len(pairs) > self.most:
                pairs = random.Random(f"{self.seed} {place}").sample(pairs, self.most)
            built.rows.extend(_row(record, *pair) for pair in pairs)
        built.count("comparisons", len(built.rows))
        return built

    def _pairs(self, record: Ranking, built: Built) -> list[tuple[int, str, str, str]]:
        """The pairs of one prompt, without repetitions."""
        scores = record.scores or ()
        best = max(scores)
        wins = [score > 0 if self.winners == "positive" else score == best > min(scores) for score in scores]
        if not any(wins) or all(wins):
            built.count(f"dropped: {'all' if all(wins) else 'none'} of its solutions win")
            return []
        root = _Node()
        for text, spans, won in zip(record.completions, step_spans(record), wins, strict=True):
            root.add(plain_text(text, record), spans, won)
        pairs = list(dict.fromkeys(root.pairs()))
        built.count("dropped: no step of a winning solution has a losing sibling", int(not pairs))
        return pairs


def _row(record: Ranking, depth: int, before: str, chosen: str, rejected: str) -> dict[str, Any]:
    """The comparison of two steps."""
    of_lists = ("completion_fields", "steps")
    extras = {name: value for name, value in record.fields.items() if name not in of_lists}
    return {
        "prompt": record.prompt,
        STEPS_BEFORE: before,
        "chosen": chosen,
        "rejected": rejected,
        **extras,
        **template_columns(record),
        "step": depth,
    }
