"""Prompts with constraints that a response keeps, breaks, or that distinguish two responses."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.constraints import Constraint, altered, candidates
from penchant.curation.rows import Built, as_row, comparisons
from penchant.curation.turns import in_user_turns
from penchant.feedback.records import Comparison, Record, Text, as_text

__all__ = ["VaryPrompts", "vary_prompts", "with_constraints"]

_ANSWER = "\n\nAssistant:"


class VaryPrompts(Builder):
    """Prompts with constraints that the chosen response keeps, breaks, and that only it keeps.

    For Multi-Level Aware Preference Learning (2025):

    ``matching_prompt``  x⁺: the prompt with constraints that the chosen response keeps
    ``altered_prompt``   x⁻: the opposite constraints, so that the chosen response breaks each of them
    ``extended_prompt``  x′: the prompt with constraints that the chosen response keeps and the rejected one breaks, so
    that the gap between the two ought to be wider than under x

    The constraints can be checked by a program (length in words, a key word, a list, a question at the end), and every
    one has been. There may be fewer than asked for that only the chosen response keeps; a pair without any is left out
    and counted. What a record is given depends on the seed and on its own text alone. Confidence is low:
    the abstract gives the idea, the constraints are this library's own.

    Example:
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "Tea?", "chosen": "Yes, gladly.", "rejected": "Why would anyone ever want tea?"}])
        >>> row = VaryPrompts(constraints=1).build(pairs).rows[0]
        >>> row["matching_prompt"], row["altered_prompt"]
        ('Tea?\\n\\nUse at most 4 words.', 'Tea?\\n\\nUse at least 4 words.')

    Reference:
        Multi-Level Aware Preference Learning (2025), arXiv:2505.12845.
    """

    id = "prompts"
    writes = ("matching_prompt", "altered_prompt", "extended_prompt")

    constraints: Annotated[int, Ge(1), "most constraints that a prompt is given"] = 2
    seed: Annotated[int, Ge(0), "seed of everything that is drawn"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """The records with the three prompts.

        Raises:
            DataError: a prompt has no user turn to write to.
        """
        built = Built([])
        for record in comparisons(records, self.id):
            built.count("records read")
            prompts = self._prompts(record)
            if prompts:
                built.rows.append({**as_row(record), **prompts})
            else:
                built.count("dropped: no constraint tells the responses apart")
        built.count("rows with three prompts", len(built.rows))
        return built

    def _prompts(self, record: Comparison) -> dict[str, Text]:
        """The three prompts of a record; nothing where no constraint tells its responses apart."""
        chosen, rejected = as_text(record.chosen), as_text(record.rejected)
        kept = candidates(chosen, rejected, random.Random(f"{self.seed} {chosen} {rejected}"))
        asked = kept[: self.constraints]
        telling = [each for each in kept if not each.holds(rejected)][: self.constraints]
        if not telling:
            return {}
        wishes = (asked, [altered(each, chosen) for each in asked], telling)
        return {
            name: with_constraints(record.prompt, each, record) for name, each in zip(self.writes, wishes, strict=True)
        }


def vary_prompts(records: Iterable[Record], **settings: Any) -> Built:
    """`VaryPrompts` in one call.

    Args:
        records: comparisons.
        settings: those of `VaryPrompts`.

    Example:
        >>> from penchant.feedback.records import Comparison
        >>> vary_prompts([Comparison(prompt="?", chosen="same", rejected="same")]).counts
        {'records read': 1, 'dropped: no constraint tells the responses apart': 1, 'rows with three prompts': 0}
    """
    return VaryPrompts(**settings).build(records)


def with_constraints(prompt: Text, constraints: Sequence[Constraint], record: Record) -> Text:
    """A prompt that ends with constraints; a copy throughout.

    In a conversation they end the last user turn; in a text that ends with ``\\n\\nAssistant:`` they come before it.

    Args:
        prompt: a text, or messages.
        constraints: what to ask for.
        record: for the error message.

    Raises:
        DataError: no turn is the user's.

    Example:
        >>> with_constraints("\\n\\nHuman: Hi\\n\\nAssistant:", [Constraint("question")], Record(prompt=""))
        '\\n\\nHuman: Hi\\n\\nEnd with a question.\\n\\nAssistant:'
    """
    wish = "\n\n" + " ".join(each.text for each in constraints)
    if isinstance(prompt, str):
        body, end = (prompt[: -len(_ANSWER)], _ANSWER) if prompt.endswith(_ANSWER) else (prompt, "")
        return body + wish + end
    return in_user_turns(prompt, record, after=wish)
