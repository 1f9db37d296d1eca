"""Tags: what methods of several families have in common."""

from __future__ import annotations

from collections.abc import Iterable

from penchant.errors import ConfigurationError, nearest

__all__ = ["TAGS", "check_tags"]

#: Every tag that a method may carry, with its meaning.
TAGS: dict[str, str] = {
    "batch": "the loss of an example depends on the other examples of its batch",
    "diffusion": "made for denoisers, whose likelihoods are denoising errors",
    "distribution": "matches a whole distribution over the responses to a prompt",
    "divergence": "another divergence from the reference than the reverse KL",
    "fusion": "learns from several source models",
    "gradients": "shapes the gradient and not only the loss",
    "instructions": "compares prompts too, and not only responses",
    "length": "corrects for the lengths of responses",
    "likelihood": "holds up the likelihood of the chosen response",
    "margin": "asks for a target margin, or weights pairs by one",
    "multimodal": "made for responses to images or with images",
    "noise": "expects labels that are wrong at some rate",
    "normalized": "uses mean log-probabilities per token",
    "online": "made for responses that the policy samples during the run",
    "rationale": "learns from explanations of a preference",
    "robust": "holds up under wrong labels, outliers or a poor reference",
    "scores": "uses graded scores of responses and not only their order",
    "searched": "found by a search over loss functions",
    "self-play": "learns against the policy's own earlier responses",
    "soft-labels": "uses the probability that a label is right",
    "supervised": "imitates responses, without any comparison",
    "utility": "values single responses by a utility against a reference point",
    "weighting": "weights the examples by a number that has no gradient",
}


def check_tags(tags: Iterable[str], where: str) -> None:
    """Refuse a tag that is not in the vocabulary.

    Args:
        tags: the tags of a method.
        where: the method's class, for the message.

    Raises:
        ConfigurationError: there is no such tag; the nearest is in the message.

    Example:
        >>> check_tags(["robust"], "here")
        >>> check_tags(["robbust"], "here")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: here: There is no tag 'robbust'. Did you mean 'robust'?
    """
    for tag in tags:
        if tag not in TAGS:
            raise ConfigurationError(f"There is no tag {tag!r}. {nearest(tag, TAGS)}", where=where)
