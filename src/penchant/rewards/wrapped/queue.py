"""`QueueJudge`: the win rate of a response against the last responses to its prompt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Gt
from torch import Tensor

from penchant.feedback.records import Record, Text
from penchant.rewards.judge import Judge
from penchant.rewards.said import said_of
from penchant.rewards.wrapped.around import JudgeAround

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["QueueJudge"]


class QueueJudge(JudgeAround):
    """Scores a response with its win rate against a queue: the last B responses of the policy to the same prompt.

    r_i = 1/|Q| Σ_{q ∈ Q} P(i beats q)

    P is the inner judge's. The queue takes a round's responses in after the round is judged, drops the oldest, and is
    kept with the run's states, so that a resumed run has the same one. While the queue of a prompt is empty, its
    responses are compared with each other, and a single one scores ½. Comparisons that the inner judge cannot make are
    left out. Held-out responses are measured by the inner judge.

    Reference:
        Swamy et al. (2024), A Minimaximalist Approach to Reinforcement Learning from Human Feedback, algorithm 1.

    Example:
        >>> from penchant.rewards.functions import FunctionJudge
        >>> judge = QueueJudge(FunctionJudge(lambda prompt, response: float(len(response))), size=2)
        >>> judge.remember("Say hi.", ["hi", "hey"])
        >>> [round(each, 2) for each in judge.score("Say hi.", ["hey", "hello"])]
        [0.62, 0.92]
    """

    id = "queue"
    formula = "1/|Q| Σ_q P(i beats q) over the last responses to the prompt"
    span = "0 to 1, higher is better; ½ is as good as before"
    advice = "It measures progress against itself: a constant ½ can be a policy that improves as fast as its queue."

    size: Annotated[int, Gt(0), "B, the responses to each prompt that are kept"] = 16

    def __init__(self, inner: Judge | None = None, /, **settings: Any) -> None:
        super().__init__(inner, **settings)
        self.gives_scores, self.scores_alone = True, False
        self.queues: dict[str, list[str]] = {}

    @property
    def measuring(self) -> Judge:
        """The inner judge: nothing was sampled before for a held-out prompt."""
        return self.asked.measuring

    def remember(self, prompt: Text, responses: Sequence[str]) -> None:
        """See `Judge.remember`."""
        super().remember(prompt, responses)
        key = said_of(prompt)
        self.queues[key] = [*self.queues.get(key, ()), *responses][-self.size :]

    def state_dict(self) -> dict[str, Any]:
        """See `Judge.state_dict`: the queues, and what the inner judge keeps."""
        return {**super().state_dict(), "queues": {key: list(each) for key, each in self.queues.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Judge.load_state_dict`."""
        super().load_state_dict(state)
        self.queues = {key: list(each) for key, each in state.get("queues", {}).items()}

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The win rates; NaN for a response that could be compared with none."""
        queue = self.queues.get(said_of(prompt), [])
        if not queue:
            return [_mean(row) for row in self.compare(prompt, responses).tolist()]
        return [_mean(row) for row in self._chances(prompt, responses, queue)]

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """See `Judge.sampled`; the inner judge's scores are a part, where it gives any."""
        given = self.score(record.prompt, [each.text for each in responses])
        return given, {"inner": self.asked.sampled(record, responses)[0]} if self.asked.scores_alone else {}

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`: the inner judge's."""
        return self.asked.compare(prompt, responses)

    def _chances(self, prompt: Text, responses: Sequence[str], queue: Sequence[str]) -> list[list[float]]:
        """P(i beats q), K × B, with as few comparisons as the inner judge allows."""
        count = len(responses)
        if self.asked.scores_alone:
            return self.asked.compare(prompt, [*responses, *queue])[:count, count:].tolist()  # type: ignore[no-any-return]
        games = [(own, other) for own in responses for other in queue]
        tables = iter(self.asked.compare_all([prompt] * len(games), games))
        return [[float(next(tables)[0, 1]) for _other in queue] for _own in responses]


def _mean(chances: Sequence[float]) -> float:
    known = [each for each in chances if not math.isnan(each)]
    return fmean(known) if known else math.nan
