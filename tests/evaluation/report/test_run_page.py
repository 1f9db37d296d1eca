"""The report of one run: self-contained, escaped, true to the data, and tolerant of what is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import DataError, OutputError
from penchant.evaluation import report
from penchant.evaluation.report import before_after_table, write_report
from penchant.evaluation.report.run_folder import FILES

VOID = {"meta", "link", "img", "br", "hr", "input", "source", "path", "use", "rect", "line"}


class Page(HTMLParser):
    """A page as a reader gets it: its elements, the references they make, its visible text; checks the nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, attrs)

    def _element(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action", "data", "srcset"):
                self.references.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def read(path: Path) -> tuple[str, Page]:
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_needs_nothing_from_outside(whole_page: str) -> None:
    text, page = whole_page, Page(whole_page)
    assert page.references and all(reference.startswith("#") for reference in page.references)
    assert all(found.startswith("#") for found in re.findall(r"url\(['\"]?([^)'\"]*)", text))
    assert "@import" not in text
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not any(name.startswith("on") for name in page.attributes)


def test_every_reference_within_the_page_has_one_target(whole_page: str) -> None:
    text, page = whole_page, Page(whole_page)
    assert len(page.ids) == len(set(page.ids))
    targets = {f"#{name}" for name in page.ids}
    assert set(page.references) | set(re.findall(r"url\((#[^)]*)\)", text)) <= targets


def test_charts_take_their_colours_from_the_page(whole_page: str) -> None:
    text = whole_page
    charts = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert set(re.findall(r"var\(--([a-z0-9]+)\)", charts)) >= {"muted", "chosen", "rejected", "accent", "after"}
    assert re.findall(r"#[0-9a-f]{6}\b", charts) == []
    defined = set(re.findall(r"--([a-z0-9]+):", text))
    assert set(re.findall(r"var\(--([a-z0-9]+)", text)) <= defined


def test_samples_and_titles_are_shown_as_text(run_folder: Path) -> None:
    summary = json.loads((run_folder / "summary.json").read_text())
    summary |= {"title": "<u>A & B</u>", "warnings": ["<marquee>look</marquee>"]}
    (run_folder / "summary.json").write_text(json.dumps(summary))
    _, page = read(write_report(run_folder))
    samples = json.loads((run_folder / "samples.json").read_text())
    for sample in samples:
        for part in ("prompt", "before", "after"):
            assert re.sub(r"\s+", " ", sample[part]).strip() in page.text
    assert "<u>A & B</u>" in page.text and "<marquee>look</marquee>" in page.text
    assert not {"u", "marquee", "script", "img"} & set(page.tags)
    assert "empty response" in page.text


def test_figures_on_the_page_are_those_of_the_run(run_folder: Path) -> None:
    summary = json.loads((run_folder / "summary.json").read_text())
    rows = table_rows(write_report(run_folder).read_text(encoding="utf-8"))
    before, after = summary["before"], summary["after"]
    for label, key in (
        ("True reward", "true_reward"),
        ("Reward margin", "rewards/margin"),
        ("Loss", "loss"),
        ("KL from the reference", "kl"),
        ("Log-probability of chosen", "logps/chosen"),
    ):
        shown = next(cells for name, cells in rows.items() if name.startswith(label))
        for text, value in zip(shown, (before[key], after[key], after[key] - before[key]), strict=True):
            digits = len(text.partition(".")[2])
            assert digits >= 1
            assert float(text.replace("−", "-").replace("±", "")) == pytest.approx(value, abs=0.51 * 10**-digits)


def table_rows(text: str) -> dict[str, tuple[str, ...]]:
    """The rows of the table of figures: label -> before, after, change."""
    section = text[text.index('id="figures"') : text.index('id="curves"')]
    rows = {}
    for row in re.findall(r"<tr><th scope=.*?</tr>", section, flags=re.DOTALL):
        label, *cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL)
        plain = [re.sub(r"<[^>]+>", "", cell.partition("<br>")[0]).strip() for cell in cells]
        rows[re.sub(r"<[^>]+>", "", label)] = tuple(plain[:3])
    return rows


