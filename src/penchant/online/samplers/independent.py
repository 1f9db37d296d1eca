"""`Independent`: each response is drawn by itself."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.feedback.records import Record
from penchant.generation.responses import Sampling
from penchant.online.roll_in import rolled_in
from penchant.online.samplers.sampler import Drawn, Means, Sampler

__all__ = ["Independent"]


class Independent(Sampler):
    """Responses drawn one by one from the policy, of which some may begin with tokens of the record's own response."""

    id = "independent"

    def draw(self, records: Sequence[Record], means: Means, sampling: Sampling, *, seed: int) -> list[Drawn]:
        """See `Sampler.draw`."""
        if means.roll_in and sampling.temperature > 0:
            found = rolled_in(means.engine, records, sampling, means.roll_in, seed=seed)
        else:
            found = means.engine.sample([means.asking.question(each) for each in records], sampling, seed=seed)
        return [Drawn(tuple(each)) for each in found]
