"""Responses of several turns: what the assistant writes is learned, what lies between is context."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.feedback.records import Conversation, Message
from penchant.rendering import Renderer
from penchant.rendering.law import squeezed
from rendering.templates_small import CONTENT, OPENS, REASONING, SPECIALS, TWO_ENDS
from rendering.tokenizers_small import byte_level, metaspace

ASKED = [{"role": "user", "content": "weather?"}]


def says(content: str, **more: Any) -> Message:
    return {"role": "assistant", "content": content, **more}


def calls(**arguments: Any) -> Message:
    return {"role": "assistant", "tool_calls": [{"function": {"name": "weather", "arguments": arguments}}]}


def hears(content: str) -> Message:
    return {"role": "tool", "content": content}


def renderer(template: str, **options: Any) -> Renderer:
    return Renderer(byte_level(specials=SPECIALS), chat_template=template, **options)


def shown(ours: Renderer, prompt: list[Message], turns: list[Message] | str) -> str:
    """A response as text, with what is learned in brackets."""
    tokens = ours.response_tokens(prompt, turns)
    text, learned = "", False
    for place, _token in enumerate(tokens.ids):
        own = tokens.learned is None or tokens.learned[place]
        text += ("[" if own else "]") * (own != learned)
        text += ours.decode([tokens.ids[place]])
        learned = own
    return text + "]"


def test_tool_output_and_headers_are_context() -> None:
    text = shown(renderer(REASONING), ASKED, [calls(city="Rome"), hears("rain"), says("It rains.")])
    assert text == (
        '[<think>\n\n</think>\n\n<call>weather {"city": "Rome"}</call><|im_end|>]\n<|im_start|>tool\nrain<|im_end|>\n'
        "<|im_start|>assistant\n[<think>\n\n</think>\n\nIt rains.<|im_end|>]"
    )


def test_a_single_turn_is_learned_whole() -> None:
    ours = renderer(REASONING)
    assert ours.response_tokens(ASKED, [says("It rains.")]).learned is None
    assert ours.response_tokens(ASKED, "It rains.") == ours.response_tokens(ASKED, [says("It rains.")])


def test_reasoning_that_a_later_history_drops_is_learned_where_it_was_written() -> None:
    turns = [says("<think>\nGreet.\n</think>\n\nHi."), {"role": "user", "content": "old?"}, says("Three.")]
    assert shown(renderer(REASONING), ASKED, turns) == (
        "[<think>\nGreet.\n</think>\n\nHi.<|im_end|>]\n<|im_start|>user\nold?<|im_end|>\n<|im_start|>assistant\n"
        "[<think>\n\n</think>\n\nThree.<|im_end|>]"
    )
    assert shown(renderer(OPENS), ASKED, turns) == (
        "[Greet.\n</think>\n\nHi.<|im_end|>]\n<|im_start|>user\nold?<|im_end|>\n<|im_start|>assistant\n<think>\n"
        "[Three.<|im_end|>]"
    )


def test_a_thought_is_opened_once() -> None:
    for response in ("<think>\nEasy.\n</think>\n\n4", [says("<think>\nEasy.\n</think>\n\n4")]):
        assert shown(renderer(OPENS), ASKED, response) == "[Easy.\n</think>\n\n4<|im_end|>]"  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"The prompt ends with <think>, and the response opens it again"):
        renderer(OPENS).response_tokens("2 + 2 <think>\n", "<think>\nEasy.</think> 4")


def test_each_turn_ends_with_the_token_that_the_template_writes_there() -> None:
    turns = [calls(city="Rome"), hears("rain"), says("It rains."), {"role": "user", "content": "?"}, says("Yes.")]
    assert shown(renderer(TWO_ENDS), ASKED, turns) == (
        '[<call>weather {"city": "Rome"}</call><|call|>]\n<|im_start|>tool\nrain<|im_end|>\n<|im_start|>assistant\n'
        "[It rains.<|return|>]\n<|im_start|>user\n?<|im_end|>\n<|im_start|>assistant\n[Yes.<|return|>]"
    )


def test_without_an_end_token_the_content_is_learned() -> None:
    ours = Renderer(byte_level(), chat_template="plain")
    turns = [says("look"), hears("42"), says("It is 42")]
    assert shown(ours, ASKED, turns) == "[ look]\nTool: 42\nAssistant:[ It is 42</s>]"


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ([hears("rain"), says("It rains.")], "begins with a turn of 'tool'"),
        ([says("Hi."), {"role": "user", "content": "thanks"}], "ends with a turn of 'user'"),
        ([hears("rain")], "begins with a turn of 'tool'"),
    ],
)
def test_a_response_begins_and_ends_with_the_assistant(turns: list[Message], message: str) -> None:
    with pytest.raises(DataError, match=message):
        renderer(CONTENT).response_tokens(ASKED, turns)


spoken = st.text(alphabet=st.sampled_from("ab hello,.\n?!0é漢🙂"), min_size=1, max_size=12).filter(str.strip)


@pytest.mark.parametrize("make", [byte_level, metaspace])
@settings(max_examples=40, deadline=None)
@given(st.lists(spoken, min_size=3, max_size=3), st.booleans())
def test_tokens_are_those_of_generation_turn_by_turn(make: Any, contents: list[str], tool: bool) -> None:
    ours = Renderer(make(adds_bos=True, specials=SPECIALS), chat_template="chatml")
    middle = hears(contents[1]) if tool else {"role": "user", "content": contents[1]}
    turns = [says(contents[0]), middle, says(contents[2])]
    prompt, whole = ours.prompt_ids(ASKED), ours.response_tokens(ASKED, turns)
    assert whole.learned is not None and len(whole.learned) == len(whole.ids)
    full = ours.chat.text([*ASKED, *turns], generation=False).rstrip()
    # A tokenizer that writes a space in front of every text also writes it after special tokens.
    assert squeezed(ours.decode([*prompt, *whole.ids])).removeprefix("<s>") == squeezed(full)
    # The first answer's tokens are those of the same answer alone, and so are the last one's after its own prompt.
    first, last = ours.response_ids(ASKED, turns[:1]), ours.response_ids([*ASKED, *turns[:2]], turns[2:])
    assert whole.ids[: len(first)] == first and whole.ids[-len(last) :] == last
    assert whole.learned == (
        *([True] * len(first)),
        *([False] * (len(whole.ids) - len(first) - len(last))),
        *([True] * len(last)),
    )


def test_tools_and_arguments_of_a_conversation_reach_the_template() -> None:
    tools = ({"type": "function", "function": {"name": "weather"}},)
    ours = renderer(REASONING)
    plain = ours.prompt_text(ASKED)
    with_tools = ours.prompt_text(Conversation(ASKED, tools))
    assert '{"name": "weather"}' in with_tools and with_tools.endswith(plain)
    off = Conversation(ASKED, None, {"enable_thinking": False})
    assert ours.prompt_text(off) == plain + "<think>\n\n</think>\n\n"
    assert ours.prompt_text(ASKED) == plain, "the cache tells them apart"
    assert shown(ours, off, "Sun.") == "[Sun.<|im_end|>]"
    everywhere = renderer(REASONING, template_arguments={"enable_thinking": False})
    assert everywhere.prompt_text(ASKED) == ours.prompt_text(off)
    on = Conversation(ASKED, None, {"enable_thinking": True})
    assert everywhere.prompt_text(on) == plain, "a record's own argument takes precedence"


def test_texts_become_turns_where_that_is_wanted() -> None:
    ours, chat = renderer(CONTENT), renderer(CONTENT, as_chat=True)
    assert ours.prompt_text("weather?") == "weather?"
    assert chat.prompt_ids("weather?") == ours.prompt_ids(ASKED)
    assert chat.response_tokens("weather?", "Sun.") == ours.response_tokens(ASKED, "Sun.")
    assert chat.end_id("weather?") == ours.end_id(ASKED)


def test_what_a_model_wrote_is_not_rendered_again() -> None:
    ours = renderer(REASONING)
    assert ours.decode(ours.sampled_ids(ASKED, "Sun.")) == "Sun.<|im_end|>"
    assert ours.decode(ours.response_ids(ASKED, "Sun.")) == "<think>\n\n</think>\n\nSun.<|im_end|>"
