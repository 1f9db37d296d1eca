"""InfiFPO: what the sources may change, and what they cannot."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forest.words import renderer
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.forest import Encoder, collate
from penchant.objectives import Scored, build

LOGP = st.floats(-6.0, -0.1)
SOURCES = st.lists(LOGP, min_size=1, max_size=4)


def view(policy: float, reference: float) -> Scored:
    """Two tokens of one log-probability each."""
    tokens = torch.full((1, 2), policy, dtype=torch.double, requires_grad=True)
    return Scored(tokens, torch.full_like(tokens, reference), torch.ones(1, 2, dtype=torch.bool))


def loss(pair: tuple[float, ...], sources: tuple[list[float], list[float]], **hyper: Any) -> float:
    told = {"chosen": view(*pair[:2]), "rejected": view(*pair[2:])}
    fields = {name: torch.tensor([row], dtype=torch.double) for name, row in zip(told, sources, strict=True)}
    return build("infifpo", **hyper)(**told, **{f"{name}_sources": row for name, row in fields.items()}).values.item()


def normalised_dpo(pair: tuple[float, ...], beta: float = 2.5) -> float:
    margin = torch.tensor(pair[0] - pair[1] - pair[2] + pair[3], dtype=torch.double)
    return -torch.nn.functional.logsigmoid(beta * margin).item()


PAIRS = st.tuples(LOGP, LOGP, LOGP, LOGP)


@given(PAIRS, st.sampled_from(["max", "average"]), st.booleans())
def test_the_initial_pivot_as_its_own_source_is_dpo_per_token(pair: tuple[float, ...], fusion: str, clip: bool) -> None:
    found = loss(pair, ([pair[1]], [pair[3]]), fusion=fusion, clip=clip)
    assert found == pytest.approx(normalised_dpo(pair), abs=1e-9)


@given(PAIRS, SOURCES, SOURCES, st.sampled_from(["max", "average"]), st.sampled_from(["log", "probability"]))
def test_clipped_sources_never_make_a_pair_easier_and_worse_ones_change_nothing(
    pair: tuple[float, ...], chosen: list[float], rejected: list[float], fusion: str, compared: str
) -> None:
    options = {"fusion": fusion, "compared": compared}
    assert loss(pair, (chosen, rejected), **options) >= normalised_dpo(pair) - 1e-9
    worse = [pair[1] - 0.5 for _ in chosen], [pair[3] + 0.05 for _ in rejected]
    assert loss(pair, worse, **options) == pytest.approx(normalised_dpo(pair), abs=1e-9)


def test_the_source_farthest_from_the_pivot_as_it_is_now_is_taken() -> None:
    pair = (-2.0, -3.0, -1.0, -1.0)
    near_far = ([-1.9, -1.0], [-1.0, -1.0])
    assert loss(pair, near_far, beta=1.0) == pytest.approx(loss(pair, ([-1.0], [-1.0]), beta=1.0))
    # A logarithm of -6 is far from -2, its probability is near.
    apart = ([-6.0, -1.0], [-1.0, -1.0])
    by_log = loss(pair, apart, beta=1.0, clip=False)
    by_probability = loss(pair, apart, beta=1.0, clip=False, compared="probability")
    assert by_log == pytest.approx(loss(pair, ([-6.0], [-1.0]), beta=1.0, clip=False))
    assert by_probability == pytest.approx(loss(pair, ([-1.0], [-1.0]), beta=1.0, clip=False))


def test_from_records_come_rows_of_numbers() -> None:
    row = {
        "prompt": "the",
        "chosen": " cat",
        "rejected": " dog",
        "chosen_sources": [-1, -2],
        "rejected_sources": [-3, -4],
    }
    wanted = build("infifpo").requirements
    batch = collate(Encoder(renderer(), wanted.views, wanted.fields).encode(read([row, row]).records).examples)
    assert batch.fields["chosen_sources"].tolist() == [[-1.0, -2.0]] * 2
    assert batch.fields["rejected_sources"].tolist() == [[-3.0, -4.0]] * 2
    del row["rejected_sources"]
    with pytest.raises(DataError, match=r"field 'rejected_sources'.*penchant data build sources"):
        Encoder(renderer(), wanted.views, wanted.fields).encode(read([row]).records)


def test_one_number_is_no_row_of_sources() -> None:
    with pytest.raises(ConfigurationError, match=r"'chosen_sources' has shape \[1\].*penchant data build sources"):
        build("infifpo")(
            chosen=view(-1.0, -1.0),
            rejected=view(-1.0, -1.0),
            chosen_sources=torch.tensor([-1.0]),
            rejected_sources=torch.tensor([-1.0]),
        )
