"""The requirements of an objective, read from the signature of its ``loss``."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from penchant.errors import ConfigurationError
from penchant.objectives.core.mixing import Mixing
from penchant.objectives.core.token_statistic import TokenStatistic, find_statistics

__all__ = ["CHECKPOINTS", "EVERY_LAYER", "UNIT_MEANS", "Needs", "Requirements", "read_signature"]

#: The reference's states of all L decoder layers at the position that predicts each token, [R, T, L, D].
EVERY_LAYER = "every layer"
#: Means over hidden units of S kinds of the reference's activations at these positions, [R, T, S, L].
UNIT_MEANS = "means of units"
#: Checkpoints of a run whose log-probabilities an objective may read beside the reference's: the model that the run
#: starts from, and the policy at the start of the round, which wrote its samples.
CHECKPOINTS = ("initial", "previous")


@dataclass(frozen=True)
class Needs:
    """What must be computed in addition to the policy's log-probabilities.

    Args:
        reference: whether a reference scores the responses too.
        stats: per-token statistics of the next-token distribution: names, for example ``frozenset({"entropy"})``, or
            `TokenStatistic`s that the objective defines.
        stats_of: views whose statistics are read; None for all. Statistics of tokens that stand in no such view are not
            computed.
        stats_fixed: views whose statistics the loss reads as constants, without gradient. Like the next one, it only
            saves work: results do not depend on it.
        stats_cancel: whether the loss has the same gradient by the log-probability of a token and by ``reference_kl``
            there, in all views whose statistics have one: the policy's distribution has no part in their sum.
        unreferenced: views that the reference does not score although there is one.
        hidden: whether each view has the hidden states that predict its tokens (`Scored.hidden`).
        ends: whether each view has the hidden states at the last token of its prompts and of its responses
            (`Scored.start_state`, `Scored.end_state`), which reward heads read.
        likelihood: whether log-probabilities are read at all; without them the output head is not computed.
        layers: layers whose activations each view has at its tokens (`Scored.activations`), of the policy and, with a
            reference, of the reference: numbers (``"7"``, ``"-1"``) or paths in the model.
        gradient_norms: whether each view has the norm of the parameter gradient of each response's log-probability, as
            its field ``gradient_norm``.
        residual: a second pass in which the input of each response token is mixed with a token that the policy
            predicts there. Each view has the log-probabilities of its tokens in that pass as
            ``stat("residual_logp")``, with gradient. None without a second pass.
        reference_states: states of all layers of the reference at the positions that predict each token
            (`Scored.activation`, ``of_reference``): ``EVERY_LAYER`` or ``UNIT_MEANS``.
        checkpoints: names of `CHECKPOINTS` whose log-probabilities each view has (`Scored.logratio_to`), beside those
            of the reference.

    Example:
        >>> (Needs(reference=True) | Needs(stats=frozenset({"entropy"}))).reference
        True
    """

    reference: bool = False
    stats: frozenset[str | TokenStatistic] = frozenset()
    stats_of: frozenset[str] | None = None
    stats_fixed: frozenset[str] = frozenset()
    stats_cancel: bool = False
    unreferenced: frozenset[str] = frozenset()
    hidden: bool = False
    ends: bool = False
    likelihood: bool = True
    layers: frozenset[str] = frozenset()
    gradient_norms: bool = False
    residual: Mixing | None = None
    reference_states: frozenset[str] = frozenset()
    checkpoints: frozenset[str] = frozenset()

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            reference=self.reference or other.reference,
            stats=self.stats | other.stats,
            stats_of=self._read_of(other),
            stats_fixed=self._fixed_of(other),
            stats_cancel=self.stats_cancel and other.stats_cancel,
            unreferenced=self.unreferenced | other.unreferenced,
            hidden=self.hidden or other.hidden,
            ends=self.ends or other.ends,
            likelihood=self.likelihood or other.likelihood,
            layers=self.layers | other.layers,
            gradient_norms=self.gradient_norms or other.gradient_norms,
            residual=self._one_residual(other),
            reference_states=self.reference_states | other.reference_states,
            checkpoints=self.checkpoints | other.checkpoints,
        )

    def _read_of(self, other: Needs) -> frozenset[str] | None:
        """The views whose statistics one of both reads."""
        asking = [each for each in (self, other) if each.stats]
        given = [each.stats_of for each in asking if each.stats_of is not None]
        return frozenset().union(*given) if asking and len(given) == len(asking) else None

    def _fixed_of(self, other: Needs) -> frozenset[str]:
        """The views whose statistics have no gradient in one of both."""
        asking = [each for each in (self, other) if each.stats]
        known = self.stats_fixed | other.stats_fixed
        return frozenset(
            view for view in known if all(view in each.stats_fixed or not each.stats_in(view) for each in asking)
        )

    def _one_residual(self, other: Needs) -> Mixing | None:
        """The second pass of both."""
        given = [each for each in (self.residual, other.residual) if each is not None]
        if len(set(given)) > 1:
            raise ConfigurationError(
                "Two parts of the objective mix predictions into the input in different ways, with the shares "
                f"{given[0].share} and {given[1].share}.",
                why="There is one second pass.",
                fix="Give both the same settings.",
            )
        return given[0] if given else None

    @property
    def scores(self) -> bool:
        """Whether the output head is computed.

        Example:
            >>> Needs(ends=True, likelihood=False).scores, Needs(reference=True, likelihood=False).scores
            (False, True)
        """
        return self.likelihood or self.reference or self.gradient_norms or bool(self.stats) or self.residual is not None

    @property
    def trains_first_pass(self) -> bool:
        """Whether a loss reads the pass over the responses as they are, rather than the second pass alone.

        Example:
            >>> Needs().trains_first_pass, Needs(likelihood=False, residual=Mixing(0.2)).trains_first_pass
            (True, False)
        """
        states = self.hidden or self.ends or bool(self.layers)
        return self.likelihood or self.reference or self.gradient_norms or bool(self.stats) or states

    @property
    def compares(self) -> bool:
        """Whether a statistic reads the reference's whole distribution.

        Example:
            >>> Needs(stats=frozenset({"kl"})).compares, Needs(stats=frozenset({"entropy"})).compares
            (True, False)
        """
        return any(each.reference for each in find_statistics(self.stats))

    def stats_in(self, view: str) -> bool:
        """Whether the statistics of the responses of ``view`` are read.

        Example:
            >>> some = Needs(stats=frozenset({"kl"}), stats_of=frozenset({"chosen"}))
            >>> some.stats_in("rejected"), (some | Needs(reference=True)).stats_in("rejected")
            (False, False)
            >>> (some | Needs(stats=frozenset({"entropy"}))).stats_in("rejected")
            True
        """
        return self.stats_of is None or view in self.stats_of

    def reference_of(self, view: str) -> bool:
        """Whether the reference scores the responses of ``view``.

        Example:
            >>> needs = Needs(reference=True, unreferenced=frozenset({"rationale"}))
            >>> needs.reference_of("chosen"), needs.reference_of("rationale")
            (True, False)
        """
        return self.reference and view not in self.unreferenced


@dataclass(frozen=True)
class Requirements:
    """The inputs of an objective: its views and record fields by name.

    Args:
        views: sets of scored sequences, one per example (``chosen``), in the order of the signature.
        fields: fields of the record (``margin``), in the order of the signature.
        optional: the views and fields that have a default.
        several: the views that hold several sequences per example, as a list of ``Scored``.
        needs: what must be computed for the views.
        numbered: fields that number people or classes from 0, and how many of these there are.

    Example:
        >>> from penchant.objectives import DPO
        >>> DPO().requirements.views
        ('chosen', 'rejected')
    """

    views: tuple[str, ...]
    fields: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    needs: Needs = field(default_factory=Needs)
    numbered: Mapping[str, int] = field(default_factory=dict)

    def __or__(self, other: Requirements) -> Requirements:
        both = (self, other)

        def required(name: str) -> bool:
            return any(name in each.views + each.fields and name not in each.optional for each in both)

        needs = self.needs | other.needs
        # Unreferenced only if no other part needs its reference.
        asked = {name for each in both for name in each.views if each.needs.reference_of(name)}
        return Requirements(
            views=tuple(dict.fromkeys(self.views + other.views)),
            fields=tuple(dict.fromkeys(self.fields + other.fields)),
            optional=frozenset(name for name in self.optional | other.optional if not required(name)),
            several=self.several | other.several,
            needs=replace(
                needs,
                unreferenced=needs.unreferenced - asked,
                # What reads fields alone changes no gradient of a token by another factor.
                stats_cancel=all(each.needs.stats_cancel for each in both if each.views),
            ),
            # The number must be one that each part knows.
            numbered={
                name: min(each.numbered[name] for each in both if name in each.numbered)
                for name in {**self.numbered, **other.numbered}
            },
        )


def _annotation_texts(function: Callable[..., Any]) -> dict[str, str]:
    """Each parameter's annotation as text, whether postponed, resolved or unresolvable."""
    try:
        found: dict[str, Any] = typing.get_type_hints(function)
    except NameError:  # a name imported for type checkers only; its text is enough
        found = inspect.get_annotations(function)
    return {
        name: annotation.__name__
        if inspect.isclass(annotation) and not typing.get_args(annotation)
        else str(annotation)
        for name, annotation in found.items()
    }


