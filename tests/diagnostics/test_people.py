"""How people weigh features: the mixed model against plain sums, planted spreads, few labels, and bad input."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from penchant.cli.app import main
from penchant.diagnostics.explanation import explain_data
from penchant.diagnostics.features.mixed import MixedEffect, _Rows, mixed_effect, posterior
from penchant.diagnostics.features.people import few_labels
from penchant.diagnostics.regression import logistic
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read

WORDS = "river stone cloud apple window garden letter silver music road".split()


def drawn(spread: float, people: int = 60, each: int = 40, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Feature, length, labels, people, and the people's own weights."""
    rng = np.random.default_rng(seed)
    own = spread * rng.normal(size=people)
    who = np.repeat(np.arange(people), each)
    z = rng.normal(size=len(who)) * (rng.random(len(who)) < 0.5)
    length = rng.normal(size=len(who))
    chance = expit((0.4 + own[who]) * z + 0.2 * length)
    return z, length, (rng.random(len(who)) < chance).astype(float), who, own


def judged(people: int = 6, each: int = 60) -> list[dict[str, str]]:
    """Pairs of which half of the people prefer the response with a word, and half the one without it."""
    rng = random.Random(0)
    rows = []
    for number in range(people * each):
        person = number % people
        plain, other = (" ".join(rng.choices(WORDS, k=8)) for _ in range(2))
        marked, plain = f"marvellous {plain}", f"some {other}"
        likes = (person % 2 == 0) == (rng.random() < 0.95)
        chosen, rejected = (marked, plain) if likes else (plain, marked)
        rows.append({"prompt": f"say {number}", "chosen": chosen, "rejected": rejected, "who": f"person {person}"})
    return rows


def test_the_likelihood_is_the_integral_and_its_gradient_the_slope() -> None:
    z, length, labels, who, _own = drawn(1.0, people=12, each=15)
    rows, weights = _Rows(z, length, labels, who), np.array([0.3, -0.2, 0.8])
    grid = np.linspace(-9, 9, 6001)
    total = 0.0
    for person in range(12):
        own = who == person
        logits = (0.3 * z[own] - 0.2 * length[own])[:, None] + 0.8 * np.outer(z[own], grid)
        each = (labels[own][:, None] * logits - np.logaddexp(0, logits)).sum(axis=0) - grid**2 / 2
        total += float(logsumexp(each)) + np.log((grid[1] - grid[0]) / np.sqrt(2 * np.pi))
    cost, slope = rows.cost(weights)
    assert -cost == pytest.approx(total, abs=1e-5)
    for place, step in enumerate(np.eye(3) * 1e-5):
        numeric = (rows.cost(weights + step)[0] - rows.cost(weights - step)[0]) / 2e-5
        assert slope[place] == pytest.approx(numeric, abs=1e-2)


def test_a_planted_spread_is_found_and_none_where_people_agree() -> None:
    z, length, labels, who, own = drawn(1.5)
    found = mixed_effect(z, length, labels, who)
    assert found.p < 1e-6 and found.spread / found.scale == pytest.approx(1.5, abs=0.4)
    assert np.corrcoef(found.means, own)[0, 1] > 0.8
    z, length, labels, who, _own = drawn(0.0)
    alike = mixed_effect(z, length, labels, who)
    assert alike.p > 0.05 and alike.spread < 0.2
    plain = logistic(np.column_stack([z / alike.scale, length / alike.length_scale]), labels)
    assert [alike.coefficient, alike.length] == pytest.approx(plain.coefficients.tolist(), abs=0.02)


def test_exchanging_the_responses_changes_nothing() -> None:
    z, length, labels, who, _own = drawn(1.0, people=20, each=20)
    turn = np.where(np.random.default_rng(1).random(len(z)) < 0.5, -1.0, 1.0)
    one = mixed_effect(z, length, labels, who)
    other = mixed_effect(turn * z, turn * length, np.where(turn > 0, labels, 1 - labels), who)
    assert [one.coefficient, one.spread] == pytest.approx([other.coefficient, other.spread], abs=1e-3)


