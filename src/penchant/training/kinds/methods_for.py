"""Which methods read a kind of feedback, for the error about one that does not."""

from __future__ import annotations

from penchant.checks.unused import PAIR_LIKE, unused_columns
from penchant.checks.verdicts import LABEL_LIKE
from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.ranks import response_field
from penchant.feedback.records import Record
from penchant.feedback.views.view import find_view, supplied_texts, view_texts
from penchant.objectives.core.family import WRAPPERS
from penchant.objectives.core.objective import Objective, Requirements, requirements
from penchant.objectives.core.registry import OBJECTIVES
from penchant.rendering.steps import STEP_INDEX
from penchant.rendering.token_values import TOKEN_FIELDS, has_token_field

__all__ = ["check_kind", "methods_for"]

# How many methods an error names.
NAMED = 8
OF_MODELS = frozenset({"diffusion"})


def check_kind(objective: Objective, feedback: Feedback) -> None:
    """Refuse records of a kind that the objective cannot read, and name methods that can.

    Args:
        objective: its views decide.
        feedback: records of one kind; the first stands for all.

    Raises:
        DataError: the records cannot supply a view that the objective needs.
    """
    for record in feedback[:1]:
        for name in _of_kinds(objective.requirements):
            try:
                view_texts(name, record)
            except DataError as error:
                others = methods_for(record, _models(objective))
                # The columns may say what was meant: two responses, or a verdict.
                meant = [each.detail for each in unused_columns(feedback) if each.name in (PAIR_LIKE, LABEL_LIKE)]
                if not others and not meant:
                    raise
                more = ", ..." if len(others) > NAMED else ""
                named = f"Methods that read records of kind '{record.kind}': {', '.join(others[:NAMED])}{more}. "
                fix = " ".join([*meant, f"{named if others else ''}`penchant methods` shows all methods."])
                raise DataError(error.what, where=error.where, why=error.why, fix=fix) from error


def methods_for(record: Record, models: frozenset[str] = frozenset()) -> list[str]:
    """The ids of all methods that can train on a record, as far as its kind decides; sorted.

    Args:
        record: its kind supplies views; its fields are all that it has.
        models: the tags of the models that are trained, none for language models.

    Example:
        >>> from penchant.feedback.records import Judgement
        >>> "kto" in methods_for(Judgement(prompt="Hi", completion="Hello!", label=True))
        True
    """
    classes = {OBJECTIVES.get(name) for name in OBJECTIVES.names()}
    asked = [each for each in classes if each.family != WRAPPERS and _models(each) == models]
    fitting = [each for each in asked if _fits(requirements(each), record)]
    return sorted(each.id for each in fitting)


def _models(method: Objective | type[Objective]) -> frozenset[str]:
    """The tags that say which models a method is for."""
    return OF_MODELS.intersection(method.tags)


def _of_kinds(wanted: Requirements) -> list[str]:
    """The required views that a record supplies by its kind, not by further fields, other sources or other records."""
    views = {name: find_view(name) for name in wanted.views if name not in wanted.optional}
    return [name for name, view in views.items() if not (view.fields or view.crossed or view.source)]


def _fits(wanted: Requirements, record: Record) -> bool:
    views = {name: find_view(name) for name in wanted.views if name not in wanted.optional}
    supplied = all(
        view.source is None and (view.crossed is not None or supplied_texts(name, record))
        for name, view in views.items()
    )
    fields = [name for name in wanted.fields if name not in wanted.optional and name != STEP_INDEX]
    return supplied and all(
        has_token_field(record, name) if name in TOKEN_FIELDS else response_field(record, name) is not None
        for name in fields
    )
