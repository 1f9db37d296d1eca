"""`objective_of_method`: the objective of an unlearning method, with a retain term where there is data for it."""

from __future__ import annotations

from penchant.errors import ConfigurationError, nearest
from penchant.feedback.views.view import find_view
from penchant.objectives import build
from penchant.objectives.core.expression import NAMED_SUMS
from penchant.objectives.core.registry import names

__all__ = ["objective_of_method", "unlearning_methods"]


def unlearning_methods() -> list[str]:
    """The methods and named sums that forget something.

    Example:
        >>> [name for name in unlearning_methods() if name.startswith("npo")]
        ['npo', 'npo-kl', 'npo-retain']
    """
    return sorted(name for name in (*names(), *NAMED_SUMS) if _forgets(name))


def objective_of_method(method: str, retain: bool) -> str:
    """The name of the objective that a method stands for.

    A method without a retain term gets one if there are records to keep: ``npo`` becomes ``npo-retain``, which is
    ``npo + retain-nll``. A sum stays as it is written.

    Args:
        method: an id, a named sum, or an expression.
        retain: whether there are records to keep.

    Raises:
        ConfigurationError: it is unknown, forgets nothing, or needs records to keep that are not there.

    Example:
        >>> objective_of_method("npo", True), objective_of_method("npo", False), objective_of_method("wga", True)
        ('npo-retain', 'npo', 'wga+retain-nll')
    """
    views = build(method).requirements.views
    sources = {find_view(each).source for each in views}
    if "forget" not in sources:
        raise ConfigurationError(
            f"{method!r} forgets nothing: it reads {', '.join(views)}.",
            where="method",
            fix=f"{nearest(method, unlearning_methods())} Known: {', '.join(unlearning_methods())}.",
        )
    if "retain" in sources and not retain:
        raise ConfigurationError(
            f"The method {method!r} needs records to keep, and there are none.",
            where="retain",
            fix="Give them with --retain, or choose npo, simnpo or another method without a retain term.",
        )
    if "retain" in sources or not retain or any(sign in method for sign in "+*("):
        return method
    return f"{method}-retain" if f"{method}-retain" in NAMED_SUMS else f"{method}+retain-nll"


def _forgets(name: str) -> bool:
    return any(find_view(each).source == "forget" for each in build(name).requirements.views)
