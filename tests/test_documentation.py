"""What the documentation shows, the program does."""

from __future__ import annotations

import doctest
import re
import runpy
from pathlib import Path

import pytest

from documented import commands, mistakes, row_blocks, wrong_yaml, yaml_blocks
from penchant.curation import BUILDERS
from penchant.feedback import read
from penchant.feedback.known.table import LAYOUTS
from readme_table import with_table

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if ">>> " in path.read_text(encoding="utf-8")
)
TEXTS = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WITH_ROWS = [page for page in TEXTS if row_blocks((ROOT / page).read_text(encoding="utf-8"))]
WITH_YAML = [page for page in TEXTS if yaml_blocks((ROOT / page).read_text(encoding="utf-8"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_examples_on_a_page_run(page: Path) -> None:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testfile(str(ROOT / page), module_relative=False, optionflags=options, encoding="utf-8")
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_page_of_commands_has_every_command_the_builders_of_data_too() -> None:
    hook = runpy.run_path(str(ROOT / "docs" / "hooks" / "tables.py"))
    page = hook["on_page_markdown"](hook["HELP"])
    builders = [f"data build {name}" for name in BUILDERS]
    for command in ("train", "list", "show", "data check", "methods show", *builders):
        assert f"## penchant {command}\n\n```text\nUsage: penchant {command} " in page


def test_the_page_of_data_has_every_layout() -> None:
    hook = runpy.run_path(str(ROOT / "docs" / "hooks" / "tables.py"))
    mark = hook["LAYOUTS"]
    assert mark in (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    rows = hook["on_page_markdown"](mark).splitlines()
    assert [row.split(" | ")[0].strip("| ") for row in rows[2:]] == [layout.name for layout in LAYOUTS]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [target for target in LINK.findall(text) if not (ROOT / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", TEXTS, ids=str)
def test_commands_on_a_page_have_names_options_keys_and_objectives_that_exist(page: Path) -> None:
    lines = commands((ROOT / page).read_text(encoding="utf-8"))
    assert {line: found for line in lines if (found := mistakes(line))} == {}


@pytest.mark.parametrize("page", WITH_YAML, ids=str)
def test_yaml_on_a_page_has_keys_and_names_that_exist(page: Path, tmp_path: Path) -> None:
    blocks = yaml_blocks((ROOT / page).read_text(encoding="utf-8"))
    assert {block: found for block in blocks if (found := list(wrong_yaml(block, tmp_path)))} == {}


@pytest.mark.parametrize("page", WITH_ROWS, ids=str)
def test_rows_on_a_page_are_read(page: Path) -> None:
    for rows in row_blocks((ROOT / page).read_text(encoding="utf-8")):
        assert len(read(rows)) == len(rows)


@pytest.mark.parametrize("page", TEXTS, ids=str)
def test_targets_extras_and_benchmarks_on_a_page_exist(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= set(targets)
    extras = re.findall(r"pip install[^`\n]*\[([a-z,-]+)\]", text)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert [each for found in extras for each in found.split(",") if f"\n{each} = [" not in project] == []
    modules = re.findall(r"python -m benchmarks\.(\w+)", text)
    assert [each for each in modules if not (ROOT / "benchmarks" / f"{each}.py").exists()] == []
    tables = (ROOT / "benchmarks" / "__main__.py").read_text(encoding="utf-8")
    named = re.findall(r"python -m benchmarks(?: [^`\n]*)? --only ([\w-]+)", text)
    assert [each for each in named if f'"{each}"' not in tables] == []


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("penchant trian --model M", "trian"),
        ("penchant compare --objective dpo", "--objective"),
        ("penchant data build NAME FILE --output F --levles 3", "--levles"),
        ("penchant train --model M learning_rat=1e-4", "learning_rat"),
        ("penchant train --model M --objective dpo --set betta=1", "betta"),
        ("penchant train --model M --objective dqo", "dqo"),
        ("penchant unlearn --forget A.jsonl --method npo epoch=3", "epoch"),
        ("penchant online grpo iteration=3", "iteration"),
        ("penchant online grpoo", "grpoo"),
        ("penchant online grpo judge.name=verifier judge.rules=exact", "rules"),
        ("penchant judge F --judge verifier,rules=exact -o N", "rules"),
        ("penchant judge F --judge verifyer,rule=exact -o N", "verifyer"),
        ("penchant generate MODEL --choice best-of-n choice.rul=best", "rul"),
        ("penchant study budget bugdets=[1]", "bugdets"),
        ("penchant pipeline itool taks=T.jsonl", "taks"),
        ("penchant merge A B --method slerp,tt=0.5 --out M", "tt"),
        ("penchant methods show rmax", "rmax"),
        ("penchant claims no-such-claim", "no-such-claim"),
        ("penchant judge F --judge levi --best-of one", "--best-of"),
    ],
)
def test_a_name_that_does_not_exist_is_found(line: str, named: str) -> None:
    [found] = mistakes(line)
    assert named in found


def test_a_key_of_a_yaml_block_that_does_not_exist_is_found(tmp_path: Path) -> None:
    blocks = {
        "objective: {name: dpo, betta: 1}": "betta",
        "batchsize: 3": "batchsize",
        "method: grpo\niteration: 3": "iteration",
        "judge: {name: verifier, rules: exact}": "rules",
        "stages: {a: 'train model=M --data D --objective dpo epoch=1 --out {out}'}": "epoch",
        "space: {atention: [0, 1]}": "atention",
    }
    for block, named in blocks.items():
        assert named in " ".join(wrong_yaml(block, tmp_path)), block


def test_commands_are_found_wherever_they_stand() -> None:
    text = """
Run `torchrun -m penchant train recipe.yaml` or `penchant
methods`.

```console
$ penchant train \\
    --model M
$ for rate in 1 2; do
>   penchant score --model M
> done
torchrun --nproc-per-node 2 -m penchant plan recipe.yaml     # a remark
```
"""
    assert commands(text.replace("\\\\", "\\")) == [
        "penchant train recipe.yaml",
        "penchant methods",
        "penchant train --model M",
        "penchant score --model M",
        "penchant plan recipe.yaml",
    ]


def test_every_page_is_in_the_navigation_once() -> None:
    listed = re.findall(r"^  - .*: ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_a_page_begins_with_a_title_and_a_sentence(page: Path) -> None:
    title, first = [line for line in page.read_text(encoding="utf-8").splitlines() if line][:2]
    assert title.startswith("# ")
    assert first[0].isalpha() or first[0] in "`*", "a page says what it is about before headings, tables and code"


def test_the_readme_has_the_table_of_methods() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == with_table(text), "write it anew: python tests/readme_table.py"
