"""The builder ``replay``: texts of a reward model's own data beside each record, with the rewards that they have."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from penchant.curation.builder import Builder, Progress
from penchant.curation.judging import JUDGE_WORDS, judges_of, scores_of
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.records import Record

__all__ = ["Replay"]


class Replay(Builder):
    """Comparisons beside each of which stands a text that the reward model was trained on, with its reward.

    ``remodetect`` keeps the rewards of these texts where they were (Lee et al., 2024). The texts are drawn from
    ``preferences``: records in an order that the seed decides, again from the start when all are used, and of each one
    of its responses. The judge is the reward model that training starts from. A text that it cannot score is not used.

    Example:
        >>> import tempfile
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "Tea?", "chosen": "Certainly.", "rejected": "Yep."}])
        >>> with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        ...     _ = file.write('{"prompt": "1 + 1 =", "completion": "2", "answer": "2"}'), file.flush()
        ...     row = Replay(preferences=file.name, judge="verifier,rule=exact").build(pairs).rows[0]
        >>> row["replay_prompt"], row["replay"], row["replay_score"]
        ('1 + 1 =', '2', 1.0)

    Reference:
        Lee, Tack, Shin (2024), ReMoDetect: Reward Models Recognize Aligned LLM's Generations, arXiv:2405.17382.
    """

    id = "replay"
    writes = ("replay_prompt", "replay", "replay_score")

    preferences: Annotated[str, "file of the reward model's own data: any records with responses"]
    judge: Annotated[str, f"the reward model that training starts from: {JUDGE_WORDS}"]
    device: Annotated[str, "device of the reward model"] = "cpu"
    seed: Annotated[int, Ge(0), "which texts stand beside which record"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Add the texts and their rewards."""
        return self.build_resumably(records, None, lambda *_: None)  # type: ignore[arg-type]

    def build_resumably(self, records: Iterable[Record], keep: Path | None, progress: Progress) -> Built:
        """Build with progress over the texts that are scored."""
        pairs = comparisons(records, self.id)
        drawn = self._drawn(len(pairs))
        asked = [record for record, _response in drawn]
        [judge] = judges_of([self.judge], asked, self.device)
        scores = scores_of(
            judge, asked, [[response] for _, response in drawn], lambda done: progress(done, len(drawn), judge.id)
        )
        usable = [
            {"replay_prompt": record.prompt, "replay": response, "replay_score": score}
            for (record, response), [score] in zip(drawn, scores, strict=True)
            if not math.isnan(score)
        ]
        built = Built([], {"records read": len(pairs), "replayed texts": len(usable)})
        if not usable:
            raise DataError(
                f"The judge {judge.id} scores none of the {len(drawn)} texts.",
                where=self.preferences,
                fix="Give data that the reward model reads.",
            )
        for place, pair in enumerate(pairs):
            built.rows.append(as_row(pair) | usable[place % len(usable)])
        return built

    def _drawn(self, count: int) -> list[tuple[Record, Any]]:
        """As many texts as there are records, or all records of the reward model once."""
        source, rng = read(self.preferences), random.Random(self.seed)
        order = rng.sample(range(len(source)), min(count, len(source)))
        found = [source[place] for place in order]
        without = next((each for each in found if not each.responses), None)
        if without is not None:
            raise DataError(
                f"A {without.kind} has no response that could be replayed.",
                where=str(without.source),
                fix="Give the comparisons, rankings or judgements that the reward model was trained on.",
            )
        return [(record, rng.choice(record.responses)) for record in found]
