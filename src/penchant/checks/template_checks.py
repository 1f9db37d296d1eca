"""Template checks: BOS, end tokens, special tokens in responses, unknown tokens, prompts without chat template."""

from __future__ import annotations

from abc import ABC, abstractmethod

from penchant.checks.diagnosis import Check, Verdict, share
from penchant.checks.found import Found
from penchant.feedback.records import Comparison, Record
from penchant.rendering.law import reasoning_of, squeezed
from penchant.rendering.renderer import Renderer, ResponseTokens

__all__ = ["UNTEMPLATED", "TemplateChecks"]

#: The name of the check for texts without chat structure, for a model that has a template.
UNTEMPLATED = "prompts outside the chat template"


class TemplateChecks:
    """The template checks of records that are added one by one.

    Args:
        renderer: the renderer that makes the tokens.
    """

    def __init__(self, renderer: Renderer) -> None:
        kinds = (_Bos, _Ends, _Inside, _Unknown, _Same, _OpenThoughts, _FormerReasoning, _Untemplated)
        self._each: list[_OfTokens] = [kind(renderer) for kind in kinds]

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        """Look at the next record.

        Args:
            record: the record.
            prompt: the tokens of its prompt.
            answers: the tokens of its responses.
        """
        for each in self._each:
            each.total += 1
            each.add(record, prompt, answers)

    def checks(self) -> list[Check]:
        """What was found."""
        return [check for each in self._each for check in each.checks()]


class _OfTokens(ABC):
    """One of the checks."""

    def __init__(self, renderer: Renderer) -> None:
        self.renderer, self.tokenizer, self.total = renderer, renderer.tokenizer, 0
        self.found = Found()

    @abstractmethod
    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        """Look at the next record."""

    @abstractmethod
    def checks(self) -> list[Check]:
        """What was found."""


class _Bos(_OfTokens):
    def __init__(self, renderer: Renderer) -> None:
        super().__init__(renderer)
        self.bos, self.first = getattr(renderer.tokenizer, "bos_token_id", None), 0

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        self.first += prompt[:1] == [self.bos]
        if prompt[:2] == [self.bos, self.bos]:
            self.found.add(record)

    def checks(self) -> list[Check]:
        first, total = self.first, self.total
        if self.bos is None:
            return [Check("BOS", "the tokenizer has none")]
        if self.found:
            return [Check("BOS", f"{share(len(self.found), total)} double", "error", f"{self.found.places}.")]
        value = "once" if first == total else "none" if not first else f"missing in {share(total - first, total)}"
        return [Check("BOS", value, "warning" if 0 < first < total else "ok")]


class _Ends(_OfTokens):
    def __init__(self, renderer: Renderer) -> None:
        super().__init__(renderer)
        self.missing, self.double, self.count = Found(), Found(), 0
        self.end: int | None = None

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        end = self.renderer.end_id(record.prompt)
        self.end = end if self.end is None else self.end
        self.count += len(answers)
        for answer in answers:
            if answer.ids[-1:] != [end]:
                self.missing.add(record)
            if answer.ids[-2:] == [end, end]:
                self.double.add(record)

    def checks(self) -> list[Check]:
        if not self.count or self.end is None:
            return []
        bad = self.missing + self.double
        value = f"missing in {len(self.missing)}, double in {len(self.double)}" if bad else "exactly one"
        token = self.renderer.decode([self.end])
        detail = f"The end token is {token!r}." + (f" {bad.places}." if bad else "")
        return [Check("end token", value, "error" if bad else "ok", detail)]


class _Inside(_OfTokens):
    """Special tokens inside a response, which come from their text in the data."""

    def __init__(self, renderer: Renderer) -> None:
        super().__init__(renderer)
        self.answered = False
        unknown = getattr(self.tokenizer, "unk_token_id", None)
        self.special = set(getattr(self.tokenizer, "all_special_ids", ())) - {unknown}

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        self.answered = self.answered or bool(answers)
        # A response of several turns has several end tokens, which the template writes.
        single = all(isinstance(response, str) or len(response) == 1 for response in record.responses)
        if single and any(not self.special.isdisjoint(answer.ids[:-1]) for answer in answers):
            self.found.add(record)

    def checks(self) -> list[Check]:
        if not self.answered:
            return []
        found = self.found
        verdict: Verdict = "warning" if found else "ok"
        detail = f"{found.places}. The model reads such text as the special token and may stop there." if found else ""
        return [Check("special tokens inside responses", share(len(found), self.total), verdict, detail)]


