"""A classifier's outputs at the ends of texts: as a forest, and one text after another, they are equal."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from penchant.likelihood.classifier_forest import ClassifierForest

SIZES: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_labels": 2, "max_position_embeddings": 30, "pad_token_id": 2,
}  # fmt: skip
DECODERS = {
    "Llama": SIZES,
    "Qwen2": {**SIZES, "num_key_value_heads": 1},
    "Mistral": {**SIZES, "num_key_value_heads": 1, "sliding_window": 4},
    "GPT2": {
        "vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 2, "num_labels": 2, "pad_token_id": 2,
        "n_positions": 30, "bos_token_id": 1, "eos_token_id": 1,
    },
}  # fmt: skip


def model_of(family: str, sizes: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**sizes)
    return getattr(transformers, f"{family}ForSequenceClassification")(config).eval()


def texts() -> tuple[list[list[int]], list[int]]:
    """Two prompts of 20 tokens, three responses each; the longest text has as many tokens as there are positions."""
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randint(3, 64, (2, 20 + 3 * 10), generator=generator).tolist()
    rows = [row[:20] + row[20 + 10 * at :][: 4 + 3 * at] for row in drawn for at in range(3)]
    return [*rows, rows[0][:22] + rows[1][20:22]], [0, 0, 0, 1, 1, 1, 0]


@pytest.mark.parametrize("family", DECODERS)
def test_outputs_over_a_forest_are_those_of_each_text_alone(family: str) -> None:
    model = model_of(family, DECODERS[family])
    forest = ClassifierForest(model)
    assert forest.shares, forest.reason
    rows, owners = texts()
    with torch.no_grad():
        alone = torch.cat([model(input_ids=torch.tensor([row])).logits for row in rows])
    torch.testing.assert_close(forest(rows, owners), alone, atol=1e-5, rtol=0)
    assert alone.std() > 0.01 and max(map(len, rows)) == 30
    # Its own attention is restored.
    torch.testing.assert_close(model(input_ids=torch.tensor([rows[0]])).logits[0], alone[0], atol=1e-5, rtol=0)


def test_an_encoder_takes_no_forest() -> None:
    forest = ClassifierForest(model_of("Bert", SIZES))
    assert not forest.shares and "no linear head called 'score'" in forest.reason


def test_a_head_that_reads_elsewhere_takes_no_forest() -> None:
    model = model_of("Llama", SIZES)
    own = model.forward
    model.forward = lambda **inputs: type("Output", (), {"logits": own(**inputs).logits + 1.0})()
    assert not ClassifierForest(model).shares
