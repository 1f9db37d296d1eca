"""The builder ``preference-curation``: comparisons kept, relabelled or flipped where two reward models agree."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge

from penchant.curation.builder import Builder, Progress
from penchant.curation.judging import JUDGE_WORDS, judges_of
from penchant.curation.rows import Built, as_row, comparisons
from penchant.curation.votes import Annotators, preferred_by
from penchant.feedback.records import Comparison, Record

__all__ = ["PreferenceCuration", "Verdict", "verdict"]

Verdict = Literal["keep", "flip", "relabel", "drop"]

_SAID = {
    "keep": "kept: both models agree with the label",
    "flip": "flipped: both models reject the label",
    "relabelled": "kept: relabelled, and the gold model agrees",
    "voted": "dropped: relabelled, and the gold model disagrees",
    "tied": "dropped: the judges' votes are tied",
    "drop": "dropped: the gold model disagrees",
    "unasked": "dropped: the best model disagrees, and there is no judge to relabel",
}


def verdict(best: float, gold: float) -> Verdict:
    """What happens to a comparison, by the probabilities that two reward models give its label.

    Args:
        best: σ(r_chosen − r_rejected) of the best reward model.
        gold: the same of the one that was trained on verified comparisons alone.

    Returns:
        ``keep`` if both are above ½; ``flip`` if neither is; ``relabel`` if only the gold model agrees with the label;
        ``drop`` if only the best one does. A probability of exactly ½ or NaN decides nothing: ``drop``.

    Example:
        >>> verdict(0.9, 0.6), verdict(0.2, 0.4), verdict(0.2, 0.6), verdict(0.9, 0.4), verdict(0.5, 0.4)
        ('keep', 'flip', 'relabel', 'drop', 'drop')
    """
    if best > 0.5:
        return "keep" if gold > 0.5 else "drop"
    if best < 0.5:
        return "relabel" if gold > 0.5 else "flip" if gold < 0.5 else "drop"
    return "drop"


class PreferenceCuration(Builder):
    """Comparisons kept, relabelled or flipped where a reward model and one trained on verified labels agree.

    A comparison is kept if both reward models agree with its label, and flipped if both reject it. If only the gold
    model agrees, the judges vote, and the comparison stays if their vote confirms it. All else is dropped, as are
    comparisons that are the same afterwards. The field ``curated`` says what happened to each row: ``kept``,
    ``relabelled`` or ``flipped``. This is the second phase of the curation of Skywork-Reward-V2, which needs no
    humans; ``curation-round`` is the first.

    Example:
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "2 + 2", "chosen": "5", "rejected": "4", "answer": "4"}])
        >>> rule = "verifier,rule=number"
        >>> built = PreferenceCuration(best=rule, gold_model=rule).build(pairs)
        >>> built.rows[0]["chosen"], built.rows[0]["curated"]
        ('4', 'flipped')

    Reference:
        Liu et al. (2025), Skywork-Reward-V2: Scaling Preference Data Curation via Human-AI Synergy, arXiv:2507.01352.
    """

    id = "preference-curation"
    writes = ("chosen", "rejected", "curated")

    best: Annotated[str, f"the best reward model so far: {JUDGE_WORDS}"]
    gold_model: Annotated[str, "the reward model trained on verified comparisons alone, in the same form"]
    judge: Annotated[list[str], "a judge that votes on new labels, in the same form; repeat for several"] = []  # noqa: RUF012
    repeats: Annotated[int, Ge(1), "how often each judge is asked, in random order of the responses"] = 1
    seed: Annotated[int, "seed of the orders"] = 0
    device: Annotated[str, "device of judges with a model"] = "cpu"

    def build(self, records: Iterable[Record]) -> Built:
        """Decide on each comparison."""
        return self.build_resumably(records, None, lambda *_: None)  # type: ignore[arg-type]

    def build_resumably(self, records: Iterable[Record], keep: Path | None, progress: Progress) -> Built:
        """Decide with progress."""
        pairs = comparisons(records, self.id)
        best, gold = judges_of([self.best, self.gold_model], pairs, self.device)
        voters = judges_of(self.judge, pairs, self.device) if self.judge else []
        annotators = Annotators(voters, self.repeats, self.seed)
        built, seen = Built([], {"records read": len(pairs)}), set[str]()
        for place, pair in enumerate(pairs, start=1):
            self._decide(pair, preferred_by(best, pair), preferred_by(gold, pair), annotators, built, seen)
            progress(place, len(pairs), "")
        return built

    def _decide(
        self, pair: Comparison, best: float, gold: float, annotators: Annotators, built: Built, seen: set[str]
    ) -> None:
        outcome: str = verdict(best, gold)
        if outcome == "relabel":
            vote = annotators.vote(pair) if annotators.judges else None
            outcome = "unasked" if vote is None else "relabelled" if vote > 0 else "voted" if vote < 0 else "tied"
        if outcome not in ("keep", "flip", "relabelled"):
            undecided = outcome == "drop" and not (best > 0.5 and gold < 0.5)
            built.count("dropped: a model cannot decide" if undecided else _SAID[outcome])
            return
        row = as_row(pair) | {"curated": {"keep": "kept", "flip": "flipped"}.get(outcome, outcome)}
        if outcome == "flip":
            row = flipped(row)
        # A comparison and its flipped copy become one.
        key = repr((row["prompt"], row["chosen"], row["rejected"]))
        if key in seen:
            built.count("dropped: the same comparison again")
            return
        seen.add(key)
        built.count(_SAID[outcome])
        built.rows.append(row)


def flipped(row: dict[str, Any]) -> dict[str, Any]:
    """A row with both sides exchanged: every ``chosen_…`` with its ``rejected_…``, and what speaks of their difference.

    Example:
        >>> flipped({"prompt": "Hi", "chosen": "a", "rejected": "b", "chosen_score": 1, "probability": 0.75})
        {'prompt': 'Hi', 'chosen': 'b', 'rejected': 'a', 'rejected_score': 1, 'probability': 0.25}
    """
    found: dict[str, Any] = {}
    for name, value in row.items():
        side = next((each for each in ("chosen", "rejected") if name == each or name.startswith(f"{each}_")), None)
        if side is not None:
            # The order of columns stays chosen before rejected.
            other = "rejected" if side == "chosen" else "chosen"
            if name == side:
                found[name] = row[other]
            else:
                found[other + name[len(side) :]] = value
        elif name == "probability" and isinstance(value, int | float):
            found[name] = 1 - value
        elif name == "margin" and isinstance(value, int | float):
            found[name] = -value
        else:
            found[name] = value
    return found
