"""The renderer: prompts as generation receives them, responses after them, exactly one end token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback import Comparison, Source
from penchant.rendering import Renderer, load_tokenizer
from penchant.rendering.pieces import pieces
from rendering.tokenizers_small import CHATML, THINKING, WRITES_BOS_TWICE_IF_ASKED, byte_level, metaspace, words

TOKENIZERS = {
    "bytes": byte_level(),
    "bytes with BOS": byte_level(adds_bos=True),
    "bytes with BOS and EOS": byte_level(adds_bos=True, adds_eos=True),
    "bytes, BOS is EOS": byte_level(bos="<|endoftext|>", eos="<|endoftext|>"),
    "metaspace": metaspace(adds_bos=True),
    "metaspace at first": metaspace("first", adds_bos=True),
}
CHATS = {
    "writes BOS": byte_level(adds_bos=True, template=WRITES_BOS_TWICE_IF_ASKED),
    "writes BOS, metaspace": metaspace(adds_bos=True, template=WRITES_BOS_TWICE_IF_ASKED),
    "own end": byte_level(template=CHATML, specials=("<|im_start|>", "<|im_end|>")),
    "thinks": byte_level(adds_bos=True, template=THINKING),
}
ASKED = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello world?"}]

# Letters, spaces, newlines, punctuation, and characters of several bytes.
texts = st.text(alphabet=st.sampled_from("ab hello,.\n?!0é漢🙂\t"), max_size=20)
spoken = texts.filter(str.strip)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_prompt_and_response_read_as_the_whole_text(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    renderer = Renderer(tokenizer)

    @settings(max_examples=150, deadline=None)
    @given(texts, spoken)
    @example("hel", "lo")
    @example("hello ", "world")
    @example("a\n", "\nb")
    @example("A.", "...")
    @example("what ", " do")
    def check(prompt: str, response: str) -> None:
        whole = prompt + response
        try:
            ids = renderer.prompt_ids(prompt)
        except DataError:
            assert prompt == ""
            return
        answer = renderer.response_ids(prompt, response)
        # A tokenizer that writes a space in front of every text cannot tell it from one that was there.
        own = tokenizer.decode(tokenizer.encode(whole), skip_special_tokens=True)
        assert own == whole or "metaspace" in name
        assert renderer.decode(ids + answer, skip_special_tokens=True) == own
        assert answer.count(renderer.end_token_id) == 1 and answer[-1] == renderer.end_token_id
        assert renderer.prompt_ids(prompt) == ids, "a response must not change its prompt"

    check()


@pytest.mark.parametrize("name", CHATS)
def test_chats_keep_the_generation_prompt_and_end_once(name: str) -> None:
    tokenizer = CHATS[name]
    renderer = Renderer(tokenizer)
    generated = tokenizer.apply_chat_template(ASKED, add_generation_prompt=True, tokenize=True, return_dict=False)

    @settings(max_examples=60, deadline=None)
    @given(spoken)
    @example("hello")
    def check(response: str) -> None:
        ids, answer = renderer.prompt_ids(ASKED), renderer.response_ids(ASKED, response)
        assert ids == generated
        assert answer[-1] == renderer.end_token_id and answer.count(renderer.end_token_id) == 1
        # The content as it stands, and nothing of the template beside it.
        assert renderer.decode(ids + answer[:-1]) == renderer.decode(ids) + response

    check()


def test_end_token_is_the_one_that_the_template_writes() -> None:
    chat = Renderer(CHATS["own end"])
    assert chat.decode([chat.end_token_id]) == "<|im_end|>"
    assert chat.decode(chat.stop_token_ids) == "<|im_end|></s>"
    assert chat.response_ids("hello", " world")[-1] == chat.tokenizer.eos_token_id, "a plain text ends with eos"


def test_bos_stands_once_whether_template_or_tokenizer_writes_it() -> None:
    for tokenizer in (CHATS["writes BOS"], CHATS["writes BOS, metaspace"], TOKENIZERS["bytes with BOS"]):
        bos = tokenizer.bos_token_id
        renderer = Renderer(tokenizer)
        prompts = [f"{tokenizer.bos_token}hello", "hello", *([ASKED] if tokenizer.chat_template else [])]
        for prompt in prompts:
            ids = renderer.prompt_ids(prompt)
            assert ids.count(bos) == 1 and ids[0] == bos and renderer.keep_first(ids) == 1
    assert Renderer(byte_level()).keep_first([5, 6]) == 0


def test_built_in_template_begins_as_the_tokenizer_begins() -> None:
    renderer = Renderer(TOKENIZERS["bytes with BOS"], chat_template="plain")
    ids = renderer.prompt_ids(ASKED)
    assert ids[0] == renderer.tokenizer.bos_token_id and ids.count(ids[0]) == 1
    assert renderer.prompt_text(ASKED) == "Be kind.\n\nUser: hello world?\nAssistant:"
    assert renderer.decode(ids[1:] + renderer.response_ids(ASKED, "Hi")) == f"{renderer.prompt_text(ASKED)} Hi</s>"
    assert renderer.tokenizer.bos_token_id not in Renderer(byte_level(), chat_template="plain").prompt_ids(ASKED)


def test_chatml_works_where_its_marks_are_ordinary_text() -> None:
    renderer = Renderer(TOKENIZERS["bytes"], chat_template="chatml")
    assert renderer.decode(renderer.response_ids(ASKED, "Hi")) == "Hi<|im_end|></s>"
    assert renderer.prompt_text(ASKED).endswith("hello world?<|im_end|>\n<|im_start|>assistant\n")


def test_two_bos_tokens_are_refused() -> None:
    with pytest.raises(DataError, match="two BOS tokens '<s>'"):
        Renderer(TOKENIZERS["bytes with BOS"]).prompt_ids("<s><s>hello")


@pytest.mark.parametrize("response", ["hello</s>", "hello</s></s>", "hello</s>\n"])
def test_end_token_in_the_text_is_not_doubled(response: str) -> None:
    for prompt, renderer in (("hello", Renderer(TOKENIZERS["bytes"])), (ASKED, Renderer(CHATS["writes BOS"]))):
        assert renderer.decode(renderer.response_ids(prompt, response)) == "hello</s>"


def test_chosen_end_token_takes_the_place_of_the_found_one() -> None:
    renderer = Renderer(CHATS["own end"], end_token="</s>")
    assert renderer.decode(renderer.response_ids(ASKED, "hello")) == "hello</s>"
    both = CHATML.replace("<|im_end|>\n", "<|im_end|>\n</s>")
    renderer = Renderer(byte_level(specials=("<|im_end|>",)), chat_template=both, end_token="</s>")
    assert renderer.decode(renderer.response_ids(ASKED, "hello")) == "hello<|im_end|>\n</s>"


def test_no_end_token_is_an_error_with_advice() -> None:
    with pytest.raises(ModelError, match=r"no end-of-sequence token.*--end-token.*'<s>'"):
        Renderer(byte_level(eos=None))
    assert Renderer(byte_level(eos=None), end_token="<s>").end_token_id >= 0
    with pytest.raises(ModelError, match=r"'</z>' is not a single token.*Did you mean '</s>'"):
        Renderer(byte_level(), end_token="</z>")


def test_chat_without_template_names_the_built_in_ones() -> None:
    with pytest.raises(ModelError, match=r"no chat template.*chat_template=plain.*--chat-template plain.*chatml"):
        Renderer(TOKENIZERS["bytes"]).prompt_ids(ASKED)


def test_templates_come_from_files_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text(CHATML)
    assert Renderer(TOKENIZERS["bytes"], chat_template=str(path)).prompt_text(ASKED).startswith("<|im_start|>system")
    with pytest.raises(ConfigurationError, match=r"'chatlm' is neither.*Did you mean 'chatml'"):
        Renderer(TOKENIZERS["bytes"], chat_template="chatlm")
    with pytest.raises(ModelError, match=r"cannot be rendered.*chat_template=plain"):
        Renderer(TOKENIZERS["bytes"], chat_template="{% for m in messages %}")
    with pytest.raises(ModelError, match="omits the assistant's answer"):
        Renderer(TOKENIZERS["bytes"], chat_template="{{ messages[0].content }}")
    with pytest.raises(ModelError, match="writes the assistant's answer twice"):
        Renderer(
            TOKENIZERS["bytes"], chat_template="{% for m in messages %}{{ m.content }} {{ m.content }}{% endfor %}"
        )


def test_a_template_that_rejects_a_conversation_is_an_error() -> None:
    strict = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turns') }}{% endif %}" + CHATML
    renderer = Renderer(TOKENIZERS["bytes"], chat_template=strict)
    record = Comparison(prompt=ASKED, chosen="a", rejected="b", source=Source("pairs.jsonl", 3))
    with pytest.raises(DataError, match=r"pairs.jsonl:3: .*rejects.*system, user.*no system turns"):
        renderer.render(record)


def test_responses_of_several_turns() -> None:
    turns = [
        {"role": "assistant", "content": "look"},
        {"role": "tool", "content": "42"},
        {"role": "assistant", "content": "It is 42"},
    ]
    text = "look<|im_end|>\n<|im_start|>tool\n42<|im_end|>\n<|im_start|>assistant\nIt is 42<|im_end|>"
    renderer = Renderer(CHATS["own end"])
    assert renderer.decode(renderer.response_ids(ASKED, turns)) == text
    assert renderer.response_ids(ASKED, turns[2:]) == renderer.response_ids(ASKED, "It is 42")
    thinking = Renderer(CHATS["thinks"])
    assert thinking.decode(thinking.response_ids(ASKED, turns)) == (
        "look</s><|tool|>42</s><|assistant|><think>\nIt is 42</s>"
    ), "the second answer follows the tag that its generation prompt opens, as the first one does"


def test_messages_cannot_answer_a_text() -> None:
    renderer = Renderer(CHATS["own end"])
    with pytest.raises(DataError, match="prompt is text, but the response is chat messages"):
        renderer.response_ids("hello", [{"role": "tool", "content": "1"}, {"role": "assistant", "content": "2"}])


def test_history_that_the_template_rewrites_is_refused() -> None:
    rewriting = "{{ messages | length }}" + CHATML
    turns = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    with pytest.raises(DataError, match="renders the history of this conversation differently"):
        Renderer(TOKENIZERS["bytes"], chat_template=rewriting).response_ids(ASKED, turns)


def test_empty_prompt() -> None:
    with pytest.raises(DataError, match=r"renders to no tokens.*BOS"):
        Renderer(TOKENIZERS["bytes"]).prompt_ids("")
    renderer = Renderer(TOKENIZERS["bytes with BOS"])
    assert renderer.prompt_ids("") == [renderer.tokenizer.bos_token_id]


def test_word_tokenizers_never_lose_a_token_of_the_prompt() -> None:
    renderer = Renderer(words())
    prompt = renderer.prompt_ids("Once upon a")
    assert (
        renderer.decode(prompt + renderer.response_ids("Once upon a", " little girl")) == "Once upon a little girl </s>"
    )
    # One word across the boundary cannot be said with whole words: the prompt stays as it is.
    renderer.response_ids("Once up", "on a")
    assert len(renderer.prompt_ids("Once up")) == 2


def test_a_changed_prompt_is_rendered_anew() -> None:
    renderer = Renderer(CHATS["own end"])
    asked = [{"role": "user", "content": "hello"}]
    first = renderer.prompt_ids(asked)
    asked[0]["content"] = "world"
    assert renderer.prompt_ids(asked) != first
    first.clear()
    assert renderer.prompt_ids([{"role": "user", "content": "hello"}]) != []


def test_pieces_put_together_are_the_text() -> None:
    for tokenizer in (TOKENIZERS["bytes"], TOKENIZERS["metaspace"]):
        renderer = Renderer(tokenizer)
        ids = renderer.prompt_ids("hello world, you")
        response = renderer.response_ids("hello world, you", " are\nthere")
        text = "".join(pieces(renderer, ids) + pieces(renderer, response, ids[-1]))
        assert text.removeprefix("<s>").lstrip() == "hello world, you are\nthere</s>"


def test_real_tokenizer_with_a_leading_space(shared: Path) -> None:
    renderer = Renderer(load_tokenizer(shared / "models" / "tinystories-260k"), chat_template="plain")
    ids, answer = renderer.prompt_ids(ASKED), renderer.response_ids(ASKED, "Once upon a time")
    assert renderer.decode(ids + answer) == "<s> Be kind.\n\nUser: hello world?\nAssistant: Once upon a time</s>"
    # Across a word, the response is not encoded with a space of its own.
    assert renderer.decode(renderer.prompt_ids("Onc") + renderer.response_ids("Onc", "e upon")) == "<s> Once upon</s>"


def test_folders_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no such folder"):
        load_tokenizer(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ModelError, match=r"has no tokenizer.*notes.txt.*tokenizer.json"):
        load_tokenizer(tmp_path)
    with pytest.raises(ModelError, match="This is a file"):
        load_tokenizer(tmp_path / "notes.txt")