@cache  # read at every step, and signatures do not change
def read_signature(loss: Callable[..., Any], needs: Needs) -> Requirements:
    """The requirements of a ``loss``: parameters annotated ``Scored`` are views, those annotated ``Tensor`` are record
    fields.

    Args:
        loss: the ``loss`` method of an objective's class.
        needs: the needs that the objective declares.

    Raises:
        ConfigurationError: a parameter is neither a view nor a field.

    Example:
        >>> from penchant.objectives import DPO
        >>> read_signature(DPO.loss, DPO.needs).fields
        ()
    """
    texts = _annotation_texts(loss)
    views, fields, optional, several = [], [], set(), set()
    for name, parameter in inspect.signature(loss).parameters.items():
        if name == "self" or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        words = set(re.findall(r"\w+", texts.get(name, "")))
        if "Scored" in words:
            views.append(name)
            if words & {"list", "Sequence", "tuple"}:
                several.add(name)
        elif "Tensor" in words:
            fields.append(name)
        else:
            raise ConfigurationError(
                f"The parameter {name!r} is neither a view nor a record field.",
                where=f"{loss.__module__}.{loss.__qualname__}",
                fix=f"Annotate it: `{name}: Scored` for a set of scored sequences, `{name}: Tensor` for a field.",
            )
        if parameter.default is not parameter.empty:
            optional.add(name)
    return Requirements(tuple(views), tuple(fields), frozenset(optional), frozenset(several), needs)
