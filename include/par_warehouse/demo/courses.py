"""What can be learned: the catalogues of courses and materials, and the platform's courses and modules."""

import numpy as np
import pyarrow as pa

from par_warehouse.demo.columns import joined, pick
from par_warehouse.demo.draw import epoch, year_of
from par_warehouse.demo.people import YEARS

COURSES = [(f"CCHC-{year}", f"Bồi dưỡng công tác cải cách hành chính năm {year}") for year in YEARS]
COURSES += [("KN-TM", "Kỹ năng tham mưu"), ("KN-TH", "Kỹ năng tổng hợp, báo cáo"), ("KN-HD", "Kỹ năng hướng dẫn")]
COURSES += [("KN-TD", "Kiến thức, kỹ năng toàn diện"), ("CG-CCHC", "Chuyên gia cải cách hành chính")]
COURSES += [("TIN-HOC", "Tin học văn phòng"), ("AN-TOAN", "An toàn thông tin"), ("NGOAI-NGU", "Tiếng Anh công vụ")]
ONE_SKILL, ALL_SKILLS, EXPERT, UNLISTED = 5, 8, 9, 10
FIRST_COURSE_ID, FIRST_MODULE_ID = 11, 101
TEXTS, MODELS, MODULES = 22, 28, 36

_CATALOGUE = [(at, "BOI_DUONG_CCHC", "", 40) for at in range(ONE_SKILL)]
_SKILLS = ("THAM_MUU", "TONG_HOP", "HUONG_DAN")
_CATALOGUE += [(ONE_SKILL + k, "KIEN_THUC_KY_NANG", skill, 16) for k, skill in enumerate(_SKILLS)]
_CATALOGUE += [(ALL_SKILLS, "KIEN_THUC_KY_NANG", skill, 36) for skill in _SKILLS] + [(EXPERT, "CHUYEN_GIA", "", 120)]
_COUNTRIES = ("Singapore", "Hàn Quốc", "Estonia", "Nhật Bản", "Đan Mạch", "Úc")
_MATERIALS = [(f"TL-{k:02}", "TAI_LIEU", f"Tài liệu cải cách hành chính, số {k}", "") for k in range(1, 13)]
_MATERIALS += [(f"BG-{k:02}", "BAI_GIANG", f"Bài giảng điện tử, số {k}", "") for k in range(1, 11)]
_MATERIALS += [(f"MH-{k:02}", "MO_HINH_NUOC_NGOAI", f"Mô hình của {at}", at) for k, at in enumerate(_COUNTRIES, 1)]
_ANNOUNCED_DAYS = 70


def danh_muc_khoa_hoc(date: np.datetime64) -> pa.Table:
    """`danh_muc_khoa_hoc.csv`: a yearly course is listed from autumn of the year before."""
    rows = [row for row in _CATALOGUE if _offered(row[0], date)]
    return pa.table(
        {
            "ma_khoa_hoc": [COURSES[at][0] for at, *_ in rows],
            "loai": [kind for _, kind, *_ in rows],
            "ky_nang": [skill or None for _, _, skill, _ in rows],
            "ten_khoa_hoc": [COURSES[at][1] for at, *_ in rows],
            "so_tiet": [hours for *_, hours in rows],
        }
    )


def danh_muc_hoc_lieu(date: np.datetime64) -> pa.Table:
    """`danh_muc_hoc_lieu.csv`: the same at all times."""
    code, kind, name, country = (list(column) for column in zip(*_MATERIALS, strict=True))
    return pa.table({"ma_hoc_lieu": code, "loai": kind, "ten": name, "quoc_gia": [text or None for text in country]})


def mdl_course(date: np.datetime64) -> pa.Table:
    """`mdl_course.csv`: yearly courses last a year, the others have no end."""
    at = np.array([k for k in range(len(COURSES)) if _offered(k, date)])
    year = np.where(at < ONE_SKILL, at + YEARS.start, YEARS.start)
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    end = (year - 1969).astype("datetime64[Y]").astype("datetime64[D]")
    codes, names = zip(*COURSES, strict=True)
    return pa.table(
        {
            "id": at + FIRST_COURSE_ID,
            "idnumber": pick(codes, at),
            "shortname": joined("K-", pick(codes, at)),
            "fullname": pick(names, at),
            "startdate": epoch(start, 0),
            "enddate": np.where(at < ONE_SKILL, epoch(end, -1), 0),
            "timemodified": epoch(start, 9 * 3600),
        }
    )


def mdl_course_modules(date: np.datetime64) -> pa.Table:
    """`mdl_course_modules.csv`: one module for each material, and some (quizzes) that are none."""
    at = np.arange(MODULES)
    return pa.table(
        {
            "id": at + FIRST_MODULE_ID,
            "course": ONE_SKILL + at % 5 + FIRST_COURSE_ID,
            "idnumber": pick([row[0] for row in _MATERIALS], np.where(at < MODELS, at, -1)),
            "completion": np.where(at < MODELS, 2, 1),
            "deletioninprogress": np.zeros(MODULES, np.int64),
        }
    )


def _offered(course: int, date: np.datetime64) -> bool:
    ahead = date + np.array([_ANNOUNCED_DAYS], "timedelta64[D]")
    return course >= ONE_SKILL or YEARS[course] <= int(year_of(ahead)[0])
