"""Reproducible draws of days, and sums with them."""

from zlib import crc32

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.datetime64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = np.datetime64("2200-01-01", "D")
_UTC_OFFSET = 7 * 3600


def generator(seed: int, topic: str) -> np.random.Generator:
    """A stream of its own for each topic, so that one more draw in one place moves nothing elsewhere."""
    return np.random.default_rng([seed, crc32(topic.encode())])


def day(text: str) -> np.datetime64:
    """An ISO date as a numpy day."""
    return np.datetime64(text, "D")


def between(rng: np.random.Generator, first: str, last: str, count: int) -> Days:
    """Days spread evenly over first to last, both included."""
    span = int((day(last) - day(first)).astype(int)) + 1
    return day(first) + rng.integers(0, span, count).astype("timedelta64[D]")


def growing(rng: np.random.Generator, start: str, shares: tuple[float, ...], count: int) -> Days:
    """Days from the start on whose cumulative share at the ends of 2022, 2023 … is as given; the rest: never."""
    rank = (rng.permutation(count) + 0.5) / max(count, 1)
    points = [start, *(f"{2022 + k}-12-31" for k in range(len(shares)))]
    ordinals = [int(day(point).astype(int)) for point in points]
    days = np.interp(rank, [0.0, *shares], ordinals).astype(np.int64).astype("datetime64[D]")
    return np.where(rank <= shares[-1], days, NEVER)


def later(days: Days, offset: Ints | int) -> Days:
    """The days moved by an offset; never stays never."""
    return np.where(days == NEVER, NEVER, days + np.asarray(offset).astype("timedelta64[D]"))


def year_of(days: Days) -> Ints:
    """Calendar years."""
    return days.astype("datetime64[Y]").astype(np.int64) + 1970


def epoch(days: Days, second_of_day: Ints | int) -> Ints:
    """Local days and seconds as Unix time; 0 for never, as Moodle writes it."""
    seconds = days.astype("datetime64[D]").astype(np.int64) * 86_400 - _UTC_OFFSET + second_of_day
    return np.where(days == NEVER, 0, seconds)
