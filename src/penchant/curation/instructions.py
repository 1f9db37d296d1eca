"""The builder ``prompts``: prompts with constraints that responses satisfy or violate."""

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
    """Prompts with constraints that the chosen response satisfies, violates, or alone satisfies.

    For Multi-Level Aware Preference Learning (2025):

    ``matching_prompt``  x⁺: the prompt with constraints that the chosen response satisfies
    ``altered_prompt``   x⁻: the opposite constraints, each of which the chosen response violates
    ``extended_prompt``  x′: the prompt with constraints that the chosen response satisfies and the rejected one
    violates, so that the preference should be stronger than under x

    The constraints are verifiable (length in words, a key word, a list, a question at the end), and every
    one is verified. Fewer of them than requested may apply only to the chosen response; a pair without any is dropped
    and counted. The constraints of a record depend only on the seed and on its text. Confidence is low:
    the idea is from the abstract, the constraints are this library's own.

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

    constraints: Annotated[int, Ge(1), "maximum number of constraints per prompt"] = 2
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Build the records with the three prompts.

        Raises:
            DataError: a prompt has no user turn.
        """
        built = Built([])
        for record in comparisons(records, self.id):
            built.count("records read")
            prompts = self._prompts(record)
            if prompts:
                built.rows.append({**as_row(record), **prompts})
            else:
                built.count("dropped: no constraint distinguishes the responses")
        built.count("rows with three prompts", len(built.rows))
        return built

    def _prompts(self, record: Comparison) -> dict[str, Text]:
        """The three prompts of a record; empty if no constraint distinguishes its responses."""
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
        {'records read': 1, 'dropped: no constraint distinguishes the responses': 1, 'rows with three prompts': 0}
    """
    return VaryPrompts(**settings).build(records)


def with_constraints(prompt: Text, constraints: Sequence[Constraint], record: Record) -> Text:
    """A copy of a prompt that ends with constraints.

    In a conversation they end the last user turn; in a text that ends with ``\\n\\nAssistant:`` they come before it.

    Args:
        prompt: a text, or messages.
        constraints: to add.
        record: for the error message.

    Raises:
        DataError: the prompt has no user turn.

    Example:
        >>> with_constraints("\\n\\nHuman: Hi\\n\\nAssistant:", [Constraint("question")], Record(prompt=""))
        '\\n\\nHuman: Hi\\n\\nEnd with a question.\\n\\nAssistant:'
    """
    wish = "\n\n" + " ".join(each.text for each in constraints)
    if isinstance(prompt, str):
        body, end = (prompt[: -len(_ANSWER)], _ANSWER) if prompt.endswith(_ANSWER) else (prompt, "")
        return body + wish + end
    return in_user_turns(prompt, record, after=wish)
