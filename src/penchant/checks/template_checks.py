"""Template checks: BOS, end tokens, special tokens in responses, unknown tokens, prompts without chat template."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.checks.diagnosis import Check, Verdict, share
from penchant.feedback.records import Record
from penchant.rendering.renderer import Renderer

__all__ = ["examine_tokens"]

Tokens = tuple[list[int], list[list[int]]]


def examine_tokens(records: Sequence[Record], tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    """Run the template checks.

    Args:
        records: the records.
        tokens: prompt ids and response ids per record.
        renderer: the renderer that produced them.
    """
    return [
        _bos(records, tokens, renderer),
        *_ends(records, tokens, renderer),
        *_inside(records, tokens, renderer),
        *_unknown(tokens, renderer),
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
        missing += [record for answer in answers if answer[-1:] != [end]]
        double += [record for answer in answers if answer[-2:] == [end, end]]
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
    found = [record for record, answers in single if any(special & set(answer[:-1]) for answer in answers)]
    verdict: Verdict = "warning" if found else "ok"
    detail = f"{_places(found)}. The model reads such text as the special token and may stop there." if found else ""
    return [Check("special tokens inside responses", share(len(found), len(records)), verdict, detail)]


def _unknown(tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    unknown = getattr(renderer.tokenizer, "unk_token_id", None)
    if unknown is None:
        return []
    total = lost = 0
    for prompt, answers in tokens:
        for ids in (prompt, *answers):
            total += len(ids)
            lost += ids.count(unknown)
    detail = "The tokenizer cannot encode these words; check that it belongs to the model." if lost else ""
    verdict: Verdict = "warning" if lost > 0.01 * total else "note" if lost else "ok"
    return [Check("unknown tokens", share(lost, total), verdict, detail)]


def _untemplated(records: Sequence[Record], renderer: Renderer) -> list[Check]:
    plain = sum(isinstance(record.prompt, str) for record in records)
    if not plain or not renderer.chat_template:
        return []
    detail = (
        "These prompts are plain text and are not rendered with the chat template. For a chat model, "
        "give them as messages: [{'role': 'user', 'content': ...}]."
    )
    return [Check("prompts outside the chat template", share(plain, len(records)), "note", detail)]
