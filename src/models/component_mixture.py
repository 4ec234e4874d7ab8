"""A Gaussian mixture of the main directions of pictures.

Shapes: N pictures, C channels, H height, W width, D numbers.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

# The main directions, the components of the mixture, and the fewest pictures of one component.
DIRECTIONS, COMPONENTS, PICTURES_OF_ONE = 60, 60, 40


class ComponentMixture:
    """Principal components of the pixels, and a mixture of normal distributions of them, each with any covariance.

    What the components leave out of a picture is not drawn. Covariances are drawn towards a diagonal one by a small
    constant, as scikit-learn's are.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings, as estimators of scikit-learn give them."""
        return {"seed": self.seed}

    def fit(self, x_NCHW: Bytes, y: None = None, sample_weight: Array | None = None) -> Self:
        """sample_weight: pictures are drawn with it, as mixtures of scikit-learn take no weights."""
        from sklearn.decomposition import PCA
        from sklearn.mixture import GaussianMixture

        if sample_weight is not None:
            shares_N = np.asarray(sample_weight, np.float64) / np.sum(sample_weight)
            x_NCHW = x_NCHW[np.random.default_rng(self.seed).choice(len(x_NCHW), len(x_NCHW), p=shares_N)]
        self.shape_ = [int(size) for size in x_NCHW.shape[1:]]
        flat_ND = x_NCHW.reshape(len(x_NCHW), -1) / 255
        directions = min(DIRECTIONS, flat_ND.shape[1], max(len(flat_ND) // 4, 1))
        main = PCA(directions, svd_solver="randomized", random_state=self.seed).fit(flat_ND)
        count = int(np.clip(len(flat_ND) // PICTURES_OF_ONE, 1, COMPONENTS))
        shape = "full" if len(flat_ND) // count > 2 * directions else "tied"
        mixture = GaussianMixture(count, covariance_type=shape, reg_covar=1e-4, random_state=self.seed)
        mixture.fit(main.transform(flat_ND))
        self.mean_, self.directions_ = main.mean_, main.components_
        self.shares_, self.centres_ = mixture.weights_, mixture.means_
        covariances = mixture.covariances_ if shape == "full" else np.repeat(mixture.covariances_[None], count, axis=0)
        self.lower_ = np.linalg.cholesky(covariances)
        return self

    def sample(self, count: int, rng: np.random.Generator) -> Bytes:
        """Random pictures (count, C, H, W)."""
        component_N = rng.choice(len(self.shares_), count, p=self.shares_ / self.shares_.sum())
        away_ND = rng.normal(size=(count, self.centres_.shape[1]))
        z_ND = self.centres_[component_N] + np.einsum("nde,ne->nd", self.lower_[component_N], away_ND)
        pixels_ND = (255 * (z_ND @ self.directions_ + self.mean_)).round().clip(0, 255)
        return pixels_ND.astype(np.uint8).reshape(count, *self.shape_)
