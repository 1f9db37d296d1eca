"""Conversion of scored lists to best-against-worst pairs."""

from __future__ import annotations

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import pair_examples
from penchant.lab.worlds.tabular.world import World

__all__ = ["best_against_worst"]


def best_against_worst(world: World, lists: Examples) -> Examples:
    """Pairs of the highest- and the lowest-scored response of each list.

    Args:
        world: the world of the lists.
        lists: from `sample_lists`, all of the same size; compared by ``scores``.

    Returns:
        One pair per list, with the fields of `pair_examples`; ``chosen_score``, ``rejected_score`` and ``margin`` come
        from the lists.

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
