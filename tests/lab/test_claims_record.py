"""The recorded results of claims: what lies in the repository, and how runs read, merge and split it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from penchant.errors import ConfigurationError, DataError, OutputError
from penchant.lab.claims import Claim, Contrast, all_claims
from penchant.lab.claims.record import RESULTS, Entry, read_record, verdicts, write_record
from penchant.lab.claims.results import entry_of, finding_of, recorded_rows, row_of
from penchant.lab.claims.running import run_claims
from penchant.lab.claims.shards import shard_of
from penchant.lab.claims.tasks import plan_work
from penchant.lab.worlds.tabular import Dials
from penchant.objectives import get

EVERY = [claim for claim in all_claims() if claim.__module__.startswith("penchant.")]


def entry(name: str, family: str = "pairwise", **changes: object) -> Entry:
    full = {
        "id": name,
        "family": family,
        "methods": ["dpo"],
        "verdict": "reproduced",
        "sources": "0" * 16,
        "seconds": 10.0,
        "seeds": [0, 1],
        "arms": {"β = 0.1": [0.1, 1 / 3], "β = 1": [2.0, 3.0]},
    }
    return Entry(**{**full, **changes})  # type: ignore[typeddict-item]


class Simple(Claim):
    """A claim that counts how often it is measured; without an id, so that it is not registered."""

    paper, sentence, quantity, world = "doi:10.1/1", "It is so.", "number", Dials()
    methods = ("dpo",)
    contrasts = (Contrast("larger", "smaller", smallest=0.5),)
    seeds = range(5)
    calls: ClassVar[list[int]] = []

    def measure(self, seed: int) -> Mapping[str, float]:
        self.calls.append(seed)
        return {"larger": 1.0 + 0.1 * seed, "smaller": 0.0}


Simple.id = "dpo-simple"


# What lies in the repository


def test_every_claim_has_a_recorded_result_and_every_result_a_claim() -> None:
    assert set(read_record()) == {claim.id for claim in EVERY}, "record it: penchant claims ID --record"


@pytest.mark.parametrize("claim", EVERY, ids=lambda claim: claim.id)
def test_a_recorded_verdict_follows_from_the_recorded_numbers(claim: type[Claim]) -> None:
    recorded = read_record()[claim.id]
    finding = finding_of(claim, recorded)
    assert finding.seeds == tuple(claim.seeds)
    assert recorded == entry_of(row_of(finding)), "record it anew: penchant claims ID --record"


def test_claims_stand_in_the_folder_of_their_methods() -> None:
    for claim in (each for each in EVERY if each.methods):
        assert claim.__module__.split(".")[4] == get(claim.methods[0]).__module__.split(".")[2], claim.id


def test_the_files_are_written_as_they_are_read() -> None:
    for path in RESULTS.glob("*.json"):
        text, entries = path.read_text(encoding="utf-8"), json.loads(path.read_text(encoding="utf-8"))
        assert {each["family"] for each in entries} == {path.stem}
        assert [each["id"] for each in entries] == sorted(each["id"] for each in entries)
        assert max(map(len, text.splitlines())) < 1000, "one line per arm"


def test_verdicts_are_read_without_torch() -> None:
    program = (
        "import sys; from penchant.lab.claims.record import verdicts; print(verdicts('rdpo'));"
        "assert not {'torch', 'numpy', 'scipy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(verdicts("rdpo")) and "rdpo-flipped-labels" in verdicts("rdpo")


# Reading and writing


def test_numbers_are_kept_to_the_last_digit(tmp_path: Path) -> None:
    written = [entry("b"), entry("a"), entry("c", "token-level")]
    assert [path.name for path in write_record(written, tmp_path)] == ["pairwise.json", "token-level.json"]
    assert list(read_record(tmp_path).values()) == [entry("a"), entry("b"), entry("c", "token-level")]
    assert verdicts("dpo", tmp_path) == dict.fromkeys("abc", "reproduced")
    assert verdicts("ipo", tmp_path) == {}


def test_recording_replaces_only_what_was_measured(tmp_path: Path) -> None:
    write_record([entry("a"), entry("b"), entry("c", "binary")], tmp_path)
    [changed] = write_record([entry("b", verdict="inconclusive")], tmp_path)
    assert changed.name == "pairwise.json"
    assert {name: each["verdict"] for name, each in read_record(tmp_path).items()} == {
        "a": "reproduced",
        "b": "inconclusive",
        "c": "reproduced",
    }
    assert verdicts("dpo", tmp_path)["b"] == "inconclusive"
    assert write_record([entry("a")], tmp_path) == []


def test_a_claim_that_changes_its_family_leaves_no_result_behind(tmp_path: Path) -> None:
    write_record([entry("a"), entry("b", "binary")], tmp_path)
    write_record([entry("b")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["pairwise.json"]
    assert set(read_record(tmp_path)) == {"a", "b"}


def test_a_broken_record_and_a_folder_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pairwise.json"
    path.write_text('[{"id": "a"}]', encoding="utf-8")
    with pytest.raises(DataError, match=r"lacks arms.*pairwise.json|pairwise.json.*lacks arms"):
        read_record(tmp_path)
    with pytest.raises(OutputError, match="--record"):
        write_record([entry("a")], path / "below")


def test_pages_are_made_from_the_record(tmp_path: Path) -> None:
    name = EVERY[0].id
    write_record([read_record()[name]], tmp_path)
    [row] = recorded_rows(tmp_path)
    assert row["id"] == name and row["sentence"] == EVERY[0].sentence and row["effects"]


# Measuring only what has changed


def test_a_recorded_result_is_taken_while_its_code_is_the_same(tmp_path: Path) -> None:
    Simple.calls.clear()
    [first] = run_claims([Simple], cache=tmp_path / "one").findings
    recorded = {"dpo-simple": entry_of(row_of(first))}
    [second] = run_claims([Simple], cache=tmp_path / "two", record=recorded).findings
    assert Simple.calls == [0, 1, 2, 3, 4] and second.arms == first.arms and second.sources == first.sources
    recorded["dpo-simple"]["sources"] = "of other code"
    run_claims([Simple], cache=tmp_path / "two", record=recorded)
    assert len(Simple.calls) == 10
    run_claims([Simple], cache=tmp_path / "one", record=recorded, fresh=True)
    assert len(Simple.calls) == 15


def test_the_estimate_comes_from_recorded_times(tmp_path: Path) -> None:
    recorded = {"dpo-simple": entry("dpo-simple", seconds=480.0)}  # two seeds of 240 s
    plan = plan_work([Simple], cache=tmp_path, record=recorded)
    assert plan.seconds == 5 * 240 and "5 of 5 seeds to measure, about 10 min" in plan.estimate(jobs=2)
    assert plan_work([Simple], cache=tmp_path).estimate(jobs=2) == "5 of 5 seeds to measure"
    long = {"dpo-simple": entry("dpo-simple", seconds=4800.0)}
    assert "about 3.3 hours" in plan_work([Simple], cache=tmp_path, record=long).estimate(jobs=1)
    run_claims([Simple], cache=tmp_path)
    assert "all 5 seeds are known" in plan_work([Simple], cache=tmp_path).estimate(jobs=2)


# Shards


@pytest.mark.parametrize("parts", [1, 3, 4, 10])
def test_shards_split_the_claims_evenly_and_by_cost(parts: int) -> None:
    shards = [shard_of(EVERY, f"{part}/{parts}") for part in range(1, parts + 1)]
    assert sorted(claim.id for shard in shards for claim in shard) == [claim.id for claim in EVERY]
    for cost in ("language", "tabular"):
        counts = [sum(claim.cost == cost for claim in shard) for shard in shards]
        assert max(counts) - min(counts) <= 1
    assert shards[0] == shard_of(list(reversed(EVERY)), f"1/{parts}")[::-1]


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4"])
def test_what_is_not_a_shard_is_refused(shard: str) -> None:
    with pytest.raises(ConfigurationError, match="1/4"):
        shard_of(EVERY, shard)
