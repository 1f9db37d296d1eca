"""A result shows itself in a terminal and in a notebook."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from html.parser import HTMLParser

from penchant.training import Result
from small_runs import pairs

Train = Callable[..., Result]


class Cells(HTMLParser):
    """The texts of a page's elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [str(value) for name, value in attrs if name == "href"]


def test_verdict_figures_and_link(train: Train) -> None:
    others = [{**row, "prompt": "and " + row["prompt"]} for row in pairs(4)]  # of no prompt that is trained on
    run = train("a<b", data=pairs()[4:], eval_data=others, learning_rate=1e-2)
    page = Cells(str(run._repr_html_()))
    margin = page.texts.index("Reward margin")
    after = run.summary["after"]["rewards/margin"]
    assert float(page.texts[margin + 1]) == 0.0 and float(page.texts[margin + 2]) > 0.0
    assert abs(float(page.texts[margin + 2]) - after) < 0.01
    assert page.links == [str(run.report)], "names are escaped"
    said = repr(run)
    assert "got better" in page.texts[0] and page.texts[0] in said
    assert f"model: {run.folder / 'model'}" in said and "Reward margin" in said and "LlamaForCausalLM" not in said


def test_a_result_whose_folder_is_gone_still_shows_itself(train: Train) -> None:
    run = train()
    shutil.rmtree(run.folder)
    assert repr(run) == f"Result(folder={str(run.folder)!r})" and run._repr_html_() is None
