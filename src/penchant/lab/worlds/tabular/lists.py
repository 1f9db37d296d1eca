"""From scored lists to the pairs that methods of pairs make of them."""

from __future__ import annotations

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import pair_examples
from penchant.lab.worlds.tabular.world import World

__all__ = ["best_against_worst"]


def best_against_worst(world: World, lists: Examples) -> Examples:
    """The response with the highest score of each list against the one with the lowest.

    Args:
        world: where the lists live.
        lists: of `sample_lists`, all of one size; their field ``scores`` decides.

    Returns:
        One pair per list, with the fields of `pair_examples`; but ``chosen_score``, ``rejected_score`` and ``margin`` are
        those of the lists.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world, sample_lists
        >>> world = build_world(Dials(), seed=0)
        >>> pairs = best_against_worst(world, sample_lists(world, seed=0, count=5))
        >>> len(pairs), bool((pairs.fields["margin"] > 0).all())
        (5, True)
    """
    rows = lists.views["responses"]
    assert isinstance(rows, Rows)
    scores = lists.fields["scores"].view(len(lists), -1)
    prompt, response = rows.prompt.view(scores.shape), rows.response.view(scores.shape)
    best, worst = scores.argmax(-1, keepdim=True), scores.argmin(-1, keepdim=True)
    pairs = pair_examples(
        world, prompt[:, 0], response.gather(1, best).squeeze(1), response.gather(1, worst).squeeze(1)
    )
    high, low = scores.gather(1, best).squeeze(1), scores.gather(1, worst).squeeze(1)
    return pairs.with_fields(chosen_score=high, rejected_score=low, margin=high - low)
