"""Running claims: what is kept, what is measured again, and how findings are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from penchant.errors import DataError, OutputError
from penchant.lab.claims import Claim, Contrast, find_claim, judge, sources
from penchant.lab.claims.documentation import documentation_pages, write_documentation
from penchant.lab.claims.pages import claims_table, write_claims_page
from penchant.lab.claims.pictures import effect_picture
from penchant.lab.claims.results import read_results, row_of, write_results
from penchant.lab.claims.running import run_claims
from penchant.lab.claims.sources import depends_on, source_hash
from penchant.lab.worlds.tabular import Dials
from penchant.objectives import get, names

#: Claims that are quick and cover offline, online, linear, cyclic and noisy worlds; together under a minute.
REPRESENTATIVE = (
    "dpo-iterative",
    "dpo-likelihood-displacement",
    "dpo-ranking-accuracy",
    "nll-rejection-sampling",
    "slic-hinge-margin",
)


class Counted(Claim):
    """A claim that counts how often it is measured; without an id, so that it is not registered."""

    paper, sentence, quantity, world = "doi:10.1/1", "It is so.", "number", Dials()
    methods = ("dpo",)
    contrasts = (Contrast("larger", "smaller", smallest=0.5),)
    seeds = range(5)
    calls: ClassVar[list[int]] = []
    broken_at: ClassVar[int | None] = None
    stopped_at: ClassVar[int | None] = None

    def measure(self, seed: int) -> Mapping[str, float]:
        if seed == self.broken_at:
            raise ValueError("the experiment blew up")
        if seed == self.stopped_at:
            raise KeyboardInterrupt
        self.calls.append(seed)
        return {"larger": 1.0 + 0.1 * seed, "smaller": 0.0}


Counted.id = "dpo-counted"


@pytest.fixture(autouse=True)
def fresh() -> None:
    Counted.calls, Counted.broken_at, Counted.stopped_at = [], None, None


def test_a_known_seed_is_not_measured_again(tmp_path: Path) -> None:
    [first] = run_claims([Counted], cache=tmp_path).findings
    [second] = run_claims([Counted], cache=tmp_path).findings
    assert Counted.calls == [0, 1, 2, 3, 4]
    assert first.arms == second.arms and first.verdict == second.verdict == "reproduced"


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    Counted.stopped_at = 3
    with pytest.raises(KeyboardInterrupt):
        run_claims([Counted], cache=tmp_path)
    Counted.stopped_at = None
    run_claims([Counted], cache=tmp_path)
    assert Counted.calls == [0, 1, 2, 3, 4]


def test_a_damaged_file_is_measured_again(tmp_path: Path) -> None:
    run_claims([Counted], cache=tmp_path)
    next(tmp_path.rglob("seed-2-*.json")).write_text("{", encoding="utf-8")
    run_claims([Counted], cache=tmp_path)
    assert Counted.calls[5:] == [2]


def test_a_changed_world_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_claims([Counted], cache=tmp_path)
    monkeypatch.setattr(Counted, "world", Dials(flips=0.1))
    run_claims([Counted], cache=tmp_path)
    assert len(Counted.calls) == 10


def test_a_claim_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    Counted.broken_at = 1
    ranking = find_claim("dpo-ranking-accuracy")
    outcome = run_claims([Counted, ranking], cache=tmp_path, seeds=[1000, 1001])
    assert [each.claim for each in outcome.findings] == [Counted, ranking]
    outcome = run_claims([Counted], cache=tmp_path)
    assert outcome.findings == [] and "blew up" in outcome.failures["dpo-counted"]


def test_processes_give_the_same_numbers(tmp_path: Path) -> None:
    claim = find_claim("dpo-likelihood-displacement")
    alone = run_claims([claim], cache=tmp_path / "one", seeds=[1000, 1001]).findings[0]
    together = run_claims([claim], cache=tmp_path / "two", seeds=[1000, 1001], jobs=2).findings[0]
    assert alone.arms == together.arms


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="--cache"):
        run_claims([Counted], cache=tmp_path / "file")


def test_the_hash_covers_what_a_claim_uses_and_nothing_else() -> None:
    files = {path.name for path in depends_on(find_claim("rdpo-flipped-labels"))}
    assert {
        "rdpo_flipped_labels.py",
        "rdpo.py",
        "dpo.py",
        "objective.py",
        "numerics.py",
        "exact.py",
    } <= files
    assert not {"ipo.py", "mapo.py", "claim.py", "judging.py", "ipo_deterministic_preferences.py"} & files
    assert not {"errors.py", "settings.py", "known_settings.py", "elsewhere.py", "family.py", "tags.py"} & files
    assert source_hash(find_claim("rdpo-flipped-labels")) != source_hash(find_claim("rdpo-wrong-rate"))


def test_the_hash_ignores_what_changes_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_of(text: str) -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}" / "one.py"
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr(sources, "depends_on", lambda claim: [path])
        monkeypatch.setattr(sources.inspect, "getfile", lambda claim: str(path))
        return source_hash(Counted)

    plain = hash_of("def two():\n    return 2\n")
    assert plain == hash_of('"""A file."""\n\n# Why.\ndef two():\n    """The number two."""\n    return (2)  # two\n')
    assert plain != hash_of("def two():\n    return 3\n")
    refusing = hash_of("from a import E\n__all__ = ['two']\ndef two():\n    raise E('Two is missing.')\n")
    assert refusing == hash_of("import a\n__all__ = []\ndef two():\n    raise a.E('There is no two.') from None\n")
    assert refusing == hash_of("def two():\n    raise\n") != plain
    stated = hash_of("class Counted:\n    sentence = 'So.'\n    steps = 2\n")
    assert stated == hash_of("class Counted:\n    sentence = 'It is so.'\n    remark = 'Or not.'\n    steps = 2\n")
    assert stated != hash_of("class Counted:\n    sentence = 'So.'\n    steps = 3\n")
    assert hash_of("class A:\n    sentence = 'a'\n") != hash_of("class A:\n    sentence = 'b'\n"), "another class"


def test_a_package_passes_on_names_and_not_all_that_stands_beside_them() -> None:
    def folders(name: str) -> set[str]:
        return {path.parent.name for path in depends_on(find_claim(name))}

    # A name from penchant.lab, train from penchant.training.api, and online's names that are loaded when used.
    assert {"language", "training", "forest"} <= folders("dpo-reviews")
    assert not {"tabular", "digits", "sums", "online", "curation", "cli"} & folders("dpo-reviews")
    assert {"online", "sums", "recipes"} <= folders("grpo-sums") and "tabular" not in folders("grpo-sums")
    assert "curation" in folders("spo-degree-reviews")


@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_representative_claims_reproduce_on_half_of_their_seeds(name: str) -> None:
    claim = find_claim(name)
    finding = judge(claim, {seed: claim().measure(seed) for seed in tuple(claim.seeds)[:5]})
    assert finding.verdict == "reproduced", [str(effect.interval) for effect in finding.effects]


def test_every_objective_has_a_claim() -> None:
    from penchant.lab.claims import all_claims

    claimed = {get(method).id for claim in all_claims() for method in claim.methods}
    every = {name for name in names() if get(name).__module__.startswith("penchant.")}
    assert every - claimed == set()


# Showing


def rows(tmp_path: Path) -> list[dict[str, object]]:
    found = run_claims([Counted], cache=tmp_path).findings
    return [row_of(each) for each in found]


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    found = rows(tmp_path)
    assert read_results(write_results(found, tmp_path / "deep" / "claims.json")) == found


def test_a_file_of_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    path.write_text('[{"loss": 1}]', encoding="utf-8")
    for wrong in (path, tmp_path / "absent.json"):
        with pytest.raises(DataError, match="cannot be read"):
            read_results(wrong)
    with pytest.raises(OutputError):
        write_results([], path / "below.json")
    with pytest.raises(OutputError):
        write_documentation(rows(tmp_path), path / "below")


def test_the_page_shows_every_claim_and_loads_nothing(tmp_path: Path) -> None:
    page = write_claims_page(rows(tmp_path), tmp_path / "claims.html").read_text(encoding="utf-8")
    assert "dpo-counted" in page and "It is so." in page and "1 claim: 1 reproduced" in page
    assert "≥ 0.5" in page
    assert page.count("<svg") == 2 and not re.search(r"(src|href)=\"(?!#)", page)


def test_the_documentation_states_paper_world_effect_and_verdict(tmp_path: Path) -> None:
    pages = documentation_pages(rows(tmp_path))
    assert list(pages) == ["index.md", "pairwise.md"]
    for words in (
        "https://doi.org/10.1/1",
        "8 prompts × 8 responses",
        "1.200 [1.004, 1.396]",
        "**reproduced**",
        "≥ 0.5",
    ):
        assert words in pages["pairwise.md"]
    assert "[dpo-counted](pairwise.md#dpo-counted)" in pages["index.md"]
    assert "## dpo-counted\n" in pages["pairwise.md"], "what the link of the overview leads to"
    assert claims_table(rows(tmp_path)).row_count == 1
    unpublished = documentation_pages([{**row, "paper": ""} for row in rows(tmp_path)])
    assert "It is so. (no paper)" in unpublished["pairwise.md"]


@pytest.mark.parametrize("sizes", [{"smallest": 0.5}, {"not_worse_by": 0.5}], ids=str)
def test_the_picture_of_an_effect_is_small_and_shows_its_side_of_the_line(sizes: dict[str, float]) -> None:
    effect = {"smallest": None, "not_worse_by": None, **sizes, "verdict": "inconclusive"}
    floor = 0.0 if "smallest" in sizes else -0.5

    def picture(low: float, high: float) -> str:
        return effect_picture({**effect, "low": low, "value": (low + high) / 2, "high": high})

    drawn = picture(floor, floor + 1000)
    line, bar = re.findall(r"M([\d.]+) 0V12.*?M([\d.]+) 6H", drawn)[0]
    assert line == bar and len(drawn) < 500, "the interval begins at the line"
    assert picture(-1e9, 1e9).count("<circle") == 1  # far beyond the scale
    assert picture(float("nan"), 1.0) == ""
