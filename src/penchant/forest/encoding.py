"""`Encoder`, which turns records of text into examples: rendered, truncated, and with a mask of what is learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Record, Text
from penchant.feedback.views.view import find_view, is_whole
from penchant.forest.example import Example, Field
from penchant.forest.layout import TokenSequence
from penchant.forest.record_encoder import RecordEncoder
from penchant.rendering.characters import token_spans
from penchant.rendering.renderer import Renderer, ResponseTokens
from penchant.rendering.steps import STEP_INDEX, plain_text, step_numbers, step_spans
from penchant.rendering.token_values import TOKEN_FIELDS, Spelled, differing, phrase_ids, token_weights
from penchant.rendering.truncation import CutTable, Fitted, Mask, Policy, Truncation

__all__ = ["Encoder"]


class Encoder(RecordEncoder):
    """Turns records of text into examples.

    Args:
        renderer: the renderer, shared by training, scoring and generation.
        views: names of the views to build.
        fields: names of the record fields to read.
        truncation: the length limit and the truncation policy.
        optional: views and fields that may be absent from all records.
        on_bad: ``stop`` at a record that cannot be rendered or has a bad field, or ``skip`` and count such records.
        numbered: as for `RecordEncoder`.
    """

    computed = frozenset({STEP_INDEX}) | TOKEN_FIELDS
    on_disk = True
    advice = "Raise max_length, choose another truncation policy, or run `penchant data check` on the file."

    def __init__(
        self,
        renderer: Renderer,
        views: Sequence[str],
        fields: Sequence[str] = (),
        truncation: Truncation | None = None,
        optional: Iterable[str] = (),
        on_bad: str = "stop",
        numbered: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(views, fields, optional, numbered)
        self.renderer, self.on_bad = renderer, on_bad
        self.truncation = truncation or Truncation(None)

    def _example(self, record: Record, cut: CutTable) -> Example | None:
        views = {name: texts for name in self.views if (texts := self._texts(name, record)) is not None}
        try:
            fitted = self._fit(record, views)
        except DataError as error:
            if self.on_bad != "skip":
                raise
            cut.refuse(error)
            return None
        reason = next((each.dropped for each in fitted.values() if each.dropped), None)
        if not fitted:
            reason = "no view that the objective needs"
        sequences = {} if reason is not None else _sequences(views, fitted)
        if isinstance(record, Comparison) and _identical(sequences):
            shortened = any(each.identical for each in fitted.values())
            reason = f"responses identical {'after truncation' if shortened else 'as tokens'}"
            cut.identical_after_cut += shortened
        if reason is not None:
            cut.drop(reason)
            return None
        try:
            fields, weight = self._numbers(record)
            of_tokens: dict[str, Field] = {
                name: [self._token_values(name, record, views, sequences)]
                for name in TOKEN_FIELDS.intersection(self.fields)
            }
        except DataError as error:
            if self.on_bad != "skip":
                raise
            cut.refuse(error, "bad field")
            return None
        worst = max(fitted.values(), key=lambda each: (each.prompt_cut, sum(each.responses_cut)))
        cut.add(worst)
        if STEP_INDEX in self.fields:
            fields[STEP_INDEX] = self._step_index(record, sequences["responses"])
        fields |= of_tokens
        return Example(sequences, fields, weight, record.source)

    def cross(self, own: TokenSequence, other: TokenSequence) -> TokenSequence:
        """The prompt tokens of ``own`` with the response tokens of ``other``, truncated if necessary.

        An example is never dropped because of its partner: under the policies ``drop`` and ``error``, the prompt is cut
        on the left, and if that is not enough, the response on the right.
        """
        prompt, response = list(own.prompt), list(other.response)
        policies: tuple[Policy, ...] = ("prompt_left", "response_right")
        for policy in policies[self.truncation.policy == "response_right" :]:
            truncation = Truncation(self.truncation.max_length, policy)
            first = self.renderer.keep_first(prompt)
            fitted = truncation.fit(prompt, [response], keep_first=first, learned=[other.learned])
            if fitted.dropped is None:
                break
        return TokenSequence(fitted.prompt, fitted.responses[0], fitted.learned[0])

    def cost(self, response: TokenSequence) -> int:
        """Number of tokens of the response."""
        return len(response.response)

    def _step_index(self, record: Record, sequences: list[TokenSequence]) -> list[list[float]]:
        """The number of the step of each learned token of each response."""
        found = []
        for place, (sequence, steps) in enumerate(zip(sequences, step_spans(record), strict=True)):
            spelled = self._spelled(record.answered[place], record.responses[place], record, "steps")
            numbers = step_numbers(spelled.spans, spelled.text, steps)
            found.append([float(numbers[each]) for each in sequence.learned_places])
        return found

    def _spelled(self, prompt: Text, response: Text, record: Record, parts: str) -> Spelled:
        """A response as text and as tokens."""
        text, whole = plain_text(response, record, parts), self.renderer.response_tokens(prompt, response).ids
        return Spelled(text, token_spans(self.renderer.decode, self.renderer.prompt_ids(prompt), whole, text))

    def _token_values(
        self,
        name: str,
        record: Record,
        views: dict[str, list[tuple[Text, Text]]],
        sequences: dict[str, list[TokenSequence]],
    ) -> list[float]:
        """A field of `TOKEN_FIELDS`: one number for each learned token of the response of its side."""
        side, what = name.split("_", 1)
        [sequence] = sequences[side]
        if what == "differs":
            [other] = sequences["rejected" if side == "chosen" else "chosen"]
            own, others = ([each.response[place] for place in each.learned_places] for each in (sequence, other))
            return differing(own, others)
        [(prompt, response)] = views[side]
        compute = token_weights if what == "token_weights" else phrase_ids
        values = compute(record, side, self._spelled(prompt, response, record, "spans"))
        return [values[place] for place in sequence.learned_places]

    def _fit(self, record: Record, views: dict[str, list[tuple[Text, Text]]]) -> dict[Any, Fitted]:
        """Truncate a record; all its sequences with one prompt keep the same part of the prompt."""
        prompts: dict[Any, list[int]] = {}
        responses: dict[Any, list[ResponseTokens]] = {}
        try:
            self.renderer.check(record)
            for texts in views.values():
                for prompt, response in texts:
                    key = _key(prompt)
                    if key not in prompts:
                        prompts[key] = self.renderer.prompt_ids(prompt)
                    responses.setdefault(key, []).append(self.renderer.response_tokens(prompt, response))
            return {
                key: self.truncation.fit(
                    ids,
                    [each.ids for each in responses[key]],
                    keep_first=self.renderer.keep_first(ids),
                    learned=[each.learned for each in responses[key]],
                )
                for key, ids in prompts.items()
            }
        except DataError as error:
            where = error.where or str(record.source)
            skip = "With on_bad=skip (--on-bad skip) such records are skipped and counted."
            raise DataError(error.what, where=where, why=error.why, fix=f"{error.fix or ''} {skip}".strip()) from error


def _sequences(views: dict[str, list[tuple[Text, Text]]], fitted: dict[Any, Fitted]) -> dict[str, list[TokenSequence]]:
    """The sequences of each view; the truncated responses per prompt are in the order of the views."""
    sequences: dict[str, list[TokenSequence]] = {name: [] for name in views}
    taken = dict.fromkeys(fitted, 0)
    for name, texts in views.items():
        for prompt, _response in texts:
            key = _key(prompt)
            each, place = fitted[key], taken[key]
            sequences[name].append(_sequence(each.prompt, each.responses[place], each.learned[place], is_whole(name)))
            taken[key] += 1
    return sequences


def _sequence(prompt: list[int], response: list[int], learned: Mask, whole: bool) -> TokenSequence:
    if not whole:
        return TokenSequence(prompt, response, learned)
    # The prompt is scored too; what others wrote in the response stays context.
    mask = None if learned is None else ((True,) * (len(prompt) - 1) + learned)
    return TokenSequence(prompt[:1], [*prompt[1:], *response], mask)


def _key(prompt: Text) -> Any:
    return prompt if isinstance(prompt, str) else repr(prompt)


def _identical(sequences: dict[str, list[TokenSequence]]) -> bool:
    """Whether all sequences that the objective compares are identical."""
    compared = [each for name, found in sequences.items() if find_view(name).compared for each in found]
    return len(compared) > 1 and all(each == compared[0] for each in compared)
