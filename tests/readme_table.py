"""The README's table of methods by family and evidence; ``python tests/readme_table.py`` writes it anew."""

from __future__ import annotations

from pathlib import Path

from penchant.cli.method_pages import evidence_table
from penchant.errors import DataError
from penchant.objectives import get, names, wrapper_names

README = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- methods by family and evidence: `python tests/readme_table.py` writes this table -->\n"
END = "<!-- end of the table -->\n"


def with_table(text: str) -> str:
    """The README with the table as it should be."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError(
            "The marks of the table of methods are missing.", where=README.name, fix=f"Restore {BEGIN}{END}"
        )
    classes = [get(name) for name in names() + wrapper_names()]
    # Other tests define objectives of their own.
    table = evidence_table([cls for cls in classes if cls.__module__.startswith("penchant.")])
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
