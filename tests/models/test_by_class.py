"""Models of the pictures of each class, and the forest that tells classes from pixels."""

import numpy as np

from src.inputs.pictures import ClassedPictures
from src.models.by_class import ByClass
from src.models.histograms import IndependentColumns
from src.models.judges import PictureTeller


def pictures(count: int, seed: int = 0) -> ClassedPictures:
    """Dark pictures of class 0, bright ones of class 2, four times as many, and a single one of class 1."""
    rng = np.random.default_rng(seed)
    class_N = np.where(np.arange(count) % 5 == 0, 0, 2)
    class_N[1] = 1
    bright = np.where(class_N == 0, 20, 200)[:, None, None, None]
    return ClassedPictures((bright + rng.integers(0, 20, (count, 1, 4, 4))).astype(np.uint8), class_N)


def test_each_class_is_drawn_by_a_model_of_its_own_as_often_as_it_occurs():
    learnt = pictures(400)
    model = ByClass(IndependentColumns()).fit(learnt)
    drawn = model.sample(500, np.random.default_rng(0))
    assert drawn.pixels_NCHW[drawn.class_N == 0].mean() < 60
    assert drawn.pixels_NCHW[drawn.class_N == 2].mean() > 180
    assert np.abs(np.bincount(drawn.class_N, minlength=3) / 500 - [0.2, 0, 0.8]).max() < 0.06
    of_one = model.sample(7, np.random.default_rng(0), 0)
    assert (of_one.class_N == 0).all()
    assert of_one.pixels_NCHW.mean() < 60
    assert len(model.sample(3, np.random.default_rng(0), 1)) == 3  # too rare for a model: that of all pictures


def test_weights_count_in_the_shares_and_in_the_models():
    learnt = pictures(400)
    weight_N = np.where(learnt.class_N == 0, 4.0, 1.0)
    model = ByClass(IndependentColumns()).fit(learnt, None, weight_N)
    np.testing.assert_allclose(model.shares_K_, np.bincount(learnt.class_N, weight_N) / weight_N.sum())


def test_a_forest_tells_classes_from_pixels():
    teller = PictureTeller().fit(pictures(400))
    drawn = pictures(100, seed=1)
    assert teller.told(drawn).mean() > 0.95
    swapped = ClassedPictures(drawn.pixels_NCHW, 2 - drawn.class_N)
    assert teller.told(swapped).mean() < 0.05
    assert teller.guessed(drawn).mean() == (drawn.class_N == 2).mean()
