"""Chat templates that loop for long or multiply texts are ended with an error."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.errors import ConfigurationError
from penchant.rendering import bounded, renderer
from penchant.rendering.bounded import refuse_large_numbers
from rendering.tokenizers_small import words

LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{{ messages[0].content }}"


def test_a_template_that_loops_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "SECONDS", 0.3)
    with pytest.raises(ConfigurationError, match=r"chat_template: The chat template takes more than 0\.3 seconds"):
        renderer.Renderer(words(), chat_template=LOOP)


def test_a_template_that_doubles_a_text_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "BYTES", 2**26)
    monkeypatch.setattr(bounded, "_LOOKED_AT_EVERY", 0.01)
    grown: list[Any] = ["x" * 1000]
    with pytest.raises(ConfigurationError, match="GiB of memory"), bounded.bounded():
        while len(grown) < 40:
            grown.append(grown[-1].lower() + grown[-1])


@pytest.mark.parametrize(
    "template", ["{{ 'x' * 10000000000 }}", "{{ 10 ** 10 }}", "{{ 'x' | center(5000000) }}", "{{ range(2000000) }}"]
)
def test_large_numbers_in_a_template_are_refused(template: str) -> None:
    with pytest.raises(ConfigurationError, match=r"chat_template: .* computes with numbers above 1,000,000"):
        refuse_large_numbers(template)


@pytest.mark.parametrize("template", ["{{ ' ' * 4 }}", "{% generation %}{{ 'a' }}{% endgeneration %}", "{% for %}", ""])
def test_other_templates_are_not(template: str) -> None:
    refuse_large_numbers(template)
