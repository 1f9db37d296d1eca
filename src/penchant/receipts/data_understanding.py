"""Published cases of what feedback rewards: sparse features, properties, and contrasts of two models."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from penchant.diagnostics.features.autoencoder import SparseAutoencoder
from penchant.diagnostics.features.effects import controlled_effects
from penchant.diagnostics.novelty.contrast import contrast_scores, plausible
from penchant.diagnostics.properties.coefficients import feature_vector, preferred, win_probability
from penchant.diagnostics.properties.similarity import similarity
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["cge", "preference_dissection", "wimhf"]


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
        found["feature_without_length"] = feature_vector(
            inputs["comparison"], [name for name in names if name not in ("length", "lengthy")]
        )
    if "alpha" in inputs:
        chance = win_probability(inputs["features"], inputs["alpha"])
        found["prob"], found["prediction"] = chance.tolist(), preferred(chance).tolist()
    if "first" in inputs:
        found["similarity"] = similarity(inputs["first"], inputs["second"], params.get("type", "pearson"))
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
    params = case.params
    model = _autoencoder(case)
    rows = torch.tensor(case.inputs["x"], dtype=torch.float64)
    encoded = model.train()(rows)
    weights = {"auxiliary": params.get("aux_coef", 1 / 32), "several": params.get("multi_coef", 0.0)}
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
    inputs, params = case.inputs, case.params
    model = SparseAutoencoder(
        params.get("input_dim", len(inputs["x"][0])),
        params["m_total_neurons"],
        params["k_active_neurons"],
        prefixes=params.get("prefix_lengths"),
        dead_after=params.get("dead_neuron_threshold_steps", 64),
        auxiliary=params.get("aux_k"),
        several=params.get("multi_k"),
        threshold_rate=params.get("threshold_lr", 0.01),
    ).double()
    stated = {
        "encoder.weight": inputs["encoder_weight"],
        "decoder.weight": inputs["decoder_weight_before_normalising"],
        "input_bias": inputs["input_bias"],
        "feature_bias": inputs["neuron_bias"],
    }
    values = {name: torch.tensor(each, dtype=torch.float64) for name, each in stated.items()}
    model.load_state_dict(values, strict=False)
    model.normalise()
    return model
