"""Template checks: BOS, end tokens, special tokens in responses, unknown tokens, prompts without chat template."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.checks.diagnosis import Check, Verdict, share
from penchant.feedback.records import Comparison, Record
from penchant.rendering.law import reasoning_of, squeezed
from penchant.rendering.renderer import Renderer, ResponseTokens

__all__ = ["UNTEMPLATED", "examine_tokens"]

#: The name of the check for texts without chat structure, for a model that has a template.
UNTEMPLATED = "prompts outside the chat template"

Tokens = tuple[list[int], list[ResponseTokens]]


def examine_tokens(records: Sequence[Record], tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    """Run the template checks.

    Args:
        records: the records.
        tokens: prompt ids and response tokens per record.
        renderer: the renderer that produced them.
    """
    return [
        _bos(records, tokens, renderer),
        *_ends(records, tokens, renderer),
        *_inside(records, tokens, renderer),
        *_unknown(tokens, renderer),
        *_same(records, tokens),
        *_open_thoughts(records, tokens, renderer),
        *_former_reasoning(records, tokens, renderer),
        *_untemplated(records, renderer),
    ]


def _places(records: Sequence[Record]) -> str:
    return ", ".join(str(record.source) for record in records[:3])


def _bos(records: Sequence[Record], tokens: Sequence[Tokens], renderer: Renderer) -> Check:
    bos = getattr(renderer.tokenizer, "bos_token_id", None)
    if bos is None:
        return Check("BOS", "the tokenizer has none")
    double = [record for record, (prompt, _) in zip(records, tokens, strict=True) if prompt[:2] == [bos, bos]]
    first = sum(prompt[:1] == [bos] for prompt, _ in tokens)
    if double:
        return Check("BOS", f"{share(len(double), len(records))} double", "error", f"{_places(double)}.")
    value = (
        "once"
        if first == len(tokens)
        else "none"
        if not first
        else f"missing in {share(len(tokens) - first, len(tokens))}"
    )
    return Check("BOS", value, "warning" if 0 < first < len(tokens) else "ok")


def _ends(records: Sequence[Record], tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    missing: list[Record] = []
    double: list[Record] = []
    count = 0
    for record, (_, answers) in zip(records, tokens, strict=True):
        end = renderer.end_id(record.prompt)
        count += len(answers)
        missing += [record for answer in answers if answer.ids[-1:] != [end]]
        double += [record for answer in answers if answer.ids[-2:] == [end, end]]
    if not count:
        return []
    value = f"missing in {len(missing)}, double in {len(double)}" if missing or double else "exactly one"
    token = renderer.decode([renderer.end_id(records[0].prompt)])
    detail = f"The end token is {token!r}." + (f" {_places(missing + double)}." if missing or double else "")
    return [Check("end token", value, "error" if missing or double else "ok", detail)]


def _inside(records: Sequence[Record], tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    """The check for special tokens inside a response, which come from their text in the data."""
    if not any(answers for _, answers in tokens):
        return []
    special = set(getattr(renderer.tokenizer, "all_special_ids", ())) - {
        getattr(renderer.tokenizer, "unk_token_id", None)
    }
    # A response of several turns has several end tokens, which the template writes.
    single = [
        (record, answers)
        for record, (_, answers) in zip(records, tokens, strict=True)
        if all(isinstance(response, str) or len(response) == 1 for response in record.responses)
    ]
    found = [record for record, answers in single if any(special & set(answer.ids[:-1]) for answer in answers)]
    verdict: Verdict = "warning" if found else "ok"
    detail = f"{_places(found)}. The model reads such text as the special token and may stop there." if found else ""
    return [Check("special tokens inside responses", share(len(found), len(records)), verdict, detail)]


def _unknown(tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    unknown = getattr(renderer.tokenizer, "unk_token_id", None)
    if unknown is None:
        return []
    total = lost = 0
    for prompt, answers in tokens:
        for ids in (prompt, *(answer.ids for answer in answers)):
            total += len(ids)
            lost += ids.count(unknown)
    detail = "The tokenizer cannot encode these words; check that it belongs to the model." if lost else ""
    verdict: Verdict = "warning" if lost > 0.01 * total else "note" if lost else "ok"
    return [Check("unknown tokens", share(lost, total), verdict, detail)]


def _untemplated(records: Sequence[Record], renderer: Renderer) -> list[Check]:
    plain = sum(isinstance(record.prompt, str) for record in records)
    if not plain or not renderer.chat_template or renderer.as_chat:
        return []
    detail = (
        "These prompts are plain text and are not rendered with the chat template. For a chat model, "
        "give them as messages: [{'role': 'user', 'content': ...}]; or as_chat: true (--as-chat) makes each prompt "
        "a user turn."
    )
    return [Check(UNTEMPLATED, share(plain, len(records)), "note", detail)]


def _same(records: Sequence[Record], tokens: Sequence[Tokens]) -> list[Check]:
    """The check for comparisons whose responses are the same tokens, or differ only in context."""
    pairs = [
        (record, answers)
        for record, (_, answers) in zip(records, tokens, strict=True)
        if isinstance(record, Comparison) and record.answered[0] == record.answered[1]
    ]
    if not pairs:
        return []
    same = [record for record, (one, other) in pairs if one == other]
    detail = f"{_places(same)}. They carry no signal: training leaves them out." if same else ""
    checks = [Check("identical as tokens", share(len(same), len(pairs)), "warning" if same else "ok", detail)]
    alike = [record for record, (one, other) in pairs if one != other and _written(one) == _written(other)]
    if alike:
        detail = (
            f"{_places(alike)}. The model writes the same in both responses; only tool output or other turns differ, "
            "which are not learned."
        )
        checks.append(Check("responses that differ in context only", share(len(alike), len(pairs)), "warning", detail))
    return checks


def _written(response: ResponseTokens) -> list[int]:
    mask = response.learned
    return response.ids if mask is None else [token for token, own in zip(response.ids, mask, strict=True) if own]


def _open_thoughts(records: Sequence[Record], tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    """The check for responses that never close the thought that their prompt opens."""
    opened = [
        (record, answers)
        for record, (prompt, answers) in zip(records, tokens, strict=True)
        if answers and renderer.decode(prompt[-8:]).rstrip().endswith("<think>")
    ]
    if not opened:
        return []
    found = [
        record for record, answers in opened if any("</think>" not in renderer.decode(answer.ids) for answer in answers)
    ]
    detail = (
        f"{_places(found)}. The prompt opens <think>, and the response does not close it: the model would learn to "
        "answer inside its thoughts. Give the reasoning and </think> before the answer, or template_arguments that "
        "switch thinking off (enable_thinking: false), or another template."
    )
    verdict: Verdict = "warning" if found else "ok"
    return [Check("thoughts left open", share(len(found), len(records)), verdict, detail if found else "")]


def _former_reasoning(records: Sequence[Record], tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    """The note on reasoning in the turns of a prompt that the template leaves out, as reasoning models are given it."""
    found = []
    for record, (prompt, _) in zip(records, tokens, strict=True):
        turns = record.prompt if isinstance(record.prompt, list) else []
        thoughts = [squeezed(thought) for turn in turns for thought in reasoning_of(turn)]
        if thoughts:
            text = squeezed(renderer.decode(prompt))
            found += [record] if any(thought not in text for thought in thoughts) else []
    if not found:
        return []
    detail = f"{_places(found)}. The template drops it from former turns by design; responses keep theirs."
    return [Check("reasoning left out of prompts", share(len(found), len(records)), "note", detail)]
