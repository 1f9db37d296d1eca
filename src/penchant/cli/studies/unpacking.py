"""``penchant lab unpacking``: which of data, algorithm, reward model and prompts matters most."""

from __future__ import annotations

from typing import Annotated

import typer

from penchant.cli.options import HtmlFile, JsonFile, Overwrite
from penchant.cli.studies.options import Seed
from penchant.targets import claim_files
from penchant.terminal import make_console
from penchant.writing import write_json

__all__ = ["unpacking"]

_READING = "Expected share of right steps on the prompts of the domain. The effect is the variant less the base."


def unpacking(
    seeds: Annotated[int, typer.Option(min=2, help="Worlds; all settings share them.")] = 5,
    seed: Seed = 0,
    html: HtmlFile = None,
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Change one thing at a time: labels, DPO or PPO, the reward model's pairs, prompts; the order of importance."""
    claim_files({"--html": html, "--json": json_out}, overwrite=overwrite, inputs=[])
    from rich.table import Table

    from penchant.cli.narrow import as_texts, print_fitted
    from penchant.evaluation.report.table_page import write_table
    from penchant.lab.worlds.chains.unpacking import effects, measure_settings

    rows = effects([measure_settings(each) for each in range(seed, seed + seeds)])
    table = Table(title=f"What matters, over {seeds} worlds", title_justify="left")
    for heading in ("factor", "base", "variant", "effect", "95 % interval"):
        table.add_column(heading)
    for factor, before, after, apart in rows:
        interval = f"{apart.low:+.3f} to {apart.high:+.3f}"
        table.add_row(factor.name, f"{before:.3f}", f"{after:.3f}", f"{apart.value:+.3f}", interval)
    console = make_console(highlight=False)
    print_fitted(console, table)
    console.print(_READING, markup=False)
    if html is not None:
        write_table(
            html, "What matters in learning from preferences", f"{seeds} worlds", as_texts(table), lead=_READING
        )
    if json_out is not None:
        named = [
            {
                "factor": factor.name,
                "base": before,
                "variant": after,
                "effect": apart.value,
                "low": apart.low,
                "high": apart.high,
                "settings": [vars(factor.base), vars(factor.variant)],
            }
            for factor, before, after, apart in rows
        ]
        write_json(json_out, {"first_seed": seed, "seeds": seeds, "factors": named}, "The study")
