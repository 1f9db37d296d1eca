"""`File`: the responses are those of the record, so nothing is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from penchant.errors import DataError
from penchant.feedback.records import Record, as_text
from penchant.generation.engines import Engine
from penchant.generation.responses import Response, Sampling
from penchant.online.samplers.sampler import Drawn, Means, Sampler
from penchant.online.trees import POLICY

__all__ = ["File"]

#: Fields of a response in the data: who wrote it, its tokens as they were drawn, and their log-probabilities.
WRITER, TOKENS, LOGPS = "model", "token_ids", "logps"
#: Who wrote the responses of the teacher, in a rollout.
TEACHER = "teacher"


class File(Sampler):
    """The record's own responses, in its order, instead of samples: nothing is generated.

    A record is a ranking (several responses), a comparison, a judgement or a demonstration. At most
    ``samples_per_prompt`` responses are taken. One with more than ``max_new_tokens`` tokens is cut there, as sampling
    would cut it, and does not count as finished; ``sampled/cut`` is the share of these.

    A response of a ranking may say more in fields of its own: ``model``, who wrote it; ``token_ids`` and ``logps``, its
    tokens as they were drawn and the log-probability of each, in nats. With these, a policy gradient may correct for
    the other distribution (``staleness``); without them it is refused.
    """

    id = "file"
    draws: ClassVar[bool] = False
    traces: ClassVar[bool] = True

    teacher: Annotated[
        str | None, "the `model` of the responses that are a teacher's, for pairings that tell them from the policy's"
    ] = None

    def check(self, means: Means, records: Sequence[Record]) -> None:
        """See `Sampler.check`.

        Raises:
            DataError: a record has no response, or lacks the log-probabilities that a correction needs; or no response
                is the teacher's.
        """
        for record in records:
            if not record.responses:
                raise DataError(
                    f"The sampler 'file' takes the responses of the records, and this {record.kind} has none.",
                    where=str(record.source),
                    fix="Give rankings (prompt and responses), or sampler=independent.",
                )
            for place in range(len(record.responses) if means.traced else 0):
                self._check_traced(record, place)
        names = {each.get(WRITER) for record in records for each in _facts(record)}
        if self.teacher is not None and self.teacher not in names:
            known = ", ".join(sorted(str(each) for each in names if each is not None)) or "nobody"
            raise DataError(
                f"No response was written by {self.teacher!r}.", where="sampler.teacher", fix=f"The data name {known}."
            )

    def draw(self, records: Sequence[Record], means: Means, sampling: Sampling, *, seed: int) -> list[Drawn]:
        """See `Sampler.draw`."""
        return [self._of(record, means.engine, sampling) for record in records]

    def _of(self, record: Record, engine: Engine, sampling: Sampling) -> Drawn:
        facts = _facts(record)[: sampling.samples]
        whole = [_response(engine, record, place, facts[place]) for place in range(len(facts))]
        kept = [_cut(engine, each, sampling.max_new_tokens) for each in whole]
        cut = sum(len(one.ids) < len(other.ids) for one, other in zip(kept, whole, strict=True)) / len(kept)
        by = tuple(TEACHER if self._is_teacher(each) else POLICY for each in facts)
        return Drawn(tuple(kept), facts={"cut": cut}, written_by=by)

    def _is_teacher(self, facts: Mapping[str, Any]) -> bool:
        return self.teacher is not None and facts.get(WRITER) == self.teacher

    @staticmethod
    def _check_traced(record: Record, place: int) -> None:
        facts = _facts(record)[place]
        ids, logps = facts.get(TOKENS), facts.get(LOGPS)
        if isinstance(ids, list) and isinstance(logps, list) and len(ids) == len(logps) > 0:
            return
        raise DataError(
            f"Response {place + 1} of the record does not say under which log-probabilities its tokens were drawn.",
            where=str(record.source),
            why="A policy gradient on responses of another distribution needs them, to correct for it.",
            fix=f"Give each response the fields {TOKENS} and {LOGPS}, two lists of one length; or choose an objective "
            "that does not ask where responses come from, such as nft, dpo or nll.",
        )


def _facts(record: Record) -> list[Mapping[str, Any]]:
    """The fields of each of a record's responses."""
    told = record.fields.get("completion_fields")
    count = len(record.responses)
    return list(told) if isinstance(told, list) and len(told) == count else [{} for _ in range(count)]


def _response(engine: Engine, record: Record, place: int, facts: Mapping[str, Any]) -> Response:
    """A response with its tokens: as they were drawn, where the data have them, or as the text is encoded."""
    given = record.responses[place]
    if facts.get(TOKENS):
        ids, logps = tuple(map(int, facts[TOKENS])), facts.get(LOGPS)
        finished = ids[-1] in engine.renderer.stop_token_ids
        return Response(as_text(given), ids, finished, logps=tuple(map(float, logps)) if logps else None)
    tokens = engine.response_tokens(record.prompt, given)
    return Response(as_text(given), tuple(tokens.ids), True, tokens.learned)


def _cut(engine: Engine, response: Response, limit: int) -> Response:
    """The response with at most ``limit`` tokens."""
    if len(response.ids) <= limit:
        return response
    ids = response.ids[:limit]
    return replace(
        response,
        text=engine.renderer.decode(list(ids), skip_special_tokens=True),
        ids=ids,
        finished=False,
        learned=None if response.learned is None else response.learned[:limit],
        logps=None if response.logps is None else response.logps[:limit],
    )
