"""Functions that plans of searches and studies name."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.errors import ConfigurationError
from penchant.training.search.plan import read_search
from penchant.training.studies.plans import read_study

SEARCH = "recipe: {objective: {path: PLACE}}\n"
STUDY = "design: budget\nworld: sums\nmeasure: judge\njudge: {name: function, path: PLACE}\n"


@pytest.mark.parametrize(("text", "read"), [(SEARCH, read_search), (STUDY, lambda path: read_study(str(path)))])
def test_plans_of_searches_and_studies_name_functions_beside_them_alone(
    text: str, read: object, tmp_path: Path
) -> None:
    assert callable(read)
    plan = tmp_path / "plan.yaml"
    for place in ("/opt/theirs.py:f", "shutil:rmtree"):
        plan.write_text(text.replace("PLACE", place))
        with pytest.raises(ConfigurationError, match=r"beside the recipe|module of Python"):
            read(plan)
