"""bfloat16 is advised on CPUs with its instructions alone, for models that are wide enough."""

from __future__ import annotations

import pytest
import torch

from penchant.likelihood import cpu_bfloat16
from penchant.likelihood.cpu_bfloat16 import advice, has_bfloat16


@pytest.mark.parametrize("there", [True, False])
def test_advised_only_where_the_instructions_are(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_bfloat16, "has_bfloat16", lambda: there)
    assert ("precision" in advice(None, 2048, cpu=True)) == there
    for precision, hidden, cpu in (("float32", 2048, True), ("bfloat16", 2048, True), (None, 64, True)):
        assert advice(precision, hidden, cpu) == {}
    assert advice(None, 2048, cpu=False) == {}


def test_a_version_of_pytorch_that_does_not_say_counts_as_without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert not has_bfloat16()
