"""The problems that are run from end to end: generated tables with every measure, protocol and role; shipped files."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import yaml

from src.core.files import Layout
from src.models.types.registry import TYPES

SMALL = {
    "training": {"epochs": 20, "batch_size": 16},
    "overfit": {"max_rungs": 2},
    "search": {"budget": 3},
    "engine": {"workers": 1},
}


@dataclass(frozen=True)
class Case:
    """A problem over a generated table of so many rows; `renamed` columns and words get other names in the file."""

    type: str
    target: str | list[str]
    settings: dict[str, Any] = field(default_factory=dict)
    rows: int = 100
    renamed: dict[str, str] = field(default_factory=dict)

    def columns(self) -> pd.DataFrame:
        """Numbers, words, truth values and dates, with gaps and a rare word, and targets that depend on them."""
        random = np.random.default_rng(1)
        i = np.arange(self.rows)
        size, price = random.normal(size=(2, self.rows)).round(3)
        colour = random.choice(["red", "green", "blue"], self.rows).astype(object)
        member = random.choice([True, False], self.rows)
        signal = size + price + (colour == "red") + random.normal(scale=0.4, size=self.rows)
        order = np.digitize(signal, np.quantile(signal, [0.33, 0.66]))
        colour[5] = "violet"
        return pd.DataFrame(
            {
                "size": np.where(i % 11 == 3, np.nan, size),
                "price": price,
                "colour": np.where(i % 13 == 4, None, colour),
                "member": pd.array(np.where(i % 17 == 6, None, member), dtype="boolean"),
                "joined": (pd.Timestamp("2024-01-01") + pd.to_timedelta(i % 29 * 11, "D")).where(i % 19 != 7),
                "house": [f"house {k}" for k in random.permutation(i // 4)],
                "moment": (pd.Timestamp("2025-06-01") + pd.to_timedelta(random.permutation(i // 2) * 6, "h")),
                "weight": random.choice([0.5, 1.0, 2.5], self.rows),
                "part": np.where(random.random(self.rows) < 0.25, "test", "train"),
                "answer": np.where(signal > np.median(signal), "yes", "no"),
                "rare": np.where(signal > np.quantile(signal, 0.85), 1, 0),
                "grade": np.array(["low", "middle", "high"])[order],
                "level": order + 1,
                "hot": signal > 0.5,
                "dry": (price > 0).astype(int),
                "old": np.where(size + random.normal(scale=0.5, size=self.rows) > 0, "Yes", "No"),
                "cost": (100 + 20 * signal).round(2),
                "debt": (5 * price - size).round(3),
                "share": (1 / (1 + np.exp(-signal))).round(4),
            }
        )

    @property
    def roles(self) -> set[str]:
        names = [self.target] if isinstance(self.target, str) else self.target
        return {*names, *(self.settings.get(key) for key in ("groups", "time", "weights")), *ALWAYS}

    def write(self, layout: Layout) -> None:
        frame = self.columns()
        own = self.roles | ({"part"} if "test" in self.settings else set())
        frame = frame[[name for name in frame if name in own]].rename(columns=self.renamed).replace(self.renamed)
        frame.to_csv(layout.local / "table.csv", index=False)
        problem = {"question": "How does it end?", "data": {"source": "file", "path": "table.csv"}, **SMALL}
        target = self.renamed.get(self.target, self.target) if isinstance(self.target, str) else self.target
        problem |= {"type": self.type, "target": target, **self.settings}
        layout.problem_file.write_text(yaml.safe_dump(problem))


ALWAYS = ("size", "price", "colour", "member", "joined")
K_FOLD, HOLD_OUT = {"protocol": "k_fold", "folds": 3}, {"protocol": "hold_out"}
ITERATED = {"protocol": "iterated_k_fold", "folds": 3, "repeats": 2}
GROUPS, TIME, WEIGHTS = {"groups": "house"}, {"time": "moment"}, {"weights": "weight"}
OFFICIAL = {"test": {"column": "part", "value": "test"}}
LABELS, VECTOR = ["hot", "dry", "old"], ["cost", "debt"]
ODD_NAMES = {
    "size": "<b>a b</b>",
    "price": 'it\'s "50 %", $x$; {y}',
    "colour": "probability__low",
    "member": "predicted",
    "joined": "row",
    "grade": "<i>Größe</i>",
    "low": "<i>low</i>",
    "middle": "m, n\\",
    "high": "__'h'",
}
CHOSEN = {
    "binary, all automatic": Case("binary", "answer"),
    "binary, accuracy": Case("binary", "answer", {"measure": "accuracy", **K_FOLD, **WEIGHTS}),
    "binary, balanced accuracy": Case("binary", "answer", {"measure": "balanced_accuracy", **ITERATED, **GROUPS}),
    "binary, nested": Case("binary", "answer", {"protocol": "nested", "folds": 3, **GROUPS}),
    "binary, F1": Case("binary", "rare", {"measure": "f1", **K_FOLD}, rows=150),
    "binary, ROC AUC": Case("binary", "hot", {"measure": "roc_auc", **HOLD_OUT, **WEIGHTS}),
    "binary, average precision": Case("binary", "answer", {"measure": "average_precision", **K_FOLD, **TIME}),
    "binary, log loss": Case("binary", "old", {"measure": "log_loss", **ITERATED, **OFFICIAL, "positive": "No"}),
    "multiclass, all automatic": Case("multiclass", "grade"),
    "multiclass, accuracy": Case("multiclass", "level", {"measure": "accuracy", **K_FOLD, **TIME}),
    "multiclass, balanced accuracy": Case(
        "multiclass", "grade", {"measure": "balanced_accuracy", **HOLD_OUT, **GROUPS}
    ),
    "multiclass, macro F1": Case("multiclass", "level", {"measure": "macro_f1", **ITERATED, **WEIGHTS}),
    "multiclass, odd names": Case("multiclass", "grade", K_FOLD, renamed=ODD_NAMES),
    "multiclass, log loss": Case("multiclass", "grade", {"measure": "log_loss", **K_FOLD, **OFFICIAL, **GROUPS}),
    "multilabel, all automatic": Case("multilabel", LABELS),
    "multilabel, mean average precision": Case(
        "multilabel", LABELS, {"measure": "mean_average_precision", **K_FOLD, **TIME}
    ),
    "multilabel, micro F1": Case("multilabel", LABELS, {"measure": "micro_f1", **HOLD_OUT, **OFFICIAL}),
    "multilabel, macro F1": Case("multilabel", LABELS, {"measure": "macro_f1", **ITERATED, **GROUPS}),
    "multilabel, Hamming accuracy": Case("multilabel", LABELS, {"measure": "hamming_accuracy", **K_FOLD, **WEIGHTS}),
    "multilabel, subset accuracy": Case("multilabel", LABELS, {"measure": "subset_accuracy", **HOLD_OUT, **TIME}),
    "regression, all automatic": Case("regression", "cost"),
    "regression, MAE": Case("regression", VECTOR, {"measure": "mae", **K_FOLD, **WEIGHTS}),
    "regression, RMSE": Case(
        "regression", VECTOR, {"measure": "rmse", **ITERATED, **OFFICIAL, "final": "fold_ensemble"}
    ),
    "regression, MSE": Case("regression", "cost", {"measure": "mse", **K_FOLD, **TIME}),
    "regression, R2": Case("regression", "cost", {"measure": "r2", **HOLD_OUT, **GROUPS}),
    "unit interval, all automatic": Case("unit_interval_regression", "share"),
    "unit interval, MAE": Case("unit_interval_regression", "share", {"measure": "mae", **HOLD_OUT, **TIME}),
    "unit interval, RMSE": Case("unit_interval_regression", "share", {"measure": "rmse", **K_FOLD, **OFFICIAL}),
    "unit interval, MSE": Case("unit_interval_regression", "share", {"measure": "mse", **K_FOLD, **GROUPS}),
    "unit interval, R2": Case("unit_interval_regression", "share", {"measure": "r2", **ITERATED, **WEIGHTS}),
}


def with_every_measure(chosen: dict[str, Case]) -> dict[str, Case]:
    """These cases, and a plain one for each measure of their types that none of them asks for."""
    targets = {case.type: case.target for case in reversed(chosen.values())}
    asked = {(case.type, case.settings.get("measure")) for case in chosen.values()}
    plain = {
        f"{type_}, {measure}": Case(type_, target, {"measure": measure, **K_FOLD})
        for type_, target in targets.items()
        for measure in TYPES[type_].measures
        if (type_, measure) not in asked
    }
    return chosen | plain


CASES = with_every_measure(CHOSEN)
# Problem files of the repository, made small.
SHIPPED: dict[str, dict[str, Any]] = {
    "linnerud": K_FOLD,
    "music_brightness": HOLD_OUT,
    "wine_quality": HOLD_OUT | {"training": {"epochs": 4, "batch_size": 256}},
    "yeast": {
        **HOLD_OUT,
        "target": [f"Class{i}" for i in range(1, 4)],
        "drop": [*(f"Class{i}" for i in range(4, 15)), *(f"Att{i}" for i in range(9, 104))],
    },
}
