"""Shapes: what they look like, what is measured of them, and a denoiser that learned nothing yet."""

from __future__ import annotations

import math

import numpy as np
import pytest

from penchant.errors import ConfigurationError
from penchant.feedback import read
from penchant.lab import DigitsWorld, ShapesWorld
from penchant.lab.worlds.pictures import compare_in_classes, tiny_denoiser
from penchant.lab.worlds.shapes import KINDS, MEASURES, draw_shape


def test_a_square_by_hand() -> None:
    picture = draw_shape("square", 12, radius=10 / 3, light=0.5)
    assert picture[3:9, 3:9].tolist() == [[0.5] * 6] * 6 and picture.sum() == pytest.approx(18)
    found = {name: float(measured(picture[None])[0]) for name, measured in MEASURES.items()}
    assert found == pytest.approx({"brightness": 18 / 144, "centredness": 1.0, "size": 36 / 144})


@pytest.mark.parametrize("kind", KINDS)
def test_measures_see_what_was_drawn(kind: str) -> None:
    def measured(name: str, **drawn: float) -> float:
        return float(MEASURES[name](draw_shape(kind, **drawn)[None])[0])

    assert measured("brightness", light=0.4) == pytest.approx(0.4 * measured("brightness", light=1.0))
    assert measured("size", radius=4.5) > measured("size", radius=2.5)
    assert measured("size", light=0.3) == measured("size", light=1.0)
    middle = measured("centredness")
    # Two pixels of the six that lie between middle and edge, beside what a triangle's centre lies low.
    assert measured("centredness", across=2.0) == pytest.approx(1 - math.hypot(1 / 3, 1 - middle), abs=0.08)
    assert measured("centredness", across=2.0) > measured("centredness", across=2.0, down=1.5)


def test_a_black_picture_has_no_reward() -> None:
    black = np.zeros((1, 12, 12))
    assert [measured(black).tolist() for measured in MEASURES.values()] == [[0.0]] * 3


def test_kinds_can_be_told_apart() -> None:
    images, kinds = ShapesWorld().pictures(250, seed=4)
    assert ShapesWorld().recognised(images / 255, kinds) > 0.97
    assert ShapesWorld().recognised(images / 255, np.roll(kinds, 1)) < 0.03


def test_dials_of_pictures_do_what_they_say() -> None:
    centred, _ = ShapesWorld(spread=0.0).pictures(100)
    spread, _ = ShapesWorld(spread=3.0).pictures(100)
    assert MEASURES["centredness"](centred / 255).mean() > MEASURES["centredness"](spread / 255).mean() + 0.2
    bright, _ = ShapesWorld(darkest=1.0).pictures(100)
    assert bright.max((1, 2)).min() > 200 > ShapesWorld().pictures(100)[0].max((1, 2)).min()
    again, _ = ShapesWorld(darkest=1.0).pictures(100)
    assert (bright == again).all()


def test_the_reward_is_the_weighted_sum() -> None:
    picture = draw_shape("square", 12, radius=10 / 3, light=0.5)[None]
    world = ShapesWorld({"brightness": 2.0, "size": -1.0})
    assert world.reward(picture).tolist() == pytest.approx([2 * 0.125 - 0.25])


@pytest.mark.parametrize("world", [ShapesWorld(), DigitsWorld("ink")], ids=lambda world: world.id)
def test_in_pairs_the_higher_reward_is_chosen(world: ShapesWorld | DigitsWorld) -> None:
    pairs = world.pairs(4, seed=1)
    assert pairs and pairs == world.pairs(4, seed=1)
    for pair in pairs:
        for side in ("chosen", "rejected"):
            picture = np.array(pair[f"{side}_image"])[None] / 255
            assert world.reward(picture, [int(pair["prompt"])])[0] == pytest.approx(pair[f"{side}_score"])
        assert pair["chosen_score"] > pair["rejected_score"]
    assert read(pairs).kind == "comparison"


def test_comparisons_stay_in_their_class() -> None:
    rewards, asked = np.array([0.1, 0.2, 0.2, 5.0, 6.0]), [0, 0, 0, 1, 1]
    found = compare_in_classes(rewards, asked, 20, seed=0)
    assert all(asked[first] == asked[second] and rewards[first] > rewards[second] for first, second in found)
    assert len(found) < 40 and {(4, 3), (1, 0), (2, 0)} == set(found)


def test_pictures_of_a_policy_are_compared_and_start_from_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShapesWorld, "steps", 2)
    world, policy = ShapesWorld({"brightness": 1.0}), tiny_denoiser(8, 0, size=12, classes=5)
    shown, asked = world.draw(policy, 2, seed=3)
    assert shown.shape == (10, 12, 12) and asked == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert (shown == world.draw(policy, 2, seed=3)[0]).all() and 0 <= shown.min() <= shown.max() <= 1
    pairs = world.pairs(2, seed=3, policy=policy)
    assert pairs and {pair["prompt"] for pair in pairs} <= set("01234")
    assert world.mean_reward(policy, each=2, seed=3).value == pytest.approx(shown.mean())


def test_the_digits_judge_never_sees_what_the_model_learns_from() -> None:
    images, classes = DigitsWorld().pictures(300, seed=1)
    assert images.shape == (300, 8, 8)
    liked = DigitsWorld("classifier").reward(images / 255, classes)
    assert 0.8 < liked.mean() < 0.999 and DigitsWorld("ink").reward(images / 255, classes).mean() < 0.5


@pytest.mark.parametrize(
    ("make", "phrase"),
    [
        (lambda: ShapesWorld({"colour": 1.0}), "'colour'"),
        (lambda: ShapesWorld(darkest=0.0), "darkest = 0.0"),
        (lambda: DigitsWorld("inc"), "Did you mean 'ink'"),
    ],
)
def test_a_wrong_dial_is_said(make: object, phrase: str) -> None:
    with pytest.raises(ConfigurationError, match=phrase):
        make()  # type: ignore[operator]
