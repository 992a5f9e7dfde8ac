"""The expected band: between which two numbers a measure should lie tonight, by its own last twelve weeks.

Tonight is forecast from the nights before, as every past night is from those before it. How far the past forecasts
were off says how far tonight may be off. Medians and a quantile, so that a bad night or two do not count.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Nights = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

WINDOW_NIGHTS = 84
NIGHTS_NEEDED = 14
LEVEL_NIGHTS = 5
"""The level is the median of so many nights: a change that stays is the usual after half of them, rounded up."""
_WEEK = 7
_LAG_NIGHTS = 10
_WIDTH = 4.5
_QUANTILE, _NORMAL_QUANTILE = 0.8, 1.2816
# Events vary by chance (Poisson), and by a tenth of their number besides: on the scale below that is half a unit.
_DAILY_VARIATION, _LEAST_SPREAD = 0.1, 0.5


@dataclass(frozen=True)
class Band:
    """The lowest and the highest expected value, and how many nights of history say so."""

    low: float
    high: float
    nights: int


def expected_band(nights_ago: Nights, values: Values, least: float, *, is_weekly: bool = False) -> Band | None:
    """The band of tonight; None when there are fewer than ``NIGHTS_NEEDED`` nights within the window.

    ``nights_ago`` is descending and positive, and nights may be missing. The band reaches at least ``least`` to both
    sides of the forecast. A weekly series counts what happened since the night before: it may differ from weekday to
    weekday, and varies more the larger it is.
    """
    within = nights_ago <= WINDOW_NIGHTS
    ago, scaled = nights_ago[within], values[within]
    if len(ago) < NIGHTS_NEEDED:
        return None
    season, doubt, least_spread = np.zeros(_WEEK), 1.0, 0.0
    if is_weekly:
        scaled = _stabilised(scaled)
        season, doubt, least_spread = _season(ago % _WEEK, scaled), _doubt(len(ago)), _LEAST_SPREAD
    adjusted = scaled - season[ago % _WEEK]
    levels = _running_median(adjusted, LEVEL_NIGHTS)
    errors = adjusted[LEVEL_NIGHTS:] - levels[:-1]
    # A series that climbs is always ahead of its level: that is no error, but the lag of the level.
    lags = _running_median(np.concatenate([[np.median(errors[:_LAG_NIGHTS])] * _LAG_NIGHTS, errors]), _LAG_NIGHTS)
    off = np.quantile(np.abs(errors - lags[:-1]), _QUANTILE, method="higher")
    forecast = levels[-1] + lags[-1] + season[0]
    reach = _WIDTH * max(doubt * off / _NORMAL_QUANTILE, least_spread)
    low, centre, high = forecast + reach * np.array([-1, 0, 1])
    if is_weekly:
        low, centre, high = _counts(np.array([low, centre, high]))
    return Band(float(min(low, centre - least)), float(max(high, centre + least)), len(ago))


def usual_age(nights_ago: Nights, ages: Values) -> Band:
    """The band of the age of a file in days: as old as it usually is on this weekday, or before the next one comes.

    With fewer than ``NIGHTS_NEEDED`` nights within the window a file is expected every night.
    """
    within = nights_ago <= WINDOW_NIGHTS
    ago, old = nights_ago[within], ages[within]
    if len(ago) < NIGHTS_NEEDED:
        return Band(0.0, 0.0, len(ago))
    weekday = old[ago % _WEEK == 0]
    waits = old[:-1][old[1:] <= old[:-1]]
    usual = [np.median(weekday)] if len(weekday) else []
    usual += [np.quantile(waits, 0.75, method="higher")] if len(waits) else []
    return Band(0.0, float(np.ceil(max(usual, default=0.0))), len(ago))


def _stabilised(counts: Values) -> Values:
    """Counts on a scale where their spread does not grow with them: square roots of few, logarithms of many."""
    return np.asarray(np.arcsinh(_DAILY_VARIATION * np.sqrt(counts)) / _DAILY_VARIATION)


def _counts(scaled: Values) -> Values:
    """Back from ``_stabilised``."""
    return np.asarray((np.sinh(_DAILY_VARIATION * np.maximum(scaled, 0)) / _DAILY_VARIATION) ** 2)


def _running_median(values: Values, nights: int) -> Values:
    """The median of each so many nights, the last of them tonight's past."""
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(values, nights), axis=1))


def _season(weekday: Nights, scaled: Values) -> Values:
    """What each weekday usually has more than the week around it; 0 for one that never was."""
    around = _running_median(np.pad(scaled, _WEEK // 2, mode="edge"), _WEEK)
    above = scaled - around
    return np.array([np.median(above[weekday == day]) if (weekday == day).any() else 0.0 for day in range(_WEEK)])


def _doubt(nights: int) -> float:
    """How much wider to be because each weekday is known from a few weeks only."""
    weeks = nights / _WEEK
    return float(np.sqrt((weeks + 1) / (weeks - 1)))
