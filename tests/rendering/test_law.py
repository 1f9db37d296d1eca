"""The law of rendering: what a record wants said is found in its tokens, or it is an error that names the place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Conversation, Demonstration, Source
from penchant.rendering import Renderer, law
from rendering.templates_small import CONTENT, OPENS, REASONING, SPECIALS, TEXT_CALLS
from rendering.tokenizers_small import byte_level

USER = {"role": "user", "content": "weather?"}
TOOLS = ({"type": "function", "function": {"name": "weather", "parameters": {}}},)
HERE = Source("pairs.jsonl", 7)


def renderer(template: str) -> Renderer:
    return Renderer(byte_level(specials=SPECIALS), chat_template=template)


def call(arguments: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"function": {"name": "weather", "arguments": arguments}}], **more}


def render(template: str, prompt: Any, completion: Any = "Sun.", **more: Any) -> str:
    ours = renderer(template)
    ids, (response,) = ours.render(Demonstration(prompt=prompt, completion=completion, source=HERE, **more))
    return ours.decode([*ids, *response])


CRITIC = {"role": "critic", "content": "Hm"}
ROME, THOUGHT = call({"city": "Rome"}), {"role": "assistant", "content": "4", "reasoning": "Easy."}
PARTS = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
IMAGE = {"role": "user", "content": [{"type": "image"}]}


@pytest.mark.parametrize(
    ("template", "prompt", "completion", "more", "message"),
    [
        (REASONING, [CRITIC, USER], "Sun.", {}, r"content of turn 1 \(role 'critic'\).*one of the roles"),
        (REASONING, [{**USER, "role": "critic"}, USER], "Sun.", {}, "content of turn 1"),
        (REASONING, [{"role": "critic", "content": "a"}, USER], "Sun.", {}, "content of turn 1"),
        (CONTENT, [USER], [ROME], {}, r"tool call of turn 2 .*'weather'\. The turn renders to nothing"),
        (CONTENT, [USER, ROME, {"role": "tool", "content": "rain"}], "Sun.", {}, "tool call of turn 2"),
        (CONTENT, [USER], "Sun.", {"tools": TOOLS}, r"leaves out the tools of this record \('weather'\)"),
        (CONTENT, [USER], [THOUGHT], {}, r"reasoning of turn 2.*'Easy.'"),
        (CONTENT, [IMAGE], "Sun.", {}, "turn 1 .* as a Python object"),
        (CONTENT, [PARTS], "Sun.", {}, r"turn 1 .* as a Python object.*\[\{'type'"),
        (CONTENT, "weather?", "Sun.", {"tools": TOOLS}, "has tools, but its prompt is a text"),
    ],
)
def test_what_is_left_out_is_an_error(template: str, prompt: Any, completion: Any, more: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"pairs.jsonl:7: .*(?:{message})"):
        render(template, prompt, completion, **more)


def test_a_response_that_renders_as_python_is_an_error() -> None:
    loose = CONTENT.replace("{{ m.content | trim }}", "{{ m.content or '' }}{{ m.tool_calls or '' }}")
    with pytest.raises(DataError, match=r"writes turn 2 \(role 'assistant'\) as a Python object"):
        render(loose, [USER], [call({"city": "Rome"})])


SAID = {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nSun."}
HEARD = {"role": "tool", "content": 'a "quoted" line\n'}


@pytest.mark.parametrize(
    ("template", "prompt", "completion", "more"),
    [
        (CONTENT, [{"role": "user", "content": "  weather?\n\n here "}], "\n Sun.  ", {}),  # trimmed
        (CONTENT, [{"role": "system", "content": ""}, USER], "Sun.", {}),  # nothing to say
        (REASONING, [USER, SAID, USER], "Rain.", {}),
        (OPENS, [USER, {**SAID, "reasoning": "Hm."}, USER], "Rain.", {}),
        (REASONING, [USER, ROME, HEARD], "Rain.", {"tools": TOOLS}),
        (REASONING, [USER], [call({"city": 'Köln "X"\n', "days": [1, 2.5], "now": True, "none": None})], {}),
        (REASONING, [USER], [call('{"city": "Rome"}')], {}),
    ],
)
def test_what_templates_do_by_design_is_no_error(template: str, prompt: Any, completion: Any, more: Any) -> None:
    render(template, prompt, completion, **more)


def test_system_text_may_be_moved() -> None:
    moved = (
        "{% set s = messages[0].content %}{% for m in messages[1:] %}<|im_start|>{{ m.role }}\n{% if loop.first %}"
        "{{ m.content + '\n' + s }}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    probed = moved.replace("messages[0].content", "(messages[0].content if messages[0].role == 'system' else '')")
    probed = probed.replace("messages[1:]", "(messages[1:] if messages[0].role == 'system' else messages)")
    assert "Be kind." in render(probed, [{"role": "system", "content": "Be kind."}, USER])


@pytest.mark.parametrize("arguments", [{"city": "Rome"}, '{"city": "Rome"}', '{"city":"Rome"}'])
@pytest.mark.parametrize("template", [REASONING, TEXT_CALLS])
@pytest.mark.parametrize("more", [{}, {"content": None}])
def test_calls_are_given_in_the_form_that_the_template_reads(template: str, arguments: Any, more: Any) -> None:
    text = render(template, [USER], [call(arguments, **more)])
    assert '<call>weather {"city": "Rome"}</call>' in text.replace('{"city":"Rome"}', '{"city": "Rome"}')
    assert "None" not in text


def test_arguments_of_the_template_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="'tokenize' is not an argument of a chat template"):
        Renderer(byte_level(), chat_template=CONTENT, template_arguments={"tokenize": True})
    with pytest.raises(DataError, match="'tools' is not an argument of a chat template"):
        renderer(CONTENT).prompt_ids(Conversation([USER], None, {"tools": []}))


def test_a_comparison_is_refused_for_either_side() -> None:
    pair = Comparison(prompt=[USER], chosen="Sun.", rejected=[call({"city": "Rome"})], source=HERE)
    with pytest.raises(DataError, match=r"pairs.jsonl:7: .*tool call of turn 2"):
        renderer(CONTENT).render_tokens(pair)


PIECES = st.sampled_from(["a", "ab", " b ", "a b", "", "one two three four five", "\n"])
TURNS = st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), PIECES), max_size=4)


@settings(max_examples=300, deadline=None)
@given(TURNS, st.lists(PIECES, max_size=6))
def test_the_short_search_finds_only_what_the_full_one_finds(turns: list[tuple[str, str]], text: list[str]) -> None:
    said = "|".join(text)
    given_turns = [{"role": role, "content": content} for role, content in turns]
    short = law._as_they_stand(said, given_turns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(law, "_as_they_stand", lambda *given: False)
        try:
            law.check_turns(said, given_turns, "plain")
            full = True
        except DataError:
            full = False
    assert full or not short


def test_the_short_search_is_the_usual_one_and_leaves_what_is_more_than_a_content() -> None:
    asked = {"role": "user", "content": " Hi\n"}
    assert law._as_they_stand("user: Hi", [asked])
    assert not law._as_they_stand("user: Ho", [asked])
    assert not law._as_they_stand("user: Hi", [{**asked, "tool_calls": []}])
    assert not law._as_they_stand("a</think>b", [{"role": "assistant", "content": "a</think>b"}])