@pytest.mark.parametrize("kept", FILES)
def test_any_single_file_makes_a_page_without_empty_panels(kept: str, run_folder: Path) -> None:
    for name in set(FILES) - {kept}:
        (run_folder / name).unlink()
    text, page = read(write_report(run_folder))
    assert_no_empty_parts(text, page)
    parts = {
        "recipe.yaml": "reproduce",
        "metrics.jsonl": "curves",
        "summary.json": "figures",
        "rewards.json": "histograms",
        "samples.json": "samples",
        "doctor.json": "data",
    }
    assert parts[kept] in page.ids
    assert ("curves" in page.ids) == (kept == "metrics.jsonl")


def assert_no_empty_parts(text: str, page: Page) -> None:
    anchors = [reference for reference in page.references if not re.match(r"#[a-z]+-", reference)]
    assert {anchor.removeprefix("#") for anchor in anchors} <= set(page.ids)
    for section in re.findall(r"<section.*?</section>", text, flags=re.DOTALL):
        assert re.search(r"<(svg|td|li|p class=\"text\"|pre)", section), section[:200]
    for body in re.findall(r"<tbody>(.*?)</tbody>", text, flags=re.DOTALL):
        assert "<tr>" in body
    assert not re.search(r'<div class="grid[^"]*">\s*</div>', text)


NOTHING: list[tuple[str, Any]] = [
    ("summary.json", {}),
    ("summary.json", []),
    ("summary.json", {"before": None, "after": [1], "intervals": 3, "cut": "x", "versions": None, "warnings": None}),
    ("summary.json", {"before": {"loss": float("nan")}, "after": {"loss": float("inf")}, "steps": "many"}),
    ("rewards.json", {}),
    ("rewards.json", {"before": None, "after": {"chosen": [float("nan")], "rejected": []}, "logp_margin": []}),
    ("rewards.json", {"after": {"chosen": [1.0], "rejected": [None, "x"]}, "logp_margin": {"after": [0.0, 0.0]}}),
    ("samples.json", []),
    ("samples.json", [None, {"prompt": "only a prompt"}, {"before": None, "after": 3, "reward_after": float("nan")}]),
    ("doctor.json", {"checks": [], "lengths": {}}),
    ("doctor.json", {"checks": [{"name": "n"}, 3], "lengths": {"prompt": {"mean": None}}}),
]


@pytest.mark.parametrize(("name", "content"), NOTHING)
def test_files_that_say_little_leave_no_empty_panels(name: str, content: Any, run_folder: Path) -> None:
    (run_folder / name).write_text(json.dumps(content))
    assert_no_empty_parts(*read(write_report(run_folder)))


def test_a_single_step_makes_no_curves(make_run: Callable[..., Path]) -> None:
    run = make_run(steps=25)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text(next(line for line in lines if '"train"' in line) + "\n")
    text, page = read(write_report(run))
    assert "curves" not in page.ids
    assert_no_empty_parts(text, page)


