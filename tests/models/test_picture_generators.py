"""The judge of pictures and the mixture of their components: what they see, learn and draw."""

import numpy as np
import pytest

from src.models.component_mixture import ComponentMixture
from src.models.judges import PictureJudge
from src.models.samples import FEATURES, floors, frechet


def digits(seed: int = 0) -> np.ndarray:
    from sklearn.datasets import load_digits

    pixels = load_digits().images.reshape(-1, 1, 8, 8)[np.random.default_rng(seed).permutation(1_797)]
    return (pixels / 16 * 255).astype(np.uint8)


def test_a_judge_of_pictures_tells_pictures_of_other_kinds_from_more_of_the_same():
    learnt, fresh, held_out = np.split(digits()[:1_797], [797, 1_297])
    judge, ones = PictureJudge().fit(learnt), np.ones(500)
    real, again = judge.features(held_out), judge.features(fresh)
    assert real.shape == (500, FEATURES)
    [floor, _] = floors(np.concatenate([real, again]), 500, 10, 0)

    def times(pictures: np.ndarray) -> float:
        return frechet(real, judge.features(pictures), ones, ones) / floor

    rng = np.random.default_rng(0)
    shuffled = np.stack([rng.permutation(column) for column in fresh.reshape(500, -1).T], 1).reshape(fresh.shape)
    mixture = ComponentMixture(0).fit(learnt).sample(500, rng)
    assert times(fresh) == pytest.approx(1, abs=0.25)
    assert times(fresh // 2) > 5
    assert times(np.roll(fresh, 1, 3)) > 3
    assert 1.5 < times(mixture) < times(shuffled)
    assert times(shuffled) > 5


def test_what_a_judge_sees_of_a_picture_depends_on_its_training_pictures_and_itself_alone():
    pictures = digits()
    judge = PictureJudge().fit(pictures[:300])
    np.testing.assert_allclose(judge.features(pictures[300:320])[5:6], judge.features(pictures[305:306]), atol=1e-5)
    again = PictureJudge().fit(pictures[:300])
    np.testing.assert_array_equal(judge.features(pictures[:9]), again.features(pictures[:9]))
    flat = np.zeros((40, 3, 8, 8), np.uint8)
    assert (PictureJudge().fit(flat).features(flat) == 0).all()


def test_pictures_are_near_each_other_by_means_of_neighbouring_pixels():
    large = np.random.default_rng(0).integers(0, 256, (3, 1, 30, 28), dtype=np.uint8)
    [coarse] = PictureJudge().apart([large])
    theirs = [large[:, 0, r : r + 3, c : c + 3].mean((1, 2)) / 255 for r in range(0, 30, 3) for c in range(0, 27, 3)]
    np.testing.assert_allclose(coarse, np.transpose(theirs))
    [whole] = PictureJudge().apart([large[:, :, :12, :12]])
    np.testing.assert_allclose(whole, large[:, 0, :12, :12].reshape(3, -1) / 255)


def test_a_mixture_of_components_draws_pictures_with_the_means_and_spreads_of_its_training_pictures():
    pictures = digits()
    drawn = (
        ComponentMixture(0).fit(pictures, sample_weight=np.ones(len(pictures))).sample(2_000, np.random.default_rng(0))
    )
    assert (drawn.shape, drawn.dtype) == ((2_000, 1, 8, 8), np.uint8)
    np.testing.assert_allclose(drawn.mean(0), pictures.mean(0), atol=14)
    np.testing.assert_allclose(drawn.std(0), pictures.std(0), atol=20)
    few = ComponentMixture(0).fit(pictures[:12])
    assert few.sample(2, np.random.default_rng(1)).shape == (2, 1, 8, 8)
    weights = np.zeros(len(pictures))
    weights[:50] = 1
    alone, theirs = ComponentMixture(0).fit(pictures, sample_weight=weights), ComponentMixture(0).fit(pictures[:50])
    np.testing.assert_allclose(alone.mean_, theirs.mean_, atol=0.2)
