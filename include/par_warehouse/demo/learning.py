"""Who learned what and when: accounts, courses passed online or in class, and views of materials.

The shares below are those reached at the ends of 2022, 2023 …; they follow the plan's targets.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from par_warehouse.demo.columns import dates, joined, numbered, pick
from par_warehouse.demo.courses import (
    ALL_SKILLS,
    COURSES,
    EXPERT,
    FIRST_COURSE_ID,
    FIRST_MODULE_ID,
    MODELS,
    MODULES,
    ONE_SKILL,
    TEXTS,
    UNLISTED,
)
from par_warehouse.demo.draw import NEVER, Days, Flags, Ints, between, day, epoch, generator, growing, later, year_of
from par_warehouse.demo.people import YEARS, People, steady
from par_warehouse.demo.size import DemoSize

_TRAINED = "2022-03-01", (0.62, 0.86, 0.94, 1.0)
_SKILLED = "2022-08-01", (0.2, 0.55, 0.87, 0.99)
_TEXT_SEEN = "2022-03-01", (0.3, 0.65, 0.93, 1.0)
_MODEL_SEEN = "2022-06-01", (0.15, 0.5, 0.87, 0.99)
_EXPERTS = "2022-06-01", (0.1, 0.35, 0.7, 1.0)
_VIEWED = "2022-02-01", (0.2, 0.55, 1.0)
_EXPERT_COUNT, _VIEWS_AFTER_2024 = 53, 0.9
_OPENED, _FIRST_USER_ID, _DELETED_AFTER = day("2022-01-03"), 1001, 60
_EMPTY_ID, _WRONG_ID = 1, 2


@dataclass(frozen=True)
class Enrolments:
    """Online courses in the order of enrolment; times are Unix seconds, 0 is never."""

    person: Ints
    course: Ints
    enrolled: Ints
    started: Ints
    completed: Ints
    reset: Ints
    repeated: Ints


@dataclass(frozen=True)
class Classes:
    """Classroom results in the order of days."""

    person: Ints
    course: Ints
    day: Days
    passed: Flags


@dataclass(frozen=True)
class Views:
    """Views in the order of time."""

    person: npt.NDArray[np.int32]
    module: npt.NDArray[np.int16]
    seen: Ints


@dataclass(frozen=True)
class Learning:
    """All learning of all years, and what is wrong with the persons' accounts until it is corrected."""

    enrolments: Enrolments
    classes: Classes
    views: Views
    account_fault: Ints
    account_corrected: Days


def build_learning(size: DemoSize, seed: int, people: People) -> Learning:
    """All learning of all years."""
    rng = generator(seed, "learning")
    person, course, done = _courses_passed(rng, size, people)
    by_class = rng.random(len(person)) < np.where(course < ONE_SKILL, 0.4, 0.15)
    by_class &= (person < size.tracked) & (done < NEVER)
    fault = rng.choice([0, _EMPTY_ID, _WRONG_ID], len(people.born), p=[0.94, 0.05, 0.01])
    corrected = between(rng, "2024-03-01", "2025-11-30", len(fault))
    return Learning(
        enrolments=_enrolments(rng, person[~by_class], course[~by_class], done[~by_class]),
        classes=_classes(person[by_class], course[by_class], done[by_class]),
        views=_views(rng, size, people),
        account_fault=fault,
        account_corrected=np.where(people.everyone < size.tracked, corrected, NEVER),
    )


def mdl_user(people: People, learning: Learning, date: np.datetime64, flaws: bool) -> pa.Table:
    """`mdl_user.csv`: everybody ever hired; the platform empties the idnumber of a deleted account."""
    at = np.flatnonzero(people.hired <= date)
    identification = people.identification(at)
    corrected = learning.account_corrected[at]
    fault = np.where(flaws & (corrected > date), learning.account_fault[at], 0)
    deletion = later(people.leaves[at], _DELETED_AFTER)
    left, deleted = people.leaves[at] <= date, flaws & (deletion <= date)
    wrong = pc.utf8_slice_codeunits(identification, 0, 9)
    idnumber = pc.if_else(pa.array(fault == _WRONG_ID), wrong, identification)
    created = np.maximum(people.hired[at], _OPENED)
    mended = np.where(flaws & (learning.account_fault[at] > 0) & (corrected <= date), corrected, created)
    username, former = numbered("cb", at, 6), numbered("@hcm.example.", epoch(deletion, 0))
    return pa.table(
        {
            "id": at + _FIRST_USER_ID,
            "username": pc.if_else(pa.array(deleted), joined(username, former), username),
            "idnumber": pc.if_else(pa.array((fault == _EMPTY_ID) | deleted), None, idnumber),
            "suspended": (left & ~deleted).astype(np.int64),
            "deleted": deleted.astype(np.int64),
            "timecreated": epoch(created, 8 * 3600),
            "timemodified": epoch(np.where(deleted, deletion, np.maximum(mended, created)), 8 * 3600),
        }
    )


