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
_LAG_NIGHTS = 14
_WIDTH = 4.5
_QUANTILE, _NORMAL_QUANTILE = 0.85, 1.4395
_POISSON_SPREAD = 0.5


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
    weekday, and its square root is watched, whose spread does not grow with it.
    """
    within = nights_ago <= WINDOW_NIGHTS
    ago, scaled = nights_ago[within], values[within]
    if len(ago) < NIGHTS_NEEDED:
        return None
    season, doubt = np.zeros(_WEEK), 1.0
    if is_weekly:
        scaled = np.sqrt(scaled)
        season, doubt = _season(ago % _WEEK, scaled), _doubt(len(ago))
    adjusted = scaled - season[ago % _WEEK]
    levels = np.median(np.lib.stride_tricks.sliding_window_view(adjusted, LEVEL_NIGHTS), axis=1)
    errors = adjusted[LEVEL_NIGHTS:] - levels[:-1]
    lag = np.median(errors[-_LAG_NIGHTS:])
    spread = doubt * np.quantile(np.abs(errors - lag), _QUANTILE, method="higher") / _NORMAL_QUANTILE
    forecast = levels[-1] + lag + season[0]
    if is_weekly:
        reach = _WIDTH * max(spread, _POISSON_SPREAD)
        low, high = max(forecast - reach, 0.0) ** 2, max(forecast + reach, 0.0) ** 2
        centre = max(forecast, 0.0) ** 2
        return Band(float(min(low, centre - least)), float(max(high, centre + least)), len(ago))
    reach = max(_WIDTH * spread, least)
    return Band(float(forecast - reach), float(forecast + reach), len(ago))


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


def _season(weekday: Nights, scaled: Values) -> Values:
    """What each weekday usually has more than the week around it; 0 for one that never was."""
    side = _WEEK // 2
    padded = np.pad(scaled, side, mode="edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, _WEEK), axis=1)
    above = scaled - around
    return np.array([np.median(above[weekday == day]) if (weekday == day).any() else 0.0 for day in range(_WEEK)])


def _doubt(nights: int) -> float:
    """How much wider to be because each weekday is known from a few weeks only."""
    weeks = nights / _WEEK
    return float(np.sqrt((weeks + 1) / (weeks - 1)))
