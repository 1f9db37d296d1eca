"""What policy gradients ask of sampling: the gradient belongs to the distribution that the samples were drawn from."""

from __future__ import annotations

from penchant.errors import ConfigurationError
from penchant.generation.engines import Engine
from penchant.objectives.core.requirements import Requirements
from penchant.online.recipe import OnlineRecipe

__all__ = ["check_on_policy", "is_policy_gradient", "likelihood_temperature"]


def is_policy_gradient(wanted: Requirements) -> bool:
    """Whether an objective is a policy gradient, whose expectation is over the distribution that was sampled.

    Args:
        wanted: requirements of the objective.

    Example:
        >>> from penchant.objectives import DPO, GRPO
        >>> is_policy_gradient(GRPO().requirements), is_policy_gradient(DPO().requirements)
        (True, False)
    """
    return "advantage" in wanted.fields


def likelihood_temperature(recipe: OnlineRecipe, wanted: Requirements, engine: Engine) -> float:
    """The temperature that divides the logits in training: that of sampling for policy gradients, else 1.

    Args:
        recipe: how to sample.
        wanted: requirements of the objective.
        engine: samples the responses.
    """
    return recipe.temperature if engine.draws and is_policy_gradient(wanted) else 1.0


def check_on_policy(recipe: OnlineRecipe, wanted: Requirements, engine: Engine, objective: str) -> None:
    """Refuse settings of sampling that the likelihood of a policy gradient cannot follow.

    Args:
        recipe: how to sample.
        wanted: requirements of the objective.
        engine: samples the responses.
        objective: its id, for messages.

    Raises:
        ConfigurationError: the samples are not drawn from the policy at a temperature above 0.
    """
    if not (engine.draws and is_policy_gradient(wanted)):
        return
    why = f"{objective} is a policy gradient: its log-probabilities must be those of the distribution that was sampled."
    if recipe.temperature == 0:
        raise ConfigurationError(
            "Greedy decoding draws nothing.", where="temperature", why=why, fix="Give a temperature above 0."
        )
    if recipe.top_p < 1:
        raise ConfigurationError(
            f"'top_p' is {recipe.top_p}, which leaves tokens out of the distribution.",
            where="top_p",
            why=why,
            fix="Remove top_p; a temperature below 1 also avoids unlikely tokens, and is followed in training.",
        )
    if recipe.step_rule == "restart":
        raise ConfigurationError(
            "Each round trains from the weights at the start of the run, on samples of those that the last one made.",
            where="step_rule",
            why=why,
            fix="Give step_rule=plain, or an objective that does not ask where samples come from, such as nll or dpo.",
        )
    if recipe.staleness == "refuse" and not (engine.follows_policy or engine.updated):
        raise ConfigurationError(
            "The engine has its own weights, which training does not change.",
            where="engine",
            why=why,
            fix="Send it the weights before each round (engine.update: vllm, sglang, vllm-lora or sglang-lora), or "
            "correct for the difference (staleness=token or staleness=sequence), or sample in process.",
        )
    if changed := engine.alters():
        raise ConfigurationError(
            f"The engine samples from a changed distribution ({', '.join(changed)}).",
            where="engine",
            why=why,
            fix="Remove these settings, or choose an objective that does not ask where responses come from, such as "
            "dpo or nll.",
        )
