"""What choosing the best of n samples is worth, for ``penchant judge --best-of``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.curation.judged_file import Judged

__all__ = ["best_of_curves", "show_best_of"]


def best_of_curves(
    scores: Mapping[str, Sequence[Sequence[float]]], sizes: Sequence[int]
) -> tuple[list[dict[str, Any]], int]:
    """The expected score by each judge of the best of n samples by each judge, without bias.

    Args:
        scores: by judge, for each prompt one number per sample.
        sizes: values of n.

    Returns:
        A row for each pair of judges and each n: ``chosen_by``, ``measured_by``, ``n``, ``divergence_bound`` (nats) and
        ``score``; and the number of prompts that were left out, because they have fewer than n samples or one without
        a score.

    Raises:
        ConfigurationError: no prompt is left.

    Example:
        >>> best_of_curves({"proxy": [[0.0, 1.0]]}, [2])[0][0]["score"]
        1.0
    """
    from penchant.evaluation.best_of_n import best_of_n_curve

    prompts = list(zip(*scores.values(), strict=True))
    kept = [
        own
        for own in prompts
        if len(own[0]) >= max(sizes) and not any(math.isnan(value) for each in own for value in each)
    ]
    if not kept:
        raise ConfigurationError(
            f"No prompt has {max(sizes)} samples that all judges score.",
            where="--best-of",
            fix="Give prompts with lists of responses, or a smaller n.",
        )
    columns = dict(zip(scores, zip(*kept, strict=True), strict=True))
    rows = []
    for chosen, rewards in columns.items():
        for measured, quality in columns.items():
            for n, bound, score in best_of_n_curve(rewards, sizes, quality):
                found = {"chosen_by": chosen, "measured_by": measured, "n": n, "divergence_bound": bound}
                rows.append({**found, "score": score})
    return rows, len(prompts) - len(kept)


def show_best_of(found: Judged, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Print the curves of all judges that score, and give their rows.

    Args:
        found: what the judges say.
        sizes: values of n.

    Raises:
        ConfigurationError: no judge scores, or no prompt is left.
    """
    from rich.table import Table

    if not found.scores:
        raise ConfigurationError("No judge gives scores, so none can choose.", where="--best-of")
    wanted = sorted(set(sizes))
    rows, left_out = best_of_curves(found.scores, wanted)
    table = Table("chosen by", "measured by", "n", "KL at most, nats", "mean score")
    for row in rows:
        cells = [str(row["n"]), f"{row['divergence_bound']:.3f}", f"{row['score']:.4f}"]
        table.add_row(row["chosen_by"], row["measured_by"], *cells)
    make_console(highlight=False, stderr=True).print(table)
    if left_out:
        echo(f"{left_out} prompts have fewer than {wanted[-1]} scored samples and are left out.", err=True)
    return rows
