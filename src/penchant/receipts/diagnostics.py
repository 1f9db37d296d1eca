"""Published cases of diagnostics."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from penchant.diagnostics.entanglement import entanglement
from penchant.diagnostics.features.autoencoder import SparseAutoencoder
from penchant.diagnostics.features.effects import controlled_effects
from penchant.diagnostics.novelty.contrast import contrast_scores, plausible
from penchant.diagnostics.properties.coefficients import feature_vector, fit_by_folds, preferred, win_probability
from penchant.diagnostics.properties.similarity import similarity
from penchant.diagnostics.ranking import EPSILON
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["cge", "gradient_entanglement", "idealized_ranking_accuracy", "preference_dissection", "wimhf"]


@adapter("gradient-entanglement")
def gradient_entanglement(case: Case) -> dict[str, Any]:
    """Gradient entanglement: means over pairs, with the condition of the released code (chosen norm only)."""
    gradients = [torch.tensor(case.inputs[name], dtype=torch.float64) for name in ("grad_chosen", "grad_rejected")]
    found = entanglement(*gradients)
    coded = (found.inner / found.chosen_square).mean().item()
    return {**found.summary(), "condition_as_coded": coded}


@adapter("idealized-ranking-accuracy")
def idealized_ranking_accuracy(case: Case) -> dict[str, Any]:
    """Idealised ranking accuracy: outputs in any order, ratios instead of log-ratios, ties within a band around 1."""
    params, inputs = case.params, case.inputs
    means = [
        torch.tensor([sum(row) / len(row) for row in inputs[name]["reference"]], dtype=torch.float64)
        for name in ("output_1", "output_2")
    ]
    share = torch.tensor(inputs["p_first_preferred"], dtype=torch.float64)
    epsilon, band, beta = params.get("eps", EPSILON), params.get("tie_band", 0.05), params["beta"]
    # As published: a denominator of 0 becomes ε, and a numerator of 0 gives the ratio 0.
    human = share / torch.where(share == 1, epsilon, 1 - share)
    ideal = human ** (1 / beta) * torch.exp(means[0] - means[1])
    orders = [torch.where((ratio - 1).abs() <= band, 0.0, torch.sign(ratio - 1)) for ratio in (human, ideal)]
    correct = (orders[0] == orders[1]).long()
    return {
        "human_ratio": human.tolist(),
        "ideal_policy_ratio": ideal.tolist(),
        "correct": correct.tolist(),
        "accuracy": correct.double().mean().item(),
    }


@adapter("cge")
def cge(case: Case) -> dict[str, Any]:
    """Contrast scores of tokens, and which are plausible under the tuned model."""
    tuned, pretrained = (torch.tensor(case.inputs[name]).double() for name in ("tuned_logits", "pretrained_logits"))
    scores = contrast_scores(tuned, pretrained, case.params.get("gamma", 1.0))
    return {"contrast_scores": scores.tolist(), "kept": plausible(tuned, case.params.get("alpha", 0.1)).tolist()}


@adapter("preference-dissection")
def preference_dissection(case: Case) -> dict[str, Any]:
    """The vector of a comparison, the win probability of vectors, or the similarity of two judges."""
    inputs, params = case.inputs, case.params
    found: dict[str, Any] = {}
    if "comparison" in inputs:
        names = params["features"]
        found["feature"] = feature_vector(inputs["comparison"], names)
        others = [name for name in names if name not in ("length", "lengthy")]
        found["feature_without_length"] = feature_vector(inputs["comparison"], others)
    if "alpha" in inputs:
        chance = win_probability(inputs["features"], inputs["alpha"])
        found["prob"], found["prediction"] = chance.tolist(), preferred(chance).tolist()
    if "labels" in inputs:
        given = [np.asarray(inputs[name], dtype=float) for name in ("features", "labels")]
        settings = {name: params[name] for name in ("scale", "folds", "seed") if name in params}
        found["coefficients"] = fit_by_folds(*given, **settings).tolist()
    if "first" in inputs:
        kind = _param(case, "type", "kind", default="pearson")
        found["similarity"] = similarity(inputs["first"], inputs["second"], kind)
    return found


@adapter("wimhf")
def wimhf(case: Case) -> dict[str, Any]:
    """A training step of the sparse autoencoder, or the effects of features with length held fixed."""
    return _effects(case) if "activations" in case.inputs else _one_step(case)


def _effects(case: Case) -> dict[str, Any]:
    inputs, params = case.inputs, case.params
    given = [np.asarray(inputs[name], dtype=float) for name in ("activations", "length_delta", "label")]
    found = controlled_effects(
        *given, classification=params.get("classification", True), standardise=params.get("standardise", True)
    )
    # As published: the features by the size of their coefficients, and the coefficients in this order.
    return {"feature_order": found.order, "coefficients": found.coefficients[found.order].tolist()}


def _one_step(case: Case) -> dict[str, Any]:
    model = _autoencoder(case)
    rows = torch.tensor(case.inputs["x"], dtype=torch.float64)
    encoded = model.train()(rows)
    weights = {"auxiliary": _param(case, "aux_coef", "auxiliary_weight", default=1 / 32)}
    weights["several"] = _param(case, "multi_coef", "several_weight", default=0.0)
    loss = model.loss(rows, encoded, **weights)
    loss.backward()
    found = {
        "decoder_weight": model.decoder.weight,
        "train_activations": encoded.activations,
        "train_reconstruction": encoded.reconstruction,
        "loss": loss,
        "threshold_after_one_step": model.threshold.clone(),
        "steps_since_activation": model.idle,
        "grad_encoder": model.encoder.weight.grad,
        "grad_decoder": model.decoder.weight.grad,
    }
    model.threshold.fill_(1.0)
    later = model.eval()(rows)
    found |= {
        "eval_activations_at_threshold_1": later.activations,
        "eval_reconstruction_at_threshold_1": later.reconstruction,
    }
    return {name: each.tolist() for name, each in found.items() if each is not None}


def _autoencoder(case: Case) -> SparseAutoencoder:
    """The autoencoder of a case, in double precision, with the weights that it states."""
    inputs = case.inputs
    model = SparseAutoencoder(
        len(inputs["x"][0]),
        _param(case, "m_total_neurons", "features"),
        _param(case, "k_active_neurons", "active"),
        prefixes=_param(case, "prefix_lengths", "prefixes", default=None),
        dead_after=_param(case, "dead_neuron_threshold_steps", "dead_after", default=64),
        auxiliary=_param(case, "aux_k", "auxiliary", default=None),
        several=_param(case, "multi_k", "several", default=None),
        threshold_rate=_param(case, "threshold_lr", "threshold_rate", default=0.01),
    ).double()
    decoder = "decoder_weight_before_normalising" if "decoder_weight_before_normalising" in inputs else "decoder_weight"
    stated = {
        "encoder.weight": inputs["encoder_weight"],
        "decoder.weight": inputs[decoder],
        "input_bias": inputs["input_bias"],
        "feature_bias": inputs["feature_bias" if "feature_bias" in inputs else "neuron_bias"],
    }
    values = {name: torch.tensor(each, dtype=torch.float64) for name, each in stated.items()}
    model.load_state_dict(values, strict=False)
    model.normalise()
    return model


def _param(case: Case, published: str, ours: str, **default: Any) -> Any:
    """A hyper-parameter under its published name or ours; an error in words where it is missing and has no default."""
    name = ours if ours in case.params else published
    return case.params.get(name, default["default"]) if default else case.params[name]
