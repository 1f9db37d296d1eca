"""`HindsightJudge`: a judge that looks only after some further turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.feedback.records import Record, Text
from penchant.named import build_named
from penchant.rewards.judge import Judge
from penchant.rewards.said import said_of
from penchant.rewards.wrapped.around import JudgeAround
from penchant.rewards.wrapped.simulators import SIMULATORS, Simulator

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["HindsightJudge", "turned_pairs"]


class HindsightJudge(JudgeAround):
    """The inner judge's judgement of each response together with what follows it, by a simulator.

    The further turns stand after the response, one a line, and the inner judge alone reads them: the policy neither
    sees them nor trains on them. Without a simulator, or with ``turns`` = 0, it is the inner judge. With ``flips`` the
    inner judge also looks right after the response, and the metric ``flips`` says how often hindsight turns the order
    of two responses round.

    Args:
        inner: the inner judge in memory.
        simulator: in memory; otherwise it is built from its setting.
        settings: the keys.

    Reference:
        Liang et al. (2025), RLHS: Mitigating Misalignment in RLHF with Hindsight Simulation, arXiv:2501.08617.
    """

    id = "hindsight"
    formula = "the inner judge's score of the response with the turns that follow it"
    span = "that of the inner judge, higher is better"
    advice = "Read the share of orders that turn: where it is near 0, hindsight adds nothing but cost."

    turns: Annotated[int, Ge(0), "n, further turns before the inner judge looks"] = 1
    simulator: Annotated[
        dict[str, Any] | str,
        "what follows a response, by name and keys: none, function (path), model (model) or policy, which write texts "
        "(instruction, max_new_tokens, temperature, batch_size)",
    ] = "none"
    flips: Annotated[bool, "also judge without hindsight, to report how often the order of two responses turns"] = True

    def __init__(self, inner: Judge | None = None, simulator: Simulator | None = None, /, **settings: Any) -> None:
        if simulator is not None:
            settings["simulator"] = simulator.id or type(simulator).__name__
        super().__init__(inner, **settings)
        part = {"name": self.simulator} if isinstance(self.simulator, str) else {"name": "none", **self.simulator}
        self.world = build_named(SIMULATORS, part, "judge.simulator") if simulator is None else simulator
        self.looks_back = self.turns > 0 and self.world.present
        self.verifies = self.asked.verifies
        #: By prompt: pairs of responses that hindsight turned round, and pairs that had an order without it.
        self.turned: dict[str, tuple[int, int]] = {}

    @property
    def network(self) -> Any:
        """The simulator's own model, which belongs to the origin of a run; None without one."""
        return getattr(self.world, "network", None)

    def read(self, records: Iterable[Record]) -> None:
        """See `Judge.read`; the simulator reads too."""
        several = list(records)
        super().read(several)
        self.world.read(several)

    def to(self, device: Any) -> None:
        """Move the models of inner judge and simulator to a device."""
        super().to(device)
        self.world.to(device)

    def follow(self, scorer: Any, reference: Any, renderer: Any) -> None:
        """See `Judge.follow`."""
        super().follow(scorer, reference, renderer)
        self.world.follow(scorer, renderer)

    def facts(self, prompt: Text) -> dict[str, float]:
        """The share of pairs that had an order and that hindsight turned round."""
        turned, ordered = self.turned.pop(said_of(prompt), (0, 0))
        return {**super().facts(prompt), **({"flips": turned / ordered} if ordered else {})}

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The inner judge's scores in hindsight."""
        return self.asked.score(prompt, self._later(prompt, responses))

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """See `Judge.sampled`; with ``flips``, the scores without hindsight are a part."""
        if not self.looks_back:
            return self.asked.sampled(record, responses)
        self.world.read([record])  # where two records share a prompt, each has its own facts
        texts = self._later(record.prompt, [each.text for each in responses])
        later = [replace(each, text=text) for each, text in zip(responses, texts, strict=True)]
        scores, parts = self.asked.sampled(record, later)
        if not self.flips:
            return scores, parts
        before = self.asked.sampled(record, responses)[0]
        self._count(record.prompt, *(_differences(each) for each in (before, scores)))
        return scores, {**parts, "foresight": before}

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """The inner judge's comparisons in hindsight."""
        found = self.asked.compare(prompt, self._later(prompt, responses))
        if self.looks_back and self.flips:
            before = self.asked.compare(prompt, responses)
            self._count(prompt, before - 0.5, found - 0.5)
        return found

    def _later(self, prompt: Text, responses: Sequence[str]) -> list[str]:
        """Each response with what follows it."""
        if not self.looks_back:
            return list(responses)
        further = self.world.further(prompt, responses, self.turns)
        return ["\n".join([each, *turns]) for each, turns in zip(responses, further, strict=True)]

    def _count(self, prompt: Text, before: Tensor, after: Tensor) -> None:
        turned, ordered = self.turned.get(said_of(prompt), (0, 0))
        more = turned_pairs(before, after)
        self.turned[said_of(prompt)] = (turned + more[0], ordered + more[1])


def _differences(scores: Sequence[float]) -> Tensor:
    values = torch.tensor(list(scores), dtype=torch.float64)
    return values[:, None] - values[None, :]


def turned_pairs(before: Tensor, after: Tensor) -> tuple[int, int]:
    """How many pairs change sides, and how many had a side.

    Args:
        before: [K, K], above 0 where i is better than j, below 0 where it is worse; NaN if unknown.
        after: the same, later.

    Example:
        >>> before = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
        >>> turned_pairs(before, -before), turned_pairs(before, 0 * before), turned_pairs(0 * before, before)
        ((1, 1), (0, 1), (0, 0))
    """
    upper = torch.ones_like(before, dtype=torch.bool).triu(1)
    known = upper & (before != 0) & ~before.isnan() & ~after.isnan()
    return int((known & (before * after < 0)).sum()), int(known.sum())