def test_a_few_labels_help_where_people_differ_and_not_where_they_agree() -> None:
    z, length, labels, who, _own = drawn(2.0)
    for how in ("random", "largest"):
        found = few_labels(z, length, labels, who, how=how)  # type: ignore[arg-type]
        assert found is not None and found.personal > found.general + 0.05
    z, length, labels, who, _own = drawn(0.0)
    same = few_labels(z, length, labels, who)
    assert same is not None and abs(same.personal - same.general) < 0.02
    assert few_labels(z[:70], length[:70], labels[:70], who[:70]) is None, "one person has 32 pairs or more"


def test_no_label_leaves_the_prior_and_one_moves_it() -> None:
    effect = MixedEffect(0.1, 0.0, 0.7, 0.0, np.zeros(0), np.zeros(0), 1.0, 1.0)
    nothing = np.zeros(0)
    assert posterior(effect, nothing, nothing, nothing) == (0.0, 0.7)
    mean, spread = posterior(effect, np.ones(1), np.zeros(1), np.ones(1))
    assert 0 < mean < 0.7 and spread < 0.7


def test_a_person_with_one_vote_and_separated_people_stay_finite() -> None:
    z = np.array([1.0, 1.0, 1.0, -1.0, -1.0])
    found = mixed_effect(z, np.zeros(5), np.array([1.0, 0.0, 1.0, 0.0, 1.0]), np.array([0, 1, 2, 0, 1]))
    assert np.isfinite(found.means).all() and np.isfinite(found.spreads).all() and found.spread <= 10


def test_the_command_tells_who_differs_in_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "judged.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in judged()), encoding="utf-8")
    out, page = tmp_path / "found.json", tmp_path / "found.html"
    asked = ["diagnose", "--data", str(data), "--people", "who", "--json", str(out), "--html", str(page)]
    assert main(asked) == 0
    assert "How differently the 6 values of who weigh features" in " ".join(capsys.readouterr().out.split())
    found = json.loads(out.read_text(encoding="utf-8"))["people"]
    first = found["features"][0]
    assert "marvellous" in first["rewarded"] + first["punished"] and first["certain"] and first["spread"] > 1
    ends = {first[side][0] for side in ("lowest", "highest")}
    assert {int(name[-1]) % 2 for name in ends} == {0, 1}
    tried = [each for each in found["few_labels"] if each["feature"] == first["feature"]]
    assert [each["how"] for each in tried] == ["random", "largest"]
    assert all(each["personal"] > each["general"] + 0.2 for each in tried)
    shown = page.read_text(encoding="utf-8").split("How people differ")[1]
    for heading in ("rather than", "lowest", "highest"):
        assert f'class="phrase" data-heading="{heading}"' in shown, "words wrap, and keep their heading on a phone"
    assert shown.count('class="stack labelled"') == 2


def test_fields_that_name_nobody_or_one_person_are_refused() -> None:
    rows = judged(people=2, each=20)
    with pytest.raises(ConfigurationError, match=r"No record has the field 'whom'.*who"):
        explain_data(read(rows), people="whom")
    with pytest.raises(DataError, match="All records have the same 'who'"):
        explain_data(read([{**row, "who": "ann"} for row in rows]), people="who")


def test_the_same_pair_of_another_person_is_no_repetition() -> None:
    rows = [{**row, "who": who} for row in judged(people=2, each=10) for who in ("ann", "bob")]
    assert explain_data(read(rows)).pairs == 20
    found = explain_data(read(rows), people="who")
    assert found.pairs == 40 and found.people is not None and found.people.counts == [20, 20]
    shown = [(each["feature"], each["chosen"], each["rejected"]) for each in found.examples]
    assert shown and len(set(shown)) == len(shown), "a pair is shown once, whoever judged it"
