"""The pages of online recipes in Markdown: the choices of each, its paper, its keys, and its claims."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from penchant.errors import ConfigurationError, nearest

__all__ = ["group_page", "known_names", "loop_page", "name_page", "online_part"]

#: Claims about a recipe whose ids begin with another name.
CLAIMS: dict[str, tuple[str, ...]] = {
    "apo-nesterov": ("dpo-nesterov-rounds",),
    "cream": ("selfie-few-labels",),
    "curated-retraining": ("nll-curated-retraining",),
    "dr-po": ("ppo-dataset-resets",),
    "drift": ("dpo-drift-complaints",),
    "itool": ("simpo-itool-hard-third",),
    "iterative-dpo": ("dpo-iterative-sums",),
    "mcts-dpo": ("cdpo-mcts-derivations",),
    "multi-objective-grpo": ("grpo-several-rewards",),
    "nash-md": ("inpo-cyclic-preferences",),
    "online-dpo": ("xpo-rare-response", "egpo-last-iterate"),
    "optima": ("dpo-optima-tokens",),
    "optima-isft": ("dpo-optima-tokens",),
    "pu-distill": ("grpo-list-targets",),
    "rejection-sampling": ("nll-sums", "nll-rejection-sampling", "grpo-rejection-sampling"),
    "rlhs": ("dpo-hindsight-feedback",),
    "self-rewarding": ("selfie-few-labels",),
    "spo-minimax": ("inpo-cyclic-preferences",),
}


def loop_page(name: str, level: int = 1) -> str:
    """The page of an online recipe.

    Args:
        name: of a packaged recipe.
        level: of its heading.

    Example:
        >>> print(loop_page("remax").splitlines()[0])
        # `remax`: an online recipe
    """
    from penchant.online.recipe import RECIPES, packaged_notes

    keys = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8")
    own = "".join(line for line in keys.splitlines(keepends=True) if not line.startswith("#"))
    lines = [f"{'#' * level} `{name}`: an online recipe", "", _linked(packaged_notes(name)), ""]
    lines += ["| choice | here |", "| --- | --- |", *(f"| {what} | {text} |" for what, text in _choices(name)), ""]
    lines += [
        "```yaml",
        own.rstrip(),
        "```",
        "",
        f"`penchant online {name} --model M --data FILE --output runs/{name}`",
    ]
    return "\n".join([*lines, *_claims(name), ""])


def _choices(name: str) -> Iterator[tuple[str, str]]:
    """The five choices of a recipe with their settings, then what is further, and what must be given."""
    from penchant.online.catalogue import choices_of, packaged

    recipe = packaged(name)
    found = choices_of(name, recipe)
    drawn = f"{recipe.samples_per_prompt} of up to {recipe.max_new_tokens} tokens, temperature {recipe.temperature:g}"
    yield "sampler", f"`{found.sampler}`, engine `{recipe.engine['name']}`; responses to a prompt: {drawn}"
    yield from (
        (what, _part(getattr(recipe, key)))
        for what, key in (("judge", "judge"), ("pairing", "pairing"), ("objective", "objective"))
    )
    rate = f", rate {recipe.reference_rate:g}" if found.reference in ("ema", "nesterov", "extrapolated") else ""
    yield "reference", f"`{found.reference}`{rate}"
    yield from ((what, text) for what, text in (("further", found.further), ("needs", found.needs)) if text)


def _part(part: dict[str, object]) -> str:
    settings = ", ".join(f"{key}={value}" for key, value in part.items() if key != "name")
    return f"`{part['name']}`" + (f" ({settings})" if settings else "")


def _linked(text: str) -> str:
    """The text with its papers as links."""
    return re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def claims_of(name: str) -> dict[str, str]:
    """The recorded claims about a recipe, with their verdicts.

    Args:
        name: of a packaged recipe.

    Example:
        >>> claims_of("dr-po")
        {'ppo-dataset-resets': 'reproduced'}
    """
    from penchant.lab.claims.record import read_record

    record = read_record()
    begun = [each for each in record if each.startswith(f"{name}-") and not _of_a_longer_name(name, each)]
    return {each: record[each]["verdict"] for each in [*begun, *CLAIMS.get(name, ())] if each in record}


def _of_a_longer_name(name: str, claim: str) -> bool:
    """Whether a claim belongs to another recipe or method whose name goes on where this one ends."""
    from penchant.objectives import names
    from penchant.online.recipe import methods

    others = {*names(), *methods()}
    return any(len(each) > len(name) and claim.startswith(f"{each}-") for each in others)


def _claims(name: str) -> Iterator[str]:
    found = claims_of(name)
    if found:
        yield from ("", "Claims: " + ", ".join(f"`{claim}` ({verdict})" for claim, verdict in found.items()) + ".")


def name_page(name: str) -> str:
    """The page of a paper's name: which choices make it, and what it is not.

    Args:
        name: one of `penchant.online.shown.paper_names.PAPER_NAMES`.

    Example:
        >>> print(name_page("oaif").splitlines()[2])
        Online AI feedback (Guo et al., 2024, [arXiv:2402.04792](https://arxiv.org/abs/2402.04792)).
    """
    from penchant.online.shown.paper_names import PAPER_NAMES

    found = PAPER_NAMES[name]
    lines = [f"# `{name}`: a paper's name", "", _linked(found.means), ""]
    if found.recipe:
        lines += [f"Here: `{found.command}`", ""]
    if found.differs:
        lines += [f"Not to be confused: {found.differs}", ""]
    return "\n".join([*lines, loop_page(found.recipe, level=2) if found.recipe else ""])


def online_part(name: str, policy_gradient: bool) -> str:
    """What is added to an objective's page: the recipe of the same name, or how a policy gradient runs online.

    Args:
        name: of the objective.
        policy_gradient: whether the objective trains on advantages.
    """
    from penchant.online.recipe import methods

    if name in methods():
        return "\n" + loop_page(name, level=2)
    return f"\nOnline: `penchant online grpo objective={name} ...`\n" if policy_gradient else ""


def known_names() -> list[str]:
    """All recipes, and all names of papers that are settings of one."""
    from penchant.online.recipe import methods
    from penchant.online.shown.paper_names import PAPER_NAMES

    return sorted({*methods(), *PAPER_NAMES})


def group_page(title: str) -> str:
    """The page of a group of recipes, for the documentation.

    Args:
        title: of the group.

    Raises:
        ConfigurationError: there is no such group.
    """
    from penchant.online.shown.groups import GROUPS
    from penchant.online.shown.paper_names import PAPER_NAMES

    if title not in GROUPS:
        raise ConfigurationError(f"There is no group of recipes {title!r}. {nearest(title, GROUPS)}")
    recipes: Sequence[str] = GROUPS[title]
    lines = [f"# Online: {title[0].lower()}{title[1:]}", "", *(loop_page(each, level=2) for each in recipes)]
    others = {name: each for name, each in PAPER_NAMES.items() if each.recipe in recipes}
    if others:
        lines += ["## Other names", "", "| name | what it is | command |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {_linked(each.means)} | `{each.command}` |" for name, each in others.items()]
    return "\n".join(lines) + "\n"
