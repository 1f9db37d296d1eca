"""Denoising likelihoods: shared noise, every prediction, UNet and transformer, and the scale that objectives see."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.likelihood import DenoisingScorer, DenoisingSettings, schedule_of
from penchant.likelihood.image_batch import ImageEncoder
from penchant.likelihood.pipelines import PipelineCodec, build_pipeline
from penchant.objectives import Needs, build
from small_images import ddpm, flow, image_pairs, pipeline, transformer, unet

BOTH = Needs(reference=True)
KINDS = [("epsilon", ddpm("epsilon")), ("v_prediction", ddpm("v_prediction")), ("sample", ddpm("sample"))]


def encoded(count: int = 4) -> list[Any]:
    codec = PipelineCodec(pipeline())
    return ImageEncoder(codec, ["chosen", "rejected"]).encode(read(image_pairs(count)).records).examples


@pytest.fixture(params=[unet, transformer], ids=["unet", "transformer"])
def scorer(request: pytest.FixtureRequest) -> DenoisingScorer:
    return DenoisingScorer(request.param(), schedule_of(ddpm()))


def test_the_likelihood_is_minus_half_the_mean_error(scorer: DenoisingScorer) -> None:
    batch = scorer.collate(encoded(), step=3)
    given = scorer.noised(batch)
    said = scorer.model(given.noisy, given.timesteps, given.conditioning)
    errors = (said - given.target).square().mean((1, 2, 3))
    views = scorer.score_batch(batch, scorer.reference("none"), Needs())
    for view, rows in batch.rows.items():
        torch.testing.assert_close(views[view].logp, -0.5 * errors[rows])
    whole = scorer.settings.model_copy(update={"reduction": "sum", "half_factor": 1.0})
    summed = DenoisingScorer(scorer.core, scorer.schedule, whole)
    found = summed.score_batch(batch, summed.reference("none"), Needs())["chosen"].logp
    torch.testing.assert_close(found, 2 * 64 * views["chosen"].logp)


def test_winner_and_loser_policy_and_reference_share_level_and_noise(scorer: DenoisingScorer) -> None:
    batch = scorer.collate(encoded(), step=0)
    given = scorer.noised(batch)
    chosen, rejected = batch.rows["chosen"], batch.rows["rejected"]
    assert torch.equal(given.timesteps[chosen], given.timesteps[rejected])
    assert torch.equal(given.target[chosen], given.target[rejected])  # epsilon: the target is the noise
    assert len(given.timesteps.unique()) > 1, "pairs differ from each other"
    views = scorer.score_batch(batch, scorer.reference("initial"), BOTH)
    for view in views.values():
        assert view.token_logratio.abs().max() < 1e-6
    apart = DenoisingScorer(scorer.core, scorer.schedule, DenoisingSettings(share_noise=False)).noised(batch)
    assert not torch.equal(apart.target[chosen], apart.target[rejected])


@pytest.mark.parametrize(("kind", "scheduler"), [*KINDS, ("flow", flow())], ids=lambda each: str(each)[:12])
def test_mixtures_and_targets_are_those_of_diffusers(kind: str, scheduler: Any) -> None:
    schedule = schedule_of(scheduler)
    assert schedule.prediction == kind and len(schedule) == 100
    clean, noise, level = torch.randn(5, 1, 8, 8), torch.randn(5, 1, 8, 8), torch.tensor([0, 10, 50, 98, 99])
    times = schedule.timesteps[level]
    mixed, target = schedule.mixed(clean, noise, level), schedule.target(clean, noise, level)
    if kind == "flow":
        torch.testing.assert_close(mixed, scheduler.scale_noise(clean, times, noise))
        torch.testing.assert_close(target, noise - clean)
        return
    torch.testing.assert_close(mixed, scheduler.add_noise(clean, noise, times))
    expected = {"epsilon": noise, "sample": clean, "v_prediction": scheduler.get_velocity(clean, noise, times)}
    torch.testing.assert_close(target, expected[kind])


def test_a_denoiser_that_knows_the_answer_has_no_error_whatever_it_predicts() -> None:
    batch = DenoisingScorer.collate(encoded(), step=1)
    for _kind, scheduler in [*KINDS, ("flow", flow())]:
        scorer = DenoisingScorer(unet(), schedule_of(scheduler))
        given = scorer.noised(batch)
        scorer.model.forward = lambda *_inputs, given=given: given.target  # type: ignore[method-assign]
        assert scorer.log_likelihood(given).abs().max() == 0


def test_noise_follows_from_seed_step_and_record_alone(scorer: DenoisingScorer) -> None:
    data = encoded(4)
    whole = scorer.noised(scorer.collate(data, step=5))
    turned = scorer.noised(scorer.collate(data[::-1], step=5))
    alone = scorer.noised(scorer.collate(data[2:3], step=5))
    assert torch.equal(whole.noisy[4:6], alone.noisy) and torch.equal(whole.noisy[4:6], turned.noisy[2:4])
    later = scorer.noised(scorer.collate(data, step=6))
    assert not torch.equal(whole.noisy, later.noisy)
    seeded = DenoisingScorer(scorer.core, scorer.schedule, seed=1).noised(scorer.collate(data, step=5))
    assert not torch.equal(whole.noisy, seeded.noisy)


def test_a_measurement_covers_the_levels_and_is_always_the_same(scorer: DenoisingScorer) -> None:
    first, second = (scorer.noised(scorer.collate(encoded())) for _ in range(2))
    assert torch.equal(first.noisy, second.noisy)
    assert first.timesteps.unflatten(0, (-1, 8))[0].tolist() == [6, 18, 31, 43, 56, 68, 81, 93]


@pytest.mark.parametrize("name", ["dpo", "ipo", "rdpo", "slic-hinge", "mapo"])
def test_pairwise_objectives_work_for_images_as_they_are(name: str, scorer: DenoisingScorer) -> None:
    objective = build(name)
    batch = scorer.collate(encoded(), step=0)
    values = objective(**scorer.score_batch(batch, scorer.reference("initial"), objective.requirements.needs)).values
    values.sum().backward()
    assert values.shape == (4,) and any(each.grad.abs().sum() > 0 for each in scorer.core.parameters())


def test_the_margin_is_that_of_diffusion_dpo(scorer: DenoisingScorer) -> None:
    from penchant.receipts import evaluate

    reference = scorer.reference("initial")
    with torch.no_grad():
        for parameter in scorer.core.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    batch = scorer.collate(encoded(), step=0)
    views = scorer.score_batch(batch, reference, BOTH)
    errors = {
        side: {"policy": (-2 * views[view].logp).tolist(), "reference": (-2 * views[view].ref_logp).tolist()}
        for side, view in (("winner", "chosen"), ("loser", "rejected"))
    }
    expected = evaluate("diffusion-dpo", {"beta": 2000.0}, {"errors": errors})
    assert build("dpo", beta=2000.0)(**views).values.mean().item() == pytest.approx(expected["loss"], rel=1e-3)


def test_what_a_denoiser_cannot_do_is_refused(scorer: DenoisingScorer) -> None:
    with pytest.raises(ConfigurationError, match=r"reference 'cached' is not available.*draws anew"):
        scorer.reference("cached")
    with pytest.raises(ConfigurationError, match=r"entropy.*images have no tokens"):
        batch = scorer.collate(encoded(), step=0)
        scorer.score_batch(batch, scorer.reference("none"), Needs(stats=frozenset({"entropy"})))


def test_a_class_that_the_model_does_not_have_is_named_with_its_record() -> None:
    rows = image_pairs(2)
    rows[1]["prompt"] = "7"
    codec = PipelineCodec(build_pipeline(unet(), ddpm()))
    with pytest.raises(DataError, match=r"memory:2: The prompt '7' is not a class.*0 to 2"):
        ImageEncoder(codec, ["chosen"]).encode(read(rows).records)
    with pytest.raises(DataError, match="a text as a response"):
        texts = [{"prompt": "1", "chosen": "a", "rejected": "b"}]
        ImageEncoder(codec, ["chosen"]).encode(read(texts).records)


def test_each_image_and_prompt_is_encoded_once() -> None:
    class Counting(PipelineCodec):
        calls = 0

        def latents(self, image: Any) -> torch.Tensor:
            type(self).calls += 1
            return super().latents(image)

    rows = image_pairs(3)
    ImageEncoder(Counting(pipeline()), ["chosen", "rejected"]).encode(read([*rows, *rows]).records)
    assert Counting.calls == 6
