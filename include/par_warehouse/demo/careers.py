"""What happens to persons over the years: annual ratings, personnel decisions, recognised initiatives."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from par_warehouse.demo.columns import dates, flags, joined, numbered, pick
from par_warehouse.demo.draw import NEVER, Days, Flags, Ints, between, day, generator, later, year_of
from par_warehouse.demo.people import YEARS, People, appointed, planned
from par_warehouse.demo.size import DemoSize
from par_warehouse.demo.units import REORGANISED, Units

_PLAN, _TRANSFER, _ROTATE, _APPOINT, _REAPPOINT, _CHARGE, _SECOND, _RETIRE, _QUIT = range(9)
_DECISIONS = ("QUY_HOACH", "DIEU_DONG", "LUAN_CHUYEN", "BO_NHIEM", "BO_NHIEM_LAI", "GIAO_PHU_TRACH", "BIET_PHAI")
_DEPARTURES = ("NGHI_HUU", "THOI_VIEC")
_NO_POST = -1
_POSTS = ("Trưởng phòng", "Phó Trưởng phòng", "Giám đốc", "Phó Giám đốc, phụ trách đơn vị", "Chánh Văn phòng")
_RATINGS = ("HTXSNV", "HTTNV", "HTNV", "KHTNV")
_RATED_YEARS = range(2019, 2027)
_LEVELS = ("CO_SO", "THANH_PHO", "TOAN_QUOC")
_SIGNED_BEFORE, _REPLANNED_AFTER, _TERM = 7, 365, 5 * 365
_IDEAS = ("Rút ngắn thời gian giải quyết hồ sơ", "Số hoá hồ sơ, kết quả", "Mô hình “Ngày không giấy”", "Tổ lưu động")


@dataclass(frozen=True)
class _Decisions:
    person: Ints
    kind: Ints
    takes_effect: Days
    post: Ints
    unit: Ints
    reorganising: Flags


@dataclass(frozen=True)
class Careers:
    """Ratings by person and year, decisions by day, initiatives by year."""

    rating: npt.NDArray[np.int8]
    rated_after: npt.NDArray[np.int8]
    decisions: _Decisions
    inventor: Ints
    recognised: Ints
    applied: Flags


def build_careers(size: DemoSize, seed: int, units: Units, people: People) -> Careers:
    """All events of all years."""
    rng = generator(seed, "careers")
    count, years = len(people.born), len(_RATED_YEARS)
    excellent = people.everyone % 12 == 0
    bounds = np.where(excellent, 0.94, 0.12)[:, None] + (1 - np.where(excellent, 0.94, 0.12))[:, None] * [0, 0.75, 0.97]
    drawn = rng.random((count, years), np.float32)
    rating = sum((drawn > bounds[:, [k]]).astype(np.int8) for k in range(3))
    rating = np.where(rng.random((count, years), np.float32) < 0.05, np.where(excellent, 0, -1)[:, None], rating)
    diligent = np.repeat(np.flatnonzero(excellent & (people.everyone < size.tracked)), 3)
    others = rng.choice(people.everyone, count // 25)
    inventor = np.concatenate([diligent, others])
    return Careers(
        rating=rating.astype(np.int8),
        rated_after=rng.integers(0, 47, (count, years), np.int8),
        decisions=_decide(rng, size, units, people),
        inventor=inventor,
        recognised=rng.integers(2021, 2027, len(inventor)),
        applied=rng.random(len(inventor)) < 0.8,
    )


def danh_gia(people: People, careers: Careers, date: np.datetime64) -> pa.Table:
    """`danh_gia.csv`: ratings of a year are decided from 10 December to 25 January."""
    return pa.concat_tables([_rated(people, careers, date, k) for k in range(len(_RATED_YEARS))])


def quyet_dinh(units: Units, people: People, careers: Careers, date: np.datetime64) -> pa.Table:
    """`quyet_dinh.csv`: decisions are known from the day they are signed on, a week before they take effect."""
    all_time = careers.decisions
    at = np.flatnonzero(all_time.takes_effect - _SIGNED_BEFORE <= date)
    effect, kind = all_time.takes_effect[at], all_time.kind[at]
    return pa.table(
        {
            "so_quyet_dinh": joined(numbered("", at + 1), numbered("/", year_of(effect)), "/QĐ-SNV"),
            "so_dinh_danh": people.identification(all_time.person[at]),
            "loai": pick([*_DECISIONS, *_DEPARTURES], kind),
            "ngay_ky": dates(effect - _SIGNED_BEFORE),
            "ngay_hieu_luc": dates(effect),
            "chuc_vu_moi": pick(_POSTS, all_time.post[at]),
            "la_chuc_vu_lanh_dao": flags(all_time.post[at] != _NO_POST),
            "ma_don_vi_moi": pick(units.code, all_time.unit[at]),
            "ly_do": pick(["THUONG_QUY", "SAP_XEP"], all_time.reorganising[at].astype(np.int64)),
        }
    )


def sang_kien(people: People, careers: Careers, date: np.datetime64) -> pa.Table:
    """`sang_kien.csv`: initiatives are recognised in mid-December of their year; every fifth has a second author."""
    known = np.flatnonzero(careers.recognised < year_of(date + np.array([17], "timedelta64[D]")))
    at = np.concatenate([known, known[known % 5 == 0]])
    author = careers.inventor[at] + np.repeat([0, 1], [len(known), len(at) - len(known)])
    year = careers.recognised[at]
    return pa.table(
        {
            "ma_sang_kien": joined(numbered("SK-", year), numbered("-", at, 6)),
            "so_dinh_danh": people.identification(author % len(people.born)),
            "ten": pick(_IDEAS, at % len(_IDEAS)),
            "nam_cong_nhan": year,
            "cap": pick(_LEVELS, np.maximum(at % 10 - 7, 0)),
            "ap_dung_hieu_qua": flags(careers.applied[at]),
        }
    )


def _rated(people: People, careers: Careers, date: np.datetime64, k: int) -> pa.Table:
    year = _RATED_YEARS[k]
    decided = day(f"{year}-12-10") + careers.rated_after[:, k].astype("timedelta64[D]")
    worked = (people.hired < day(f"{year}-07-01")) & (people.leaves > day(f"{year}-12-01"))
    at = np.flatnonzero(worked & (decided <= date))
    return pa.table(
        {
            "so_dinh_danh": people.identification(at),
            "nam": np.full(len(at), year),
            "muc_xep_loai": pick(_RATINGS, careers.rating[at, k]),
            "so_quyet_dinh": pick([f"{year}/QĐ-XL"], np.zeros(len(at), np.int64)),
            "ngay_quyet_dinh": dates(decided[at]),
        }
    )


def _decide(rng: np.random.Generator, size: DemoSize, units: Units, people: People) -> _Decisions:
    """Every decision of all times, in the order of the days they take effect."""
    events: list[tuple[Ints, Ints | int, Days, Ints | int, bool]] = []

    def decide(person: Ints, kind: Ints | int, when: Days, post: Ints | int = _NO_POST, regular: bool = True) -> None:
        events.append((person, kind, when, post, not regular))

    def had(when: Days) -> Ints:
        return np.flatnonzero(when < NEVER)

    for year in YEARS:
        who = planned(size, year)
        when = between(rng, f"{year}-09-01", f"{year}-11-30", len(who))
        decide(who, _PLAN, when, who % len(_POSTS))
        decide(who[::2], _PLAN, later(when[::2], _REPLANNED_AFTER), who[::2] % len(_POSTS))
    promoted = np.concatenate([appointed(size, year) for year in YEARS])
    decide(promoted, np.where(promoted % 3 == 0, _ROTATE, _APPOINT), people.leads_from[promoted], promoted % 4)

    leaders = np.arange(size.roster, size.tracked)
    since = people.leads_from[leaders]
    decide(leaders[::2], _PLAN, later(since[::2], -500), leaders[::2] % len(_POSTS))
    decide(leaders[::9], _CHARGE, later(since[::9], -90), leaders[::9] % len(_POSTS))
    decide(leaders, _APPOINT, since, leaders % len(_POSTS))
    decide(leaders, _REAPPOINT, later(since, _TERM), leaders % len(_POSTS))
    for text in REORGANISED[1:]:
        start = day(text)
        moved = units.end[people.unit_on(start - 1, units, leaders)] < start
        who = leaders[moved & (since < start) & (people.leaves[leaders] > start)]
        decide(who, _APPOINT, np.full(len(who), start), who % len(_POSTS), regular=False)

    mover, leaver, seconded = had(people.moves), had(people.leaves), had(people.seconded)
    leading = people.leads_from[mover] <= people.moves[mover]
    kind, post = np.where(leading, _ROTATE, _TRANSFER), np.where(leading, mover % len(_POSTS), _NO_POST)
    decide(mover, kind, people.moves[mover], post)
    decide(seconded, _SECOND, people.seconded[seconded])
    leaver = leaver[people.left_as[leaver] < 4]
    decide(leaver, np.where(people.left_as[leaver] == 2, _RETIRE, _QUIT), people.leaves[leaver])

    person, when = (np.concatenate([event[k] for event in events]) for k in (0, 2))
    kinds, posts, reorganising = (
        np.concatenate([np.broadcast_to(np.asarray(event[k]), len(event[0])) for event in events]) for k in (1, 3, 4)
    )
    order = np.lexsort((person, when))
    unit = np.where(kinds < _SECOND, people.unit_on(when, units, person), -1)
    return _Decisions(person[order], kinds[order], when[order], posts[order], unit[order], reorganising[order])
