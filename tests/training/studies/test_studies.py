"""Studies spend no more than their budgets, nest their data, and train nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError, OutputError
from penchant.training.run import Interrupted
from penchant.training.studies import running
from penchant.training.studies.cells import cells, spent
from penchant.training.studies.findings import crossing, findings, headings, sentences, table_rows
from penchant.training.studies.plans import read_study
from penchant.training.studies.running import Scored, run_study
from small_studies import study_file


@given(
    budget=st.floats(1, 1e5),
    fraction=st.floats(0, 1),
    demonstration=st.floats(0.1, 10),
    pair=st.floats(0.1, 10),
)
def test_no_more_is_spent_than_the_budget(budget: float, fraction: float, demonstration: float, pair: float) -> None:
    shown, compared = spent(budget, fraction, demonstration, pair)
    assert shown * demonstration + compared * pair <= budget * (1 + 1e-6)
    assert shown >= 0 <= compared
    assert spent(budget, 1.0, demonstration, pair)[1] == 0
    assert spent(budget, 0.0, demonstration, pair)[0] == 0


def test_a_larger_budget_begins_with_the_records_of_a_smaller_one(tmp_path: Path) -> None:
    study = read_study(study_file(tmp_path))
    state = running._Study(study, tmp_path, print)
    small, large = (step for cell in cells(study) for step in cell.steps if cell.row == "0% demonstrations")
    assert state.records(large, 0)[:2] == state.records(small, 0)
    assert sorted(map(str, state.records(large, 0))) != sorted(map(str, state.records(large, 1)))


def test_the_crossing_is_where_the_lead_stays() -> None:
    assert crossing([1, 10, 100], [1.0, -1.0, 1.0]) == pytest.approx(10**1.5)
    assert crossing([1, 10], [0.5, 1.0]) == 1
    assert crossing([1, 10], [1.0, 0.0]) is None


def test_findings_of_known_scores(tmp_path: Path) -> None:
    study = read_study(study_file(tmp_path, seeds=2))
    scores = {("0%", 2): 0.1, ("0%", 4): 0.2, ("50%", 2): 0.3, ("50%", 4): 0.8, ("100%", 2): 0.5, ("100%", 4): 0.6}
    found = [Scored(each, scores[each.row.split()[0], int(each.column)] + 0.01 * each.seed) for each in cells(study)]
    results = findings(study, found)
    assert [each["fraction"] for each in results["best_fraction"]] == [1, 0.5]
    assert results["crossings"] == [{"fraction": 0, "budget": None}, {"fraction": 0.5, "budget": pytest.approx(8**0.5)}]
    assert [each["gap"] for each in results["cold_start"]] == pytest.approx([0.2, 0.6])
    assert headings(results) == ["", "budget 2", "budget 4"]
    assert table_rows(results)[1][0] == "50% demonstrations"
    assert table_rows(results)[1][2].startswith("0.805 ± ")
    assert "50% demonstrations beat demonstrations alone from a budget of 2.828 on." in sentences(results)


def test_a_stopped_study_goes_on_and_a_finished_one_trains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, out = read_study(study_file(tmp_path)), tmp_path / "out"
    trained: list[Any] = []
    whole = running.train

    def counted(*given: Any, **keys: Any) -> Any:
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(keys["output"])
        return whole(*given, **keys)

    monkeypatch.setattr(running, "train", counted)
    with pytest.raises(Interrupted, match="cell 3 of 6"):
        run_study(study, out)
    trained.append("stopped")
    found = run_study(study, out)
    # Six cells: two of pairs alone, two of demonstrations and pairs, two of demonstrations alone, of which the one
    # with two demonstrations is the beginning of the chain that spends half of four.
    assert len(set(trained)) - 1 == 7
    assert len(trained) - 1 == 7
    monkeypatch.setattr(running, "train", lambda *given, **keys: pytest.fail("trained again"))
    assert run_study(study, out) == found


def test_regimes_begin_where_they_say(tmp_path: Path) -> None:
    changes = {"regimes": {"base": {}, "tuned": {"demonstrations": 2}}, "methods": ["dpo", "kto"], "sizes": [4]}
    path = study_file(tmp_path, design="regimes", **changes)
    content = yaml.safe_load(Path(path).read_text())
    for key in ("budgets", "fractions"):
        del content[key]
    Path(path).write_text(yaml.safe_dump(content))
    study = read_study(path)
    results = findings(study, run_study(study, tmp_path / "out"))
    assert [row[0] for row in table_rows(results)] == [
        f"{start}, {method}" for start in ("base", "tuned") for method in ("start", "dpo", "kto")
    ]
    starts = {each["row"]: each["mean"] for each in results["table"] if not each["column"]}
    from penchant.evaluation.policies.held_out import held_out_accuracy

    assert starts["base, start"] == held_out_accuracy(tmp_path / "model", str(study.held_out))
    assert "gain" in sentences(results)[0]


def test_what_is_said_of_a_regime_in_which_no_method_gains(tmp_path: Path) -> None:
    """A method that loses least is not said to gain."""
    study = read_study("alignment-insight", {"methods": ["dpo", "kto"], "sizes": [50], "seeds": 1})
    gain = {"base": {"dpo": -0.02, "kto": -0.1}, "supervised first": {"dpo": 0.1, "kto": 0.2}, "instructed": {}}
    found = [
        Scored(cell, 0.5 + gain[cell.row.partition(", ")[0]].get(cell.row.partition(", ")[2], 0.0))
        for cell in cells(study)
    ]
    assert sentences(findings(study, found)) == [
        "base: dpo comes closest to the start, and no method gains (-0.020).",
        "supervised first: kto gains most (+0.200).",
        "instructed: dpo comes closest to the start, and no method gains (+0.000).",
        "Mean gain of the best sizes over their starts: +0.030.",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"design": "budgets"}, "design is 'budgets'"),
        ({"fractions": [1.5]}, "fractions.0"),
        ({"budgets": []}, "budgets"),
        ({"speed": 1}, "speed: there is no such key"),
        ({"budgts": [1]}, "Did you mean 'budgets'"),
        ({"model": None}, "lacks model"),
        ({"measure": "judge"}, "belong together"),
    ],
)
def test_studies_that_cannot_run_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_study(study_file(tmp_path, **changes))


def test_too_few_data_are_an_error_before_the_first_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "train", lambda *given, **keys: pytest.fail("trained"))
    with pytest.raises(DataError, match="needs 5000 pairs"):
        run_study(read_study(study_file(tmp_path), {"budgets": [2, 5000]}), tmp_path / "out")


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    study = read_study(study_file(tmp_path))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        run_study(study, tmp_path / "out")


def test_own_data_replace_the_world(tmp_path: Path) -> None:
    keys = {name: "x" for name in ("model", "demonstrations", "pairs", "held_out")}
    assert read_study("budget", keys).world is None
    assert read_study("budget").world == "sums"
    with pytest.raises(ConfigurationError, match="lacks demonstrations"):
        read_study("budget", {"model": "x"})
    with pytest.raises(ConfigurationError, match="budget"):
        read_study("budgt")
