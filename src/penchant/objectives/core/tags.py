"""Tags: properties that methods of different families share."""

from __future__ import annotations

from collections.abc import Iterable

from penchant.errors import ConfigurationError, nearest

__all__ = ["TAGS", "check_tags"]

#: Every tag that a method may carry, with its meaning.
TAGS: dict[str, str] = {
    "batch": "the loss of an example depends on the other examples of its batch",
    "diffusion": "designed for denoisers, whose likelihoods come from denoising errors",
    "distribution": "matches a whole distribution over the responses to a prompt",
    "divergence": "uses a divergence other than the reverse KL",
    "fusion": "learns from several source models",
    "gradients": "modifies the gradient, not only the loss",
    "instructions": "compares prompts, not only responses",
    "length": "corrects for response length",
    "likelihood": "keeps the likelihood of the chosen response from falling",
    "margin": "uses a target margin, or weights pairs by their margin",
    "multimodal": "designed for prompts or responses with images",
    "noise": "models a rate of wrong labels",
    "normalized": "uses mean log-probabilities per token",
    "online": "designed for responses that the policy samples during training",
    "rationale": "learns from explanations of a preference",
    "robust": "robust to wrong labels, outliers or a poor reference",
    "scores": "uses graded scores of responses, not only their order",
    "searched": "found by a search over loss functions",
    "self-play": "learns against the policy's own earlier responses",
    "soft-labels": "uses the probability that a label is correct",
    "supervised": "imitates responses, without comparisons",
    "utility": "values single responses by a utility relative to a reference point",
    "weighting": "weights examples by a factor without gradient",
}


def check_tags(tags: Iterable[str], where: str) -> None:
    """Raise if a tag is not in the vocabulary.

    Args:
        tags: the tags of a method.
        where: the method's class, named in the message.

    Raises:
        ConfigurationError: there is no such tag; the message names the nearest.

    Example:
        >>> check_tags(["robust"], "here")
        >>> check_tags(["robbust"], "here")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: here: There is no tag 'robbust'. Did you mean 'robust'?
    """
    for tag in tags:
        if tag not in TAGS:
            raise ConfigurationError(f"There is no tag {tag!r}. {nearest(tag, TAGS)}", where=where)