def mdl_course_completions(learning: Learning, date: np.datetime64, flaws: bool) -> pa.Table:
    """`mdl_course_completions.csv`: with flaws, some completions are reset at a month's end and passed again later."""
    rows, now = learning.enrolments, _end_of(date)
    at = np.flatnonzero(rows.enrolled < now)
    completed = np.where(rows.completed[at] < now, rows.completed[at], 0)
    if flaws:
        reset = (rows.reset[at] > 0) & (rows.reset[at] < now)
        completed = np.where(reset, np.where(rows.repeated[at] < now, rows.repeated[at], 0), completed)
    return pa.table(
        {
            "id": at + 1,
            "userid": rows.person[at] + _FIRST_USER_ID,
            "course": rows.course[at] + FIRST_COURSE_ID,
            "timeenrolled": rows.enrolled[at],
            "timestarted": np.where(rows.started[at] < now, rows.started[at], 0),
            "timecompleted": completed,
            "reaggregate": np.zeros(len(at), np.int64),
        }
    )


def mdl_course_modules_viewed(learning: Learning, date: np.datetime64, previous: np.datetime64 | None) -> pa.Table:
    """`mdl_course_modules_viewed.csv`: views since the start of the previous delivery's day, a day of overlap."""
    seen = learning.views.seen
    first = 0 if previous is None else int(np.searchsorted(seen, _end_of(previous - 1)))
    at = np.arange(first, max(first, int(np.searchsorted(seen, _end_of(date)))))
    return pa.table(
        {
            "id": at + 1,
            "coursemoduleid": learning.views.module[at] + FIRST_MODULE_ID,
            "userid": learning.views.person[at] + _FIRST_USER_ID,
            "timecreated": seen[at],
        }
    )


def lop_boi_duong(people: People, learning: Learning, date: np.datetime64) -> pa.Table:
    """`lop_boi_duong.csv`: one class for each course and month."""
    rows = learning.classes
    at = np.flatnonzero(rows.day <= date)
    code = pick([code for code, _ in COURSES], rows.course[at])
    month = rows.day[at].astype("datetime64[M]").astype(np.int64) % 12 + 1
    return pa.table(
        {
            "ma_lop": joined("L-", code, numbered("-", year_of(rows.day[at])), numbered("-", month, 2)),
            "so_dinh_danh": people.identification(rows.person[at]),
            "ma_khoa_hoc": code,
            "ngay_hoan_thanh": dates(rows.day[at]),
            "ket_qua": pick(["KHONG_DAT", "DAT"], rows.passed[at].astype(np.int64)),
            "so_chung_nhan": pick(["CN"], rows.passed[at].astype(np.int64) - 1),
        }
    )


def _end_of(date: np.datetime64) -> int:
    return int(epoch(np.array([date + 1]), 0)[0])


def _courses_passed(rng: np.random.Generator, size: DemoSize, people: People) -> tuple[Ints, Ints, Days]:
    """Who passed which course on which day (or is enrolled and never passes)."""
    passed: list[tuple[Ints, Ints | int, Days]] = []
    roster, leaders = np.arange(size.roster), np.arange(size.roster, size.tracked)
    for block in (roster, leaders):
        done = growing(rng, *_TRAINED, len(block))
        passed.append((block, year_of(done) - YEARS.start, done))

    skilled = growing(rng, *_SKILLED, size.roster)
    at_once = rng.random(size.roster) < 0.2
    passed.append((roster[at_once], ALL_SKILLS, skilled[at_once]))
    earlier = rng.permuted(np.tile([0, 35, 90], (size.roster, 1)), axis=1)
    for k in range(3):
        passed.append((roster[~at_once], ONE_SKILL + k, later(skilled, -earlier[:, k])[~at_once]))

    experts = steady(size)[::-1][:_EXPERT_COUNT]
    passed.append((experts, EXPERT, growing(rng, *_EXPERTS, len(experts))))

    others = np.arange(size.tracked, size.staff)[::2]
    others = others[people.hired[others] < _OPENED]
    done = between(rng, "2022-03-10", "2026-11-30", len(others))
    yearly = rng.random(len(others)) < 0.3
    course = np.where(yearly, year_of(done) - YEARS.start, UNLISTED + others % (len(COURSES) - UNLISTED))
    passed.append((others, course, np.where(~yearly & (others % 10 < 3), NEVER, done)))
    person, day_done = (np.concatenate([block[k] for block in passed]) for k in (0, 2))
    courses = np.concatenate([np.broadcast_to(np.asarray(course), len(who)) for who, course, _ in passed])
    return person, courses, day_done


