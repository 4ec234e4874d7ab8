"""How the columns of a series are read: all of them over a window, including the target's own past."""

import numpy as np
import pandas as pd

from src.core.errors import UserError
from src.problem.inputs import Series
from src.problem.steps import PrepareSettings
from src.results.verdicts import Choice
from src.tables.columns import feature_type, time_numbers
from src.tables.table import Feature
from src.tables.windows import Window

# The types of columns that windows can hold.
OF_A_MOMENT = ("numeric", "categorical", "boolean", "date")
HOUR, DAY = 3600.0, 86_400.0
# From this number of windows on, networks read them in order.
FEWEST_WINDOWS = 2_000
# The season of series by the seconds between two moments, from and to, as months and quarters differ in length.
SEASONS: tuple[tuple[float, float, int, str], ...] = (
    (HOUR, HOUR, 24, "hourly, so a day"),
    (DAY, DAY, 7, "daily, so a week"),
    (7 * DAY, 7 * DAY, 52, "weekly, so a year"),
    (28 * DAY, 31 * DAY, 12, "monthly, so a year"),
    (90 * DAY, 92 * DAY, 4, "quarterly, so a year"),
)


def with_windows(train: pd.DataFrame, features: list[Feature], settings: PrepareSettings) -> list[Feature]:
    """The features of a series: the past of all targets, the time, and the given ones, which are all without a series.

    Raises UserError for a column that windows cannot hold.
    """
    if settings.series is None or settings.time is None:
        return features
    odd = next((feature for feature in features if feature.type not in OF_A_MOMENT), None)
    if odd is not None:
        raise UserError(f"series: column {odd.name!r} is {odd.type}, which windows do not hold; name it under `drop`")
    names = [*settings.targets, *settings.heads, settings.time]
    added = [Feature(name=n, type=feature_type(train[n], settings.columns.get(n))) for n in names]
    step = float(np.median(np.diff(np.sort(time_numbers(train[settings.time]))))) if len(train) > 1 else 0.0
    if step <= 0:
        raise UserError(f"time: most moments of {settings.time!r} occur several times; a series has each moment once")
    dated = next(feature.type for feature in added if feature.name == settings.time) == "date"
    window = Window(
        lookback=settings.series.lookback,
        delay=settings.series.delay,
        steps=settings.series.steps,
        stride=settings.series.stride,
        step=step,
        season=_season(settings.series, step, dated)[0],
        time=settings.time,
        targets=settings.targets,
        relative=_relative(train, settings)[0],
        network=_network(train, settings.series)[0],
        options=settings.series.options,
        order=settings.series.order,
    )
    return [feature.model_copy(update={"window": window}) for feature in [*added, *features]]


def encode(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """The unchanged features, and the choices made with their reasons."""
    assert settings.series is not None
    window = features[0].window
    assert window is not None
    dated = any(feature.name == window.time and feature.type == "date" for feature in features)
    choices = []
    if settings.series.season == "auto" and window.targets:
        season, reason = _season(settings.series, window.step, dated)
        choices.append(Choice(setting="season", chosen="none" if season is None else str(season), reason=reason))
    if settings.series.network == "auto":
        network, reason = _network(train, settings.series)
        choices.append(Choice(setting="network", chosen=network, reason=reason))
    if settings.series.relative == "auto" and settings.problem_type.unbounded:
        relative, reason = _relative(train, settings)
        shown = "the change since the last moment" if relative else "the value itself"
        choices.append(Choice(setting="what the network forecasts", chosen=shown, reason=reason))
    return features, choices


def _season(series: Series, step: float, dated: bool) -> tuple[int | None, str]:
    if series.season != "auto":
        return series.season, ""
    if not dated:
        return None, "the time is no date; say `season` where the series repeats itself"
    for shortest, longest, season, reason in SEASONS:
        if shortest <= step <= longest:
            return season, f"the moments are {reason} is {season} of them"
    if step < DAY and DAY % step == 0:
        return int(DAY / step), f"a day is {int(DAY / step)} moments"
    return None, "the distance of the moments suggests none; say `season` where the series repeats itself"


def _network(train: pd.DataFrame, series: Series) -> tuple[str, str]:
    """Networks that read in order have more to learn than few windows can teach."""
    if series.network != "auto":
        return series.network, ""
    windows = len(train) // series.stride
    few = windows < FEWEST_WINDOWS
    reason = f"about {windows:,} training windows, {'under' if few else 'at least'} {FEWEST_WINDOWS:,}"
    return "dense" if few else "gru", reason


def _relative(train: pd.DataFrame, settings: PrepareSettings) -> tuple[bool, str]:
    """Whether the series drifts: if its later half differs from its earlier one, it will probably continue to drift."""
    assert settings.series is not None
    if not settings.problem_type.unbounded or settings.series.relative != "auto":
        return settings.series.relative is True, ""
    if settings.series.order != "onward":
        return False, f"the moments are {settings.series.order} (series.order), so that the last one is elsewhere"
    past_NT = train.sort_values(str(settings.time), kind="stable")[settings.targets].to_numpy(np.float64)
    halves = np.array_split(past_NT, 2)
    between_T = np.abs(np.nanmean(halves[1], axis=0) - np.nanmean(halves[0], axis=0))
    within_T = np.mean([np.nanstd(half_NT, axis=0) for half_NT in halves], axis=0)
    drifts = bool((between_T > within_T).any())
    reason = (
        f"from the first to the second half of the training rows the mean moves by {between_T.max():.3g}, "
        f"{'more' if drifts else 'less'} than a standard deviation within a half, {within_T.max():.3g}"
    )
    return drifts, reason
