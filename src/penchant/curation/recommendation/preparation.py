"""`prepare`: interactions of users become a catalogue, files of feedback and a model that knows the items' tokens."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from penchant.curation.recommendation.codes import code_words, item_codes, item_vectors
from penchant.curation.recommendation.models import extend_vocabulary, small_model, word_tokenizer
from penchant.curation.rows import Built
from penchant.errors import ConfigurationError, DataError, OutputError
from penchant.feedback.interactions import History, check_known, prompt_of, read_histories
from penchant.generation.catalogue import Item, read_items
from penchant.generation.recommender import Recommender
from penchant.quiet import quiet_transformers

__all__ = ["FILES", "Plan", "Prepared", "prepare"]

#: The files that `prepare` writes, and what they are for.
FILES = {
    "items.jsonl": "the catalogue",
    "train.jsonl": "whole histories, for the objective nll",
    "next.jsonl": "the last item of each training user, for negatives and for online training",
    "valid.jsonl": "the next item of users to tune on",
    "test.jsonl": "the next item of users to measure on",
}


@dataclass(frozen=True)
class Plan:
    """How interactions are prepared.

    Args:
        catalogue: file of items with texts; None for codes of the items' names.
        model: folder or hub id of a model whose vocabulary is extended; None for a small one from scratch.
        tokens: tokens of a code; with 1 every item has a token of its own.
        codes: items that the same users take begin alike (``similar``), or codes by chance (``random``).
        width, layers: of a model from scratch.
        valid_share: share of the training users that is kept to tune on.
        test_share: share of the users to measure on, where the file has no column ``split``.
        on_bad: ``skip`` leaves out items that the catalogue does not have; ``stop`` refuses them.
        seed: of all draws.
    """

    catalogue: str | None = None
    model: str | None = None
    tokens: int = 2
    codes: str = "similar"
    width: int = 64
    layers: int = 2
    valid_share: float = 0.05
    test_share: float = 0.1
    on_bad: str = "stop"
    seed: int = 0


@dataclass
class Prepared:
    """What `prepare` found and wrote: numbers by name."""

    counts: dict[str, int] = field(default_factory=dict)


def prepare(data: str | Path, output: str | Path, plan: Plan | None = None) -> Prepared:
    """Read interactions, and write a folder to train and measure a recommender with.

    The folder has the files of `FILES` and, in ``model``, a model that knows the items' tokens. Users of the split
    ``test`` are measured on and nothing is learned from them; codes come from the training users alone.

    Args:
        data: file of interactions (`penchant.feedback.interactions.read_histories`).
        output: a folder that does not exist yet.
        plan: how; default: `Plan` as it stands.

    Raises:
        DataError: the interactions or the catalogue cannot be used.
        OutputError: the folder exists.
        ConfigurationError: a setting is out of range.
    """
    plan, goal = plan or Plan(), Path(output)
    _check(plan)
    if goal.exists():
        raise OutputError("The folder already exists.", where=str(goal), fix="Give another --output, or remove it.")
    parts, counts = _split(read_histories(data), plan)
    items, parts = _catalogue(parts, plan, counts)
    parts = {name: _of_two(part, name, counts) for name, part in parts.items()}
    if not parts["train"]:
        raise DataError("No training user has two interactions.", where=str(data), fix="Give longer histories.")
    model, tokenizer, items = _model(items, parts["train"], plan, counts)
    texts = {each.id: each.text for each in items}
    written = {
        "items.jsonl": [{"item": each.id, "text": each.text} for each in items],
        "train.jsonl": [_whole(each, texts, tokenizer.eos_token) for each in parts["train"]],
        "next.jsonl": [_next(each, texts, tokenizer.eos_token) for each in parts["train"]],
        "valid.jsonl": [_next(each, texts, tokenizer.eos_token) for each in parts["valid"]],
        "test.jsonl": [_next(each, texts, tokenizer.eos_token) for each in parts["test"]],
    }
    for name, rows in written.items():
        if rows:
            Built(rows).write(goal / name)
    with quiet_transformers():
        model.save_pretrained(goal / "model")
    tokenizer.save_pretrained(goal / "model")
    counts |= {f"users to {name}": len(part) for name, part in parts.items()}
    return Prepared(counts)


def _check(plan: Plan) -> None:
    for name, good, wanted in (
        ("tokens", 1 <= plan.tokens <= 8, "from 1 to 8"),
        ("width", plan.width >= 32 and plan.width % 32 == 0, "a multiple of 32"),
        ("layers", plan.layers >= 1, "at least 1"),
        ("valid_share", 0 <= plan.valid_share < 1, "at least 0 and below 1"),
        ("test_share", 0 <= plan.test_share < 1, "at least 0 and below 1"),
    ):
        if not good:
            raise ConfigurationError(f"{name} is {getattr(plan, name)}, expected {wanted}.", where=name)
    if plan.codes not in ("similar", "random"):
        raise ConfigurationError(f"codes is {plan.codes!r}, expected similar or random.", where="codes")
    if plan.on_bad not in ("stop", "skip"):
        raise ConfigurationError(f"on_bad is {plan.on_bad!r}, expected stop or skip.", where="on_bad")
    if plan.catalogue is not None and plan.model is None:
        raise ConfigurationError(
            "Items with texts need a model that knows their words.",
            where="catalogue",
            fix="Give --model, or leave out --catalogue for a model from scratch.",
        )


def _split(histories: Sequence[History], plan: Plan) -> tuple[dict[str, list[History]], dict[str, int]]:
    """The users to train, to tune and to measure on."""
    rng = random.Random(plan.seed)
    drawn = any(each.split is None for each in histories)
    if drawn:
        histories = [replace(each, split="test" if rng.random() < plan.test_share else "train") for each in histories]
    odd = next((each for each in histories if each.split not in ("train", "valid", "test")), None)
    if odd is not None:
        raise DataError(f"split is {odd.split!r}, expected train, valid or test.", where=odd.where)
    parts: dict[str, list[History]] = {name: [] for name in ("train", "valid", "test")}
    for each in histories:
        kept = "valid" if each.split == "train" and rng.random() < plan.valid_share else each.split
        parts[str(kept)].append(each)
    for name, share in (("test", plan.test_share if drawn else 0.0), ("valid", plan.valid_share)):
        if share and not parts[name]:
            _move_one(parts, name, rng)
    return parts, {"users": len(histories), "interactions": sum(len(each.items) for each in histories)}


def _move_one(parts: dict[str, list[History]], name: str, rng: random.Random) -> None:
    """Move one training user to a part that the draw left empty; of fewer than three users all stay."""
    useful = [each for each in parts["train"] if len(each.items) > 1]
    if len(useful) > 2:
        moved = rng.choice(useful)
        parts["train"] = [each for each in parts["train"] if each is not moved]
        parts[name].append(moved)


def _catalogue(
    parts: dict[str, list[History]], plan: Plan, counts: dict[str, int]
) -> tuple[list[Item], dict[str, list[History]]]:
    """The items, those of a catalogue file or all that users took, and the histories of them."""
    every = [each for part in parts.values() for each in part]
    if plan.catalogue is None:
        items = [Item(name, "") for name in dict.fromkeys(name for each in every for name in each.items)]
    else:
        items = read_items(plan.catalogue)
        known = {each.id: place for place, each in enumerate(items)}
        if plan.on_bad == "stop":
            check_known(every, known, plan.catalogue)
        parts = {
            name: [replace(each, items=tuple(item for item in each.items if item in known)) for each in part]
            for name, part in parts.items()
        }
        left = sum(len(each.items) for part in parts.values() for each in part)
        counts["interactions left out: unknown item"] = counts["interactions"] - left
    seen = {name for each in parts["train"] for name in each.items}
    counts["items"] = len(items)
    counts["items that no training user took"] = sum(each.id not in seen for each in items)
    return items, parts


def _of_two(part: Sequence[History], name: str, counts: dict[str, int]) -> list[History]:
    """The users with a history and a next item."""
    kept = [each for each in part if len(each.items) > 1]
    if len(kept) < len(part):
        counts[f"users left out of {name}: fewer than two items"] = len(part) - len(kept)
    return kept


def _model(
    items: list[Item], train: Sequence[History], plan: Plan, counts: dict[str, int]
) -> tuple[Any, Any, list[Item]]:
    """The model, its tokenizer, and the items with texts of its tokens."""
    words: list[str] = []
    if plan.catalogue is None:
        place = {each.id: number for number, each in enumerate(items)}
        learned = [[place[name] for name in each.items] for each in train]
        similar = plan.codes == "similar" and plan.tokens > 1
        codes = item_codes(item_vectors(learned, len(items)) if similar else len(items), plan.tokens, plan.seed)
        written = [code_words(code) for code in codes]
        words = sorted({word for each in written for word in each}, key=lambda word: (word[1], int(word[2:-1])))
        items = [replace(each, text="".join(spelt)) for each, spelt in zip(items, written, strict=True)]
    if plan.model is None:
        tokenizer = word_tokenizer(words)
        longest = (plan.tokens + 1) * (max(len(each.items) for each in train) + 64)
        model = small_model(tokenizer, width=plan.width, layers=plan.layers, longest=longest, seed=plan.seed)
    else:
        from penchant.likelihood.loading import load_model
        from penchant.rendering.tokenizer import load_tokenizer

        model, tokenizer = load_model(plan.model), load_tokenizer(plan.model)
        counts["tokens added to the vocabulary"] = extend_vocabulary(model, tokenizer, words, seed=plan.seed)
    if plan.catalogue is not None:
        Recommender(model, tokenizer, items)  # refuses texts from which no list can be made
    counts["tokens of the vocabulary"] = len(tokenizer)
    return model, tokenizer, items


def _whole(history: History, texts: dict[str, str], end: str) -> dict[str, Any]:
    """A history as one response: every item after the first is learned."""
    first, *rest = (texts[name] for name in history.items)
    return {"prompt": prompt_of([first], end), "completion": end.join(rest), "user": history.user}


def _next(history: History, texts: dict[str, str], end: str) -> dict[str, Any]:
    """The last item as the response to all before it."""
    *before, target = history.items
    return {
        "prompt": prompt_of([texts[name] for name in before], end),
        "completion": texts[target],
        "answer": texts[target],
        "user": history.user,
        "history": list(before),
        "target": target,
    }