def _enrolments(rng: np.random.Generator, person: Ints, course: Ints, done: Days) -> Enrolments:
    count = len(person)
    enrolled = later(done, -rng.integers(10, 60, count))
    enrolled = np.where(done == NEVER, between(rng, "2022-02-01", "2026-12-01", count), enrolled)
    second = rng.integers(8 * 3600, 22 * 3600, count)
    month_end = (done.astype("datetime64[M]") + rng.integers(2, 7, count)).astype("datetime64[D]") - 1
    reset = np.where((done < NEVER) & (rng.random(count) < 0.12), month_end, NEVER)
    order = np.argsort(enrolled, kind="stable")
    return Enrolments(
        person=person[order],
        course=course[order],
        enrolled=epoch(enrolled, second - 3600)[order],
        started=np.where(rng.random(count) < 0.02, 0, epoch(later(enrolled, 2), second))[order],
        completed=epoch(done, second)[order],
        reset=epoch(reset, 23 * 3600)[order],
        repeated=epoch(later(reset, rng.integers(20, 60, count)), second)[order],
    )


def _classes(person: Ints, course: Ints, done: Days) -> Classes:
    """Some fail in the month before they pass."""
    fails = np.arange(len(person))[::25]
    at = np.concatenate([np.arange(len(person)), fails])
    passed = np.arange(len(at)) < len(person)
    when = np.where(passed, done[at], later(done[at], -31))
    order = np.argsort(when, kind="stable")
    return Classes(person[at][order], course[at][order], when[order], passed[order])


def _views(rng: np.random.Generator, size: DemoSize, people: People) -> Views:
    """First views that follow the curves, and many more; before the first one of a kind a person sees quizzes only."""
    roster = np.arange(size.roster)
    text_from, model_from = growing(rng, *_TEXT_SEEN, size.roster), growing(rng, *_MODEL_SEEN, size.roster)
    text, model = np.flatnonzero(text_from < NEVER), np.flatnonzero(model_from < NEVER)
    person = np.concatenate([roster[text], roster[model]])
    module = np.concatenate([rng.integers(0, TEXTS, len(text)), rng.integers(TEXTS, MODELS, len(model))])
    when = np.concatenate([text_from[text], model_from[model]])
    person, module, when = person[: size.views], module[: size.views], when[: size.views]

    more = max(0, size.views - int((when <= day("2024-12-31")).sum()))
    after = int(size.views * _VIEWS_AFTER_2024)
    days = np.concatenate([growing(rng, *_VIEWED, more), between(rng, "2025-01-01", "2026-12-31", after)])
    others = np.arange(size.tracked, size.staff)[::5]
    others = others[(people.hired[others] < _OPENED) & (people.leaves[others] == NEVER)]
    viewer = rng.choice(np.concatenate([np.arange(max(size.tracked, 1)), others]), len(days))
    what = rng.integers(0, MODULES, len(days))
    starts = np.full((3, len(people.born)), _OPENED)
    starts[0, : size.roster], starts[1, : size.roster] = text_from, model_from
    early = days < starts[np.where(what < TEXTS, 0, np.where(what < MODELS, 1, 2)), viewer]
    what[early] = rng.integers(MODELS, MODULES, int(early.sum()))

    opens = np.repeat([16 * 3600, 8 * 3600], [len(when), len(days)])
    seen = epoch(np.concatenate([when, days]), opens + rng.integers(0, 6 * 3600, len(opens)))
    order = np.argsort(seen, kind="stable")
    return Views(
        person=np.concatenate([person, viewer])[order].astype(np.int32),
        module=np.concatenate([module, what])[order].astype(np.int16),
        seen=seen[order],
    )
