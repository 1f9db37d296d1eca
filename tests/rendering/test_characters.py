"""Characters of tokens: every token's characters are those it decodes to, whatever the tokenizer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.feedback.passages import Passage
from penchant.rendering.characters import covering, token_spans
from penchant.rendering.renderer import Renderer
from rendering.tokenizers_small import CHATML, byte_level, metaspace

MADE: dict[str, Any] = {
    "byte level": byte_level(adds_bos=True, template=CHATML, specials=("<|im_start|>", "<|im_end|>")),
    "metaspace": metaspace(adds_bos=True, template=CHATML, specials=("<|im_start|>", "<|im_end|>")),
}
# The last two are a variation selector and a joiner, which stand behind an emoji and are several bytes each.
TEXTS = st.text(st.sampled_from("ab ,.é中😀\nthe\ufe0f\u200d"), min_size=1, max_size=30).filter(str.strip)


def spans_of(name: str, prompt: Any, text: str) -> tuple[Renderer, list[int], list[tuple[int, int]]]:
    renderer = Renderer(MADE[name])
    before, ids = renderer.prompt_ids(prompt), renderer.response_tokens(prompt, text).ids
    return renderer, ids, token_spans(renderer.decode, before, ids, text)


@pytest.mark.parametrize("name", sorted(MADE))
@pytest.mark.parametrize("prompt", ["Name some drinks: ", [{"role": "user", "content": "Name some drinks"}]])
@given(text=TEXTS)
def test_tokens_hold_the_whole_text_in_order(prompt: Any, name: str, text: str) -> None:
    text = text.strip()
    _, ids, spans = spans_of(name, prompt, text)
    assert len(spans) == len(ids)
    held = {place for start, end in spans for place in range(start, end) if not text[place].isspace()}
    assert held == {place for place, letter in enumerate(text) if not letter.isspace()}
    for (start, end), (later, _) in pairwise(spans):
        assert not text[end:later].strip() and (later >= end or later == start), "the next token goes on, or shares"


def test_the_bytes_of_one_character_all_hold_it() -> None:
    text = "a 😀 b"
    _, ids, spans = spans_of("byte level", "Q: ", text)
    emoji = [place for place, span in enumerate(spans) if span[0] <= 2 < span[1]]
    assert len(emoji) == 4 and covering(spans, text, (2, 3)) == tuple(place in emoji for place in range(len(ids)))


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_space_in_front_does_not_matter_and_the_end_token_belongs_to_nothing(name: str) -> None:
    text = "hello world, how are you"
    renderer, ids, spans = spans_of(name, "today: ", text)
    for word in ("hello", "world", "how", "you"):
        start = text.index(word)
        learned = covering(spans, text, (start, start + len(word)))
        decoded = renderer.decode([each for each, wanted in zip(ids, learned, strict=True) if wanted]).strip()
        # Tokens of the other tokenizer reach over spaces.
        assert word in decoded if name == "metaspace" else decoded == word
        assert not learned[-1]


def test_a_token_that_reaches_over_an_end_counts_for_both_sides() -> None:
    # One token holds the last letter of the first part and the first letter of the second.
    spans = [(0, 2), (2, 4), (4, 6)]
    assert covering(spans, "abcdef", (0, 3)) == (True, True, False)
    assert covering(spans, "abcdef", (3, 6)) == (False, True, True)
    assert covering(spans, "ab  ef", (0, 3)) == (True, False, False)


def test_a_passage_is_the_response_with_a_mask() -> None:
    renderer = Renderer(MADE["byte level"])
    text = "hello world, how are you"
    whole = renderer.response_tokens("today: ", text)
    part = renderer.response_tokens("today: ", Passage(text, (6, 11)))
    assert part.ids == whole.ids and whole.learned is None and part.learned is not None
    learned = [each for each, wanted in zip(part.ids, part.learned, strict=True) if wanted]
    assert renderer.decode(learned).strip() == "world" and part.length == len(learned)


def test_a_tokenizer_that_changes_texts_is_refused() -> None:
    assert token_spans(lambda ids: "".join("ab"[each] for each in ids), [0], [0, 1], " a\n b") == [(1, 2), (4, 5)]
    with pytest.raises(DataError, match="do not spell it"):
        token_spans(lambda ids: "".join("ab"[each] for each in ids), [0], [0, 1], "AB")