class _Unknown(_OfTokens):
    def __init__(self, renderer: Renderer) -> None:
        super().__init__(renderer)
        self.unknown, self.tokens, self.lost = getattr(self.tokenizer, "unk_token_id", None), 0, 0

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        if self.unknown is not None:
            for ids in (prompt, *(answer.ids for answer in answers)):
                self.tokens += len(ids)
                self.lost += ids.count(self.unknown)

    def checks(self) -> list[Check]:
        if self.unknown is None:
            return []
        lost, total = self.lost, self.tokens
        detail = "The tokenizer cannot encode these words; check that it belongs to the model." if lost else ""
        verdict: Verdict = "warning" if lost > 0.01 * total else "note" if lost else "ok"
        return [Check("unknown tokens", share(lost, total), verdict, detail)]


class _Untemplated(_OfTokens):
    def __init__(self, renderer: Renderer) -> None:
        super().__init__(renderer)
        self.plain = 0

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        self.plain += isinstance(record.prompt, str)

    def checks(self) -> list[Check]:
        if not self.plain or not self.renderer.chat_template or self.renderer.as_chat:
            return []
        detail = (
            "These prompts are plain text and are not rendered with the chat template. For a chat model, "
            "give them as messages: [{'role': 'user', 'content': ...}]; or as_chat: true (--as-chat) makes each prompt "
            "a user turn."
        )
        return [Check(UNTEMPLATED, share(self.plain, self.total), "note", detail)]


class _Same(_OfTokens):
    """Comparisons whose responses are the same tokens, or differ only in context."""

    def __init__(self, renderer: Renderer) -> None:
        super().__init__(renderer)
        self.alike, self.pairs = Found(), 0

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        if not isinstance(record, Comparison) or record.answered[0] != record.answered[1]:
            return
        self.pairs += 1
        one, other = answers
        if one == other:
            self.found.add(record)
        elif _written(one) == _written(other):
            self.alike.add(record)

    def checks(self) -> list[Check]:
        if not self.pairs:
            return []
        same, alike = self.found, self.alike
        detail = f"{same.places}. They carry no signal: training leaves them out." if same else ""
        checks = [Check("identical as tokens", share(len(same), self.pairs), "warning" if same else "ok", detail)]
        if alike:
            detail = (
                f"{alike.places}. The model writes the same in both responses; only tool output or other turns differ, "
                "which are not learned."
            )
            value = share(len(alike), self.pairs)
            checks.append(Check("responses that differ in context only", value, "warning", detail))
        return checks


def _written(response: ResponseTokens) -> list[int]:
    mask = response.learned
    return response.ids if mask is None else [token for token, own in zip(response.ids, mask, strict=True) if own]


class _OpenThoughts(_OfTokens):
    """Responses that never close the thought that their prompt opens."""

    def __init__(self, renderer: Renderer) -> None:
        super().__init__(renderer)
        self.opened = False

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        if not answers or not self.renderer.decode(prompt[-8:]).rstrip().endswith("<think>"):
            return
        self.opened = True
        if any("</think>" not in self.renderer.decode(answer.ids) for answer in answers):
            self.found.add(record)

    def checks(self) -> list[Check]:
        if not self.opened:
            return []
        found = self.found
        detail = (
            f"{found.places}. The prompt opens <think>, and the response does not close it: the model would learn to "
            "answer inside its thoughts. Give the reasoning and </think> before the answer, or template_arguments that "
            "switch thinking off (enable_thinking: false), or another template."
        )
        verdict: Verdict = "warning" if found else "ok"
        return [Check("thoughts left open", share(len(found), self.total), verdict, detail if found else "")]


class _FormerReasoning(_OfTokens):
    """Reasoning in the turns of a prompt that the template leaves out, as reasoning models are given it."""

    def add(self, record: Record, prompt: list[int], answers: list[ResponseTokens]) -> None:
        turns = record.prompt if isinstance(record.prompt, list) else []
        thoughts = [squeezed(thought) for turn in turns for thought in reasoning_of(turn)]
        if thoughts:
            text = squeezed(self.renderer.decode(prompt))
            if any(thought not in text for thought in thoughts):
                self.found.add(record)

    def checks(self) -> list[Check]:
        if not self.found:
            return []
        detail = f"{self.found.places}. The template drops it from former turns by design; responses keep theirs."
        return [Check("reasoning left out of prompts", share(len(self.found), self.total), "note", detail)]
