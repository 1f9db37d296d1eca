"""Prompts with constraints: which a response keeps, which it breaks, and which tell two responses apart."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from penchant.curation.constraints import Constraint, altered, candidates
from penchant.curation.rows import Built, as_row, comparisons
from penchant.curation.turns import in_user_turns
from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, Text, as_text

__all__ = ["vary_prompts", "with_constraints"]

_ANSWER = "\n\nAssistant:"


def vary_prompts(records: Iterable[Record], *, constraints: int = 2, seed: int = 0) -> Built:
    """Prompts for Multi-Level Aware Preference Learning (2025): the same wish kept, broken, and telling.

    ``matching_prompt``  x⁺: the prompt with constraints that the chosen response keeps
    ``altered_prompt``   x⁻: the same constraints turned round, so that the chosen response breaks each of them
    ``extended_prompt``  x′: the prompt with constraints that the chosen response keeps and the rejected one breaks, so
    that the gap between the two ought to be wider than under x

    The constraints can be checked by a program (length in words, a key word, a list, a question at the end), and every
    one has been. Confidence is low: the abstract tells the idea, the constraints are this library's own.

    Args:
        records: comparisons.
        constraints: most constraints that a prompt is given, at least 1; of those that tell two responses apart there
            may be fewer.
        seed: of the drawing; what a record is given depends on the seed and on what the record says alone.

    Returns:
        The records with the three fields. A pair that no constraint tells apart is left out and counted.

    Raises:
        ConfigurationError: fewer than one constraint is asked for.
        DataError: a prompt has no user turn to write to.

    Example:
        >>> from penchant.feedback.records import Comparison
        >>> pair = Comparison(prompt="Tea?", chosen="Yes, gladly.", rejected="Why would anyone ever want tea?")
        >>> row = vary_prompts([pair], constraints=1).rows[0]
        >>> row["matching_prompt"], row["altered_prompt"]
        ('Tea?\\n\\nUse at most 4 words.', 'Tea?\\n\\nUse at least 4 words.')

    Reference:
        Multi-Level Aware Preference Learning (2025), arXiv:2505.12845.
    """
    if constraints < 1:
        raise ConfigurationError(f"constraints is {constraints}; expected at least 1.")
    built = Built([])
    for record in comparisons(records, "prompts"):
        built.count("records read")
        chosen, rejected = as_text(record.chosen), as_text(record.rejected)
        rng = random.Random(f"{seed} {chosen} {rejected}")
        kept = candidates(chosen, rejected, rng)
        telling = [each for each in kept if not each.holds(rejected)]
        if not telling:
            built.count("dropped: no constraint tells the responses apart")
            continue
        wished = kept[:constraints]
        row = as_row(record)
        row["matching_prompt"] = with_constraints(record.prompt, wished, record)
        row["altered_prompt"] = with_constraints(record.prompt, [altered(each, chosen) for each in wished], record)
        row["extended_prompt"] = with_constraints(record.prompt, telling[:constraints], record)
        built.rows.append(row)
    built.count("rows with three prompts", len(built.rows))
    return built


def with_constraints(prompt: Text, constraints: Sequence[Constraint], record: Record) -> Text:
    """A prompt that ends with constraints; a copy throughout.

    In a conversation they end the last user turn; in a text that ends with ``\\n\\nAssistant:`` they stand before it.

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
