"""The quiet series of a city: nothing in them is a fault, and nothing is smoother than in life."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from par_warehouse.contract import TABLES
from par_warehouse.expected_band import WINDOW_NIGHTS

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

JUDGED_NIGHTS = 400
FIRST = np.datetime64("2023-07-01")
DAYS = FIRST + np.arange(WINDOW_NIGHTS + JUDGED_NIGHTS)
_COUNT = len(DAYS)
_WEEKDAY = (DAYS.astype(np.int64) + 3) % 7  # Monday is 0
_IS_FIRST = DAYS.astype("datetime64[M]").astype("datetime64[D]") == DAYS
TET = (np.datetime64("2024-02-08") <= DAYS) & (np.datetime64("2024-02-14") >= DAYS)
HOLIDAYS = np.isin(
    DAYS, np.array(["2023-09-01", "2023-09-04", "2024-01-01", "2024-04-18", "2024-04-29", "2024-04-30", "2024-05-01",
                    "2024-09-02", "2024-09-03"], "datetime64[D]")
)  # fmt: skip
_IN_SEASON = (np.datetime64("2023-12-10") < DAYS) & (np.datetime64("2024-01-26") >= DAYS)
_SEASON_NIGHTS = int(_IN_SEASON.sum())
ACTIVITY = np.where(TET, 0.05, np.where(HOLIDAYS, 0.3, np.array([1, 1.05, 1.02, 0.98, 0.9, 0.35, 0.25])[_WEEKDAY]))
"""How much is going on, a Monday being 1."""
_OFFICE = np.where((_WEEKDAY < 5) & ~TET & ~HOLIDAYS, 1.0, 0.0)
_BROKEN = 0.003


@dataclass(frozen=True)
class City:
    """Head counts; ``views`` are those of a Monday."""

    name: str
    staff: int
    par_staff: int
    leaders: int
    units: int
    agencies: int
    views: int


CITIES = (City("demo", 2_000, 300, 400, 480, 12, 60), City("city", 200_000, 1_000, 4_000, 4_200, 25, 6_000))


@dataclass(frozen=True)
class Series:
    """One measure of one subject over all nights.

    ``step`` is what one row or person changes, ``size`` how many there are.
    """

    city: str
    measure: str
    subject: str
    values: Values
    step: Values
    size: float


def quiet_series(city: City, seed: int = 13) -> list[Series]:
    """Every series of a city, always the same for a seed."""
    rng = np.random.default_rng([seed, city.staff])
    staff = _staff(rng, city)
    drawn = [*_files(rng, city, staff), *_people(rng, city, staff), *_shares(rng, city), *_indicators(rng, city)]
    return [Series(city.name, *one) for one in drawn]


_Drawn = Iterator[tuple[str, str, Values, Values, float]]


def _events(rng: np.random.Generator, per_year: float, rhythm: Values, firsts: float = 1.0) -> Values:
    """How many happen each day: by chance, in a rhythm, so many times as many on the first of a month."""
    weight = np.maximum(rhythm, 0.02) * np.where(_IS_FIRST, firsts, 1.0)
    return rng.poisson(per_year * _COUNT / 365 * weight / weight.sum()).astype(np.float64)


def _staff(rng: np.random.Generator, city: City) -> Values:
    hired = _events(rng, 0.05 * city.staff, _OFFICE, firsts=10)
    return city.staff + np.cumsum(hired - _events(rng, 0.045 * city.staff, _OFFICE, firsts=10))


def _files(rng: np.random.Generator, city: City, staff: Values) -> _Drawn:
    """Rows of each file, as they are read and accepted, and the share that is broken."""
    rated = 4 * city.staff + np.cumsum(_IN_SEASON * rng.multinomial(city.staff, _IN_SEASON / _SEASON_NIGHTS))
    classes = rng.integers(15, 40, _COUNT) * (rng.random(_COUNT) < 0.1 * _OFFICE) * max(city.staff // 20_000, 1)
    rows = {
        "don_vi": city.units + np.cumsum(_events(rng, 4, _OFFICE)),
        "nhan_su": staff,
        "phan_cong_cchc": 1.4 * city.par_staff + np.cumsum(_events(rng, 0.2 * city.par_staff, _OFFICE, firsts=10)),
        "danh_gia": rated,
        "quyet_dinh": 0.6 * city.staff + np.cumsum(_events(rng, 0.15 * city.staff, _OFFICE, firsts=10)),
        "sang_kien": 0.1 * city.staff + np.cumsum(_events(rng, 0.03 * city.staff, _OFFICE)),
        "lop_boi_duong": 0.3 * city.staff + np.cumsum(classes),
        "mdl_user": staff * 1.05,
        "mdl_course": 100 + np.cumsum(_events(rng, 12, _OFFICE)),
        "mdl_course_completions": 2.0 * city.staff + np.cumsum(_events(rng, 0.8 * city.staff, ACTIVITY)),
        "mdl_course_modules": 900 + np.cumsum(5 * _events(rng, 12, _OFFICE)),
        "mdl_course_modules_viewed": _views(rng, city),
        "danh_muc_khoa_hoc": np.full(_COUNT, 60.0),
        "danh_muc_hoc_lieu": 300 + np.cumsum(_events(rng, 6, _OFFICE)),
    }
    assert set(rows) == {table.name for table in TABLES}
    one = np.ones(_COUNT)
    for name, good in rows.items():
        accepted = np.round(good)
        broken = rng.poisson(_BROKEN * accepted)
        read = accepted + broken
        size = float(np.median(read))
        yield "rows_read", f"{name}.csv", read, one, size
        yield "rows_accepted", f"{name}.csv", accepted, one, size
        shown = np.maximum(read, 1)
        yield "quarantined_share", f"{name}.csv", 100 * broken / shown, 100 / shown, size
        yield "days_old", f"{name}.csv", np.zeros(_COUNT), one, size
    week = np.arange(_COUNT) % 7
    days = DAYS.astype("datetime64[M]").astype("datetime64[D]")
    yield "days_old", "on working days", np.maximum(_WEEKDAY - 4, 0).astype(np.float64), one, 1
    yield "days_old", "once a week", week.astype(np.float64), one, 1
    yield "days_old", "once a month", (DAYS - days).astype(np.float64), one, 1


def _views(rng: np.random.Generator, city: City) -> Values:
    """Of two days each night, for deliveries overlap by a day; they grow by a third in a year."""
    expected = city.views * ACTIVITY * np.exp(rng.normal(0, 0.12, _COUNT)) * (1 + np.arange(_COUNT) / 365 / 3)
    views = rng.poisson(expected).astype(np.float64)
    return views + np.concatenate([views[:1], views[:-1]])


def _people(rng: np.random.Generator, city: City, staff: Values) -> _Drawn:
    one = np.ones(_COUNT)
    yield "people", "nhan_su.csv", staff, one, city.staff
    yield "people", "mdl_user.csv", np.round(staff * 0.99), one, city.staff
    yield "units_in_force", "H29", city.units + np.cumsum(_events(rng, 2, _OFFICE)), one, city.units
    yield "people_moved", "H29", _events(rng, 0.012 * city.staff, _OFFICE, firsts=4), one, city.staff


def _shares(rng: np.random.Generator, city: City) -> _Drawn:
    """Leaders come and go one by one; ratings change when the new year's replace the old one's."""
    sizes = np.sort(rng.lognormal(0, 1.0, city.agencies))
    heads = np.maximum(np.round(0.8 * city.staff * sizes / sizes.sum()), 4)
    for subject, active in [("H29", float(city.staff)), *((f"H29.{k:02}", size) for k, size in enumerate(heads))]:
        base = np.round(
            active * city.leaders / city.staff * rng.uniform(0.5, 1.8) if subject != "H29" else city.leaders
        )
        leaders = np.maximum(base, 1) + np.cumsum(
            _events(rng, 0.1 * base, _OFFICE, firsts=4) - _events(rng, 0.1 * base, _OFFICE, firsts=4)
        )
        around = active + np.round(rng.normal(0, 0.001 * active, _COUNT))
        yield "leader_share", subject, 100 * np.clip(leaders / around, 0, 1), 100 / around, active
    old = np.array([0.18, 0.68, 0.12, 0.02])
    new = np.maximum(old + np.array([0.008, -0.006, -0.003, 0.001]), 0)
    rated_new = np.cumsum(_IN_SEASON) / _SEASON_NIGHTS
    for k, level in enumerate(("HTXSNV", "HTTNV", "HTNV", "KHTNV")):
        people = np.where(rated_new >= 0.5, rated_new, 1.0) * city.staff
        drift = np.cumsum(rng.normal(0, 0.002, _COUNT) * (rng.random(_COUNT) < 0.2))
        share = np.where(rated_new >= 0.5, new[k], old[k]) * 100 + drift
        yield "rating_share", level, np.maximum(share, 0), 100 / people, city.staff


def _indicators(rng: np.random.Generator, city: City) -> _Drawn:
    """Percentages climb on working days and by a class at a time; counts begin anew in January."""
    for code, size, start, end in (
        ("I1", city.leaders, 75, 92), ("I1/SO_NGANH", city.leaders // 10, 75, 92),
        ("I1/UBND_HUYEN", city.leaders // 10, 70, 90), ("I1/PHONG_DON_VI", city.leaders * 4 // 5, 76, 93),
        ("I2", city.par_staff, 40, 80), ("I3", city.par_staff, 35, 82), ("I3A", city.par_staff, 60, 90),
        ("I3B", city.par_staff, 38, 84),
    ):  # fmt: skip
        reached = (end - start) / 100 * size
        alone = _events(rng, 0.7 * reached * 365 / _COUNT, np.maximum(_OFFICE, 0.2))
        in_class = rng.integers(2, 5, _COUNT) * (rng.random(_COUNT) < 0.3 * reached / 3.5 / _COUNT)
        people = np.minimum(np.round(start / 100 * size) + np.cumsum(alone + in_class), size)
        yield "indicator_percent", code, 100 * people / size, np.full(_COUNT, 100 / size), size
    year = DAYS.astype("datetime64[Y]")
    for code, yearly in (("I4", 14), ("I5", 7), ("I6", 20)):
        happened = _events(rng, yearly, _OFFICE, firsts=3)
        total = np.cumsum(happened)
        before = np.array([total[np.argmax(year == one)] - happened[np.argmax(year == one)] for one in year])
        yield "indicator_persons", code, total - (before if code != "I6" else 0), np.ones(_COUNT), yearly
