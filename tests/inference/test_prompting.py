"""Ways to put a prompt: URIAL's constant beginning, and transforms with their inverses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from families import tiny_model
from penchant.errors import ConfigurationError, DataError
from penchant.inference.companions import Companion
from penchant.inference.prompting.base import build_prompting
from penchant.inference.prompting.conjugate import TRANSFORMS, Conjugate, recovered_share
from penchant.inference.prompting.urial import EXAMPLES, Urial
from penchant.inference.token_shift import token_shifts
from penchant.rendering.renderer import Renderer
from small_runs import word_tokenizer


def test_the_prompt_is_constant_except_for_the_query() -> None:
    urial = Urial()
    first, second = urial.ask("Why is the sky blue?"), urial.ask("Name a fish.")
    assert first.replace("Why is the sky blue?", "Name a fish.") == second
    assert first.endswith("# Query:\n```\nWhy is the sky blue?\n```\n\n# Answer:\n```\n")
    assert all(f"```\n{query}\n```\n\n# Answer:\n```\n{answer}\n```" in first for query, answer in EXAMPLES)
    assert urial.answer("Salmon.\n") == "Salmon." and all(
        stop not in answer for _, answer in EXAMPLES for stop in urial.stops
    )


def test_further_turns_have_the_form_of_the_examples() -> None:
    turns = [("system", "Speak plainly."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "Bye")]
    asked = Urial(examples=0).ask([{"role": role, "content": text} for role, text in turns])
    assert asked.endswith(
        "# Query:\n```\nHi\n```\n\n# Answer:\n```\nHello!\n```\n\n# Query:\n```\nBye\n```\n\n# Answer:\n```\n"
    )
    assert "\n\nSpeak plainly.\n\n" in asked
    with pytest.raises(DataError, match="ends with a turn of assistant"):
        Urial().ask([{"role": "assistant", "content": "Hello!"}])


@given(st.text(), st.sampled_from(sorted(TRANSFORMS)))
def test_every_transform_is_its_own_inverse(text: str, name: str) -> None:
    swapped = Conjugate(transform=name)
    assert swapped.answer(str(swapped.ask(text))) == text


def test_only_what_users_wrote_is_transformed() -> None:
    turns = [{"role": "system", "content": "abc"}, {"role": "user", "content": "abc"}]
    assert Conjugate(transform="rot13").ask(turns) == [turns[0], {"role": "user", "content": "nop"}]
    assert Conjugate(transform="reversed-words").ask("ab  cd\n") == "ba  dc\n"
    assert Conjugate(transform="reversed-order").ask("one two\nthree") == "three two\none"


def test_a_transform_of_your_own_needs_an_inverse_that_undoes_it(tmp_path: Path) -> None:
    own = Conjugate(lambda text: text + "!", lambda text: text[:-1])
    assert own.ask("Hi") == "Hi!" and own.answer("Ho!") == "Ho"
    with pytest.raises(DataError, match=r"loses something: 'Hi' becomes 'HI', and back 'hi'"):
        Conjugate(str.upper, str.lower).ask("Hi")
    with pytest.raises(ConfigurationError, match="needs its inverse too"):
        Conjugate(path="own.py:there")
    with pytest.raises(ConfigurationError, match="Did you mean 'rot13'"):
        build_prompting({"name": "conjugate", "transform": "rot31"})
    file = tmp_path / "own.py"
    file.write_text("def there(t):\n    return t[::-1]\n\n\ndef back(t):\n    return t[::-1]\n", encoding="utf-8")
    named = build_prompting({"name": "conjugate", "path": f"{file}:there", "inverse": f"{file}:back"})
    assert named.ask("abc") == "cba"


def test_the_recovered_share_is_0_without_change_and_1_at_the_base() -> None:
    assert recovered_share(0.8, 0.2, 0.2) == 0.0 and recovered_share(0.8, 0.2, 0.8) == pytest.approx(1.0)
    assert recovered_share(0.5, 0.5, 0.5) != recovered_share(0.5, 0.5, 0.5), "nothing was hidden"


def test_a_model_is_unshifted_against_itself_and_shifted_against_another() -> None:
    own = Companion(tiny_model("llama", seed=1), Renderer(word_tokenizer()))
    other = Companion(tiny_model("llama", seed=2), Renderer(word_tokenizer()))
    prompts = ["which colour is the car", "the", "is the old hat red"]
    same = token_shifts(own, own, prompts, max_new_tokens=7, batch_size=2)
    assert same.shares() == {"unshifted": 1.0, "marginal": 0.0, "shifted": 0.0}
    assert same.mean_kl() == pytest.approx(0.0, abs=1e-9) and same.most_shifted() == []
    found = token_shifts(own, other, prompts, max_new_tokens=7, batch_size=2)
    assert sum(found.shares().values()) == pytest.approx(1.0) and found.shares()["shifted"] > 0.5
    assert found.by_position()[0][3] == 3 and found.mean_kl() > 0.1
    assert all(token for row in found.tokens for token in row), "no token is shown as nothing"
    # One token, by hand.
    ids = own.prompt_ids(prompts[0], None)
    with torch.no_grad():
        tuned, base = (each.model(torch.tensor([ids])).logits[0, -1].double() for each in (own, other))
    assert found.ranks[0][0] == base.argsort(descending=True).tolist().index(int(tuned.argmax())) + 1
    wanted = (tuned.softmax(-1) * (tuned.log_softmax(-1) - base.log_softmax(-1))).sum()
    assert found.divergences[0][0] == pytest.approx(float(wanted), abs=1e-5)
