"""Sums as text, their answers, and partly wrong demonstrations."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["build_tokenizer", "careless_demonstrations", "problems"]

_SPECIAL = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}


def problems(*, largest: int = 19, seed: int = 0) -> list[dict[str, Any]]:
    """All sums of two numbers from 0 to ``largest``, in a random order, as ``{"prompt", "answer"}``.

    Args:
        largest: largest term, 1 to 499.
        seed: seed of the order.

    Example:
        >>> len(problems(largest=4)), problems(largest=4, seed=1)[0]
        (25, {'prompt': '2+0=', 'answer': '2'})
    """
    rows = [
        {"prompt": f"{first}+{second}=", "answer": str(first + second)}
        for first in range(largest + 1)
        for second in range(largest + 1)
    ]
    random.Random(seed).shuffle(rows)
    return rows


def careless_demonstrations(
    rows: list[dict[str, Any]], *, wrong: float, copies: int = 1, seed: int = 0
) -> list[dict[str, Any]]:
    """Demonstrations that are wrong with probability ``wrong``, off by up to three.

    Args:
        rows: problems.
        wrong: share of wrong answers, in [0, 1].
        copies: answers per problem.
        seed: seed of the errors and the order.

    Returns:
        Records ``{"prompt", "completion"}``.

    Example:
        >>> careless_demonstrations([{"prompt": "1+1=", "answer": "2"}], wrong=0.0)
        [{'prompt': '1+1=', 'completion': '2'}]
    """
    rng = random.Random(seed)
    records = []
    for row in rows:
        for _ in range(copies):
            right = int(row["answer"])
            slip = rng.choice([-3, -2, -1, 1, 2, 3]) if rng.random() < wrong else 0
            records.append({"prompt": row["prompt"], "completion": str(abs(right + slip))})
    rng.shuffle(records)
    return records


def build_tokenizer(further: str | Sequence[str] = "", pattern: str = ".") -> PreTrainedTokenizerFast:
    """A tokenizer with one token per digit and sign, and ``<pad> <bos> <eos> <unk>``, built in memory.

    Args:
        further: additional characters, or words.
        pattern: expression of the pieces that are tokens; a character by default.

    Example:
        >>> build_tokenizer()("12+7=", add_special_tokens=False)["input_ids"]
        [5, 6, 14, 11, 15]
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokens = [*_SPECIAL.values(), *dict.fromkeys([*"0123456789+=", *further])]
    tokenizer = Tokenizer(models.WordLevel({token: place for place, token in enumerate(tokens)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", tokens.index("<bos>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=64, clean_up_tokenization_spaces=False, **_SPECIAL
    )