def test_values_that_are_not_finite_are_left_out_and_counted(run_folder: Path) -> None:
    rows = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    train = [row for row in rows if row["split"] == "train"]
    train[3]["loss"], train[4]["loss"], train[5]["kl"] = float("nan"), float("inf"), None
    (run_folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, page = read(write_report(run_folder))
    assert "2 non-finite values left out" in page.text


def test_a_killed_run_says_so_and_takes_its_figures_from_the_curves(run_folder: Path) -> None:
    (run_folder / "summary.json").unlink()
    metrics = run_folder / "metrics.jsonl"
    metrics.write_text(metrics.read_text()[:-40])
    _, page = read(write_report(run_folder))
    assert "metrics.jsonl ends in the middle of a line" in page.text
    assert "the run is not finished, or was stopped" in page.text
    assert re.search(r"From the first and the last held-out evaluation \(steps 0 and \d+\)", page.text)


def test_writing_again_replaces_the_page_and_nothing_else(run_folder: Path) -> None:
    assert write_report(run_folder) == run_folder / "report.html"
    first = (run_folder / "report.html").read_text(encoding="utf-8")
    before = sorted(path.name for path in run_folder.iterdir())
    assert write_report(run_folder).read_text(encoding="utf-8") == first
    assert sorted(path.name for path in run_folder.iterdir()) == before


def test_a_file_that_is_no_report_is_not_overwritten(run_folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "thesis.html"
    precious.write_text("<p>years of work</p>")
    with pytest.raises(OutputError, match=r"thesis.html: .*not a Penchant report"):
        write_report(run_folder, precious)
    assert precious.read_text() == "<p>years of work</p>"


def test_an_output_that_cannot_be_written_is_named(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="this is a folder"):
        write_report(run_folder, tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(run_folder, tmp_path / "file" / "report.html")


def test_folders_that_are_no_runs_are_refused_with_what_a_run_holds(tmp_path: Path, run_folder: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(
        DataError, match=r"not a run folder: it contains none of recipe.yaml, metrics.jsonl, summary.json"
    ):
        write_report(empty)
    with pytest.raises(DataError, match="no such folder") as missing:
        write_report(tmp_path / "absent")
    assert "metrics.jsonl" in str(missing.value)
    with pytest.raises(DataError, match="this is a file") as file:
        write_report(run_folder / "metrics.jsonl")
    assert str(run_folder) in str(file.value.fix)
    with pytest.raises(DataError, match=f"It contains run folders; give one of them: {run_folder.name}"):
        write_report(tmp_path)


def test_the_terminal_shows_the_same_figures(run_folder: Path) -> None:
    rows = table_rows(write_report(run_folder).read_text(encoding="utf-8"))
    table = before_after_table(run_folder)
    columns = [list(column.cells) for column in table.columns]
    shown = {label.partition(" (")[0]: (before, after) for label, before, after in zip(*columns[:3], strict=True)}
    for label, (before, after, _) in rows.items():
        name = next(name for name in shown if label.startswith(name))
        assert shown[name] == (before, after)


def test_no_column_is_out_of_reach_on_a_narrow_screen() -> None:
    """Tables scroll sideways; the style hides no cell but empty ones, the heads of stacked rows, and what moves."""
    folder = Path(report.__file__).parent
    style = (folder / "page.css").read_text(encoding="utf-8")
    hidden = re.findall(r"([^{}\n]+)\{[^{}]*display: none", style)
    moved = {".not-narrow", ".only-narrow"}  # two columns that stand under the name of their row on a narrow screen
    assert {each.strip() for each in hidden} == {".stack thead", ".stack td:empty", "nav", *moved}
    for row in re.findall(r"<tr>.*?</tr>", (folder / "unlearning.html").read_text(encoding="utf-8"), flags=re.DOTALL):
        under = re.search(r'class="unit only-narrow">(.*?)</small>', row)
        cells = re.findall(r'<td class="[a-z ]*not-narrow">(.*?)</td>', row)
        assert all(under is not None and each in under[1] for each in cells)
    for page in folder.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        tables = len(re.findall("<table", text))
        assert tables == len(re.findall(r'class="(?:card )?scroll"[^>]*>\s*<table', text)), page.name


def test_several_processes_and_their_strategy_stand_with_the_facts(make_run: Callable[..., Path]) -> None:
    pages = []
    for name, processes in (("one", 1), ("two", 2)):
        run = make_run(name)
        summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
        summary |= {"processes": processes, "strategy": "fsdp"}
        (run / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        pages.append(write_report(run).read_text(encoding="utf-8"))
    assert "2 (fsdp)" in pages[1] and "(fsdp)" not in pages[0]
