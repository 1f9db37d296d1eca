"""``penchant methods logic``: preference losses as logical statements, and losses compiled from statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.errors import ConfigurationError
from penchant.terminal import make_console

if TYPE_CHECKING:
    from penchant.objectives.logic import KnownLoss, Structure

__all__ = ["logic"]


def logic(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID...]", help="Losses to show; default: all with a known statement."),
    ] = None,
    derive: Annotated[
        str | None, typer.Option(metavar="FORMULA", help="Compile a statement P, such as 'M(l) implies M(w)'.")
    ] = None,
    condition: Annotated[
        str | None, typer.Option(metavar="FORMULA", help="With --derive: the conditioning constraint P_C.")
    ] = None,
    additive: Annotated[
        str | None, typer.Option(metavar="FORMULA", help="With --derive: the additive constraint P_A.")
    ] = None,
    top: Annotated[
        str | None,
        typer.Option(metavar="FORMULA", help="Compile a loss from its top and bottom statements; needs --bottom."),
    ] = None,
    bottom: Annotated[str | None, typer.Option(metavar="FORMULA", help="With --top: the bottom statement.")] = None,
    near: Annotated[str | None, typer.Option(metavar="ID", help="List losses one change away from this one.")] = None,
) -> None:
    """Show preference losses as logical statements and which entails which, or derive new losses."""
    options = {"formula": derive, "condition": condition, "additive": additive, "top": top, "bottom": bottom}
    given = {name: text for name, text in options.items() if text is not None}
    chosen = [bool(names), bool(given), near is not None]
    if sum(chosen) > 1:
        raise ConfigurationError(
            "Ids, a formula to compile and --near were given together.", fix="Give one of the three."
        )
    if given:
        _derive(given)
    elif near is not None:
        _near(near)
    else:
        _read(names or [])


def _console() -> Any:

    return make_console(highlight=False, markup=False)


def _statement(structure: Structure) -> list[tuple[str, str]]:
    """The named parts of a structure, as rows."""
    from penchant.objectives.logic import write_formula

    return [
        ("P", structure.core_text),
        ("P_C", write_formula(structure.preference.condition)),
        ("P_A", write_formula(structure.preference.additive)),
        ("top", write_formula(structure.top)),
        ("bottom", write_formula(structure.bottom)),
        ("ρ", structure.rho),
    ]


def _show(heading: str, rows: list[tuple[str, str]]) -> None:
    console = _console()
    console.print(heading, style="bold", soft_wrap=True)
    for name, text in rows:
        console.print(f"  {name:<7} {text}", soft_wrap=True)
    console.print()


def _read(names: list[str]) -> None:
    from penchant.objectives.logic import KNOWN, known

    losses = [known(name) for name in dict.fromkeys(names or KNOWN)]
    for loss in losses:
        link = [("loss", f"{loss.link} of ρ{'' if loss.decreasing else ', which is not decreasing'}")]
        note = [("note", loss.remark)] if loss.remark else []
        _show(f"{loss.id}: {loss.name}", [*_statement(loss.structure), *link, *note])
    if len(losses) > 1:
        _relations(losses)


def _relations(losses: list[KnownLoss]) -> None:
    """Print entailment between classes of equivalent losses, as a table and in words."""
    from rich.table import Table

    classes: dict[Structure, list[str]] = {}
    for loss in losses:
        classes.setdefault(loss.structure, []).append(loss.id)
    labels = {structure: " = ".join(ids) for structure, ids in classes.items()}
    short = {structure: ids[0] for structure, ids in classes.items()}
    console = _console()
    for label in labels.values():
        if " = " in label:
            console.print(f"Equivalent (one ρ, with any reference): {label}", soft_wrap=True)
    if len(classes) == 1:
        return
    table = Table("row entails column", *short.values(), title="Entailment")
    for row, name in short.items():
        table.add_row(name, *("=" if row == column else "yes" if row.entails(column) else "·" for column in short))
    console.print(table)
    found = [(a, b) for a in short for b in short if a != b and a.entails(b)]
    for first, second in found:
        console.print(f"ρ({short[first]}) ≤ ρ({short[second]}) for every model", soft_wrap=True)
    if found:
        console.print(
            "If ρ is never larger, the losses −log σ(βρ) and max(0, β − ρ) are never smaller: the row's loss bounds "
            "the column's from above (same link, same β, probabilities of whole responses or per token in both).",
            soft_wrap=True,
        )
    else:
        console.print("No loss entails another.")


def _derive(given: dict[str, str]) -> None:
    import shlex

    from penchant.objectives.logic import KNOWN, LogicLoss

    if ("top" in given) != ("bottom" in given):
        raise ConfigurationError("Only one of --top and --bottom was given.", fix="Give both.")
    objective = LogicLoss(**given)
    structure = objective.structure
    same = [loss.id for loss in KNOWN.values() if loss.structure == structure]
    rows = [*_statement(structure), ("known", ", ".join(same) or "no loss of this form is known")]
    if not structure.uses_reference:
        answer = (
            "yes" if structure.is_preference else "no: it does not set winner-and-not-loser above loser-and-not-winner"
        )
        rows.append(("prefers", answer))
        rows += _against_known(structure)
    settings = " ".join(f"--set {shlex.quote(f'{name}={text}')}" for name, text in given.items())
    _show("Compiled loss: −log σ(β ρ)", [*rows, ("train", f"penchant train ... --objective logic {settings}")])


def _against_known(structure: Structure) -> list[tuple[str, str]]:
    """The known reference-free losses that entail it or are entailed by it."""
    from penchant.objectives.logic import KNOWN, relation

    free = [loss for loss in KNOWN.values() if loss.reference == "none"]
    above = [loss.id for loss in free if relation(loss.structure, structure) == "entails it"]
    below = [loss.id for loss in free if relation(loss.structure, structure) == "is entailed by it"]
    rows = [("below", f"its loss is at most that of {', '.join(above)}")] if above else []
    return rows + ([("above", f"its loss is at least that of {', '.join(below)}")] if below else [])


def _near(name: str) -> None:
    from rich.table import Table

    from penchant.objectives.logic import known, neighbours, write_formula

    loss = known(name)
    table = Table("known as", f"{name} ...", "differs in", "top", "bottom", "ρ", title=f"Losses near {name}")
    for each in neighbours(loss):
        top, bottom = write_formula(each.structure.top), write_formula(each.structure.bottom)
        table.add_row(", ".join(each.ids) or "new", each.relation, str(each.distance), top, bottom, each.structure.rho)
    console = _console()
    console.print(table)
    then = "; reference=true adds the reference to any of them" if loss.reference != "none" else ""
    console.print(f"Train one: --objective logic --set top=... --set bottom=...{then}", soft_wrap=True)
