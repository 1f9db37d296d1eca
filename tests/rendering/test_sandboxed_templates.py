"""Chat templates come with models: they run in a sandbox, and reach nothing but their conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.errors import PenchantError
from penchant.rendering import Renderer
from rendering.tokenizers_small import CHATML, byte_level

CONVERSATION = [{"role": "user", "content": "Hi"}]
REACHING = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages.append({'role': 'user', 'content': 'more'}) }}",
    "{{ messages[0].update(content='other') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.system('touch FILE') }}",
    "{{ raise_exception.__globals__['__builtins__']['open']('FILE', 'w') }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(messages) }}",
    "{% include 'FILE' %}",
    "{% import 'os' as os %}{{ os.system('touch FILE') }}",
)


@pytest.mark.parametrize("reaching", REACHING)
def test_a_template_reaches_nothing_but_its_conversation(reaching: str, tmp_path: Path) -> None:
    conversation = [dict(turn) for turn in CONVERSATION]
    text = ""
    try:
        renderer = Renderer(byte_level(), chat_template=reaching.replace("FILE", str(tmp_path / "ran")) + CHATML)
        text = renderer.decode(renderer.prompt_ids(conversation))
    except PenchantError as error:
        assert "template" in str(error)
    # What the sandbox refuses is an error, or an undefined value that writes nothing.
    assert not any(word in text for word in ("<class", "__", "function", "more", "other", "module"))
    assert conversation == CONVERSATION and not (tmp_path / "ran").exists()
