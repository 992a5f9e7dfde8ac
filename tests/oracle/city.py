"""A small city that lives from night to night: what is true before anybody writes it down."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from . import contract, reading

Record = dict[str, Any]
Tables = dict[str, list[Record]]

SCHEME_START = date(2022, 1, 1)
FIRST_NIGHTS = (  # the days before and after which a target, a year or the scheme begins or ends
    date(2022, 1, 2),
    date(2023, 12, 29),
    date(2024, 6, 30),
    date(2024, 12, 29),
    date(2024, 12, 31),
    date(2025, 12, 29),
    date(2026, 1, 1),
)
SHARES = (0.8, 0.8, 1.0, 0.9, 0.6, 0.0)  # of the people who are trained; with 5, 10, 15 people they meet the targets


@dataclass
class City:
    """Units, staff, their work and learning; `live_until` moves it on and shows it as the fourteen tables."""

    rng: random.Random
    size: int
    first_night: date
    units: list[Record] = field(default_factory=list)
    staff: dict[str, Record] = field(default_factory=dict)
    away: dict[str, Record] = field(default_factory=dict)  # people who left nhan_su and may return
    roster: list[Record] = field(default_factory=list)
    ratings: list[Record] = field(default_factory=list)
    decisions: list[Record] = field(default_factory=list)
    initiatives: list[Record] = field(default_factory=list)
    classroom: list[Record] = field(default_factory=list)
    users: list[Record] = field(default_factory=list)
    courses: list[Record] = field(default_factory=list)
    completions: list[Record] = field(default_factory=list)
    modules: list[Record] = field(default_factory=list)
    views: list[Record] = field(default_factory=list)  # every view ever created
    catalogue: list[Record] = field(default_factory=list)
    materials: list[Record] = field(default_factory=list)
    delivered_views: int = 0
    night: date = SCHEME_START
    serial: int = 0

    def __post_init__(self) -> None:
        self.night = self.first_night
        self._found_units()
        self._offer_courses()
        self._hire()
        for person in list(self.staff):
            self._open_account(person)
        self._assign_roster()
        self._train()
        self._rate_and_invent()
        self._decide()

    def live_until(self, night: date) -> Tables:
        if night != self.first_night:
            self.night = night
            for event in self._events():
                if self.rng.random() < 0.45:
                    event()
        return self._tables()

    def _tables(self) -> Tables:
        rng = self.rng
        new = self.views[self.delivered_views :]
        overlap = self.views[: self.delivered_views][-rng.choice((0, 0, 3, 10)) :] if self.delivered_views else []
        self.delivered_views = len(self.views)
        increment = [dict(view) for view in (*overlap, *new)]
        if increment and self.views and rng.random() < 0.3:  # an id is used again for another view
            used = rng.choice(self.views)["id"]
            increment.append({**self._view(self._account(), self._module(), self._moment()), "id": used})
        tables: Tables = {
            "don_vi.csv": self.units,
            "nhan_su.csv": list(self.staff.values()),
            "phan_cong_cchc.csv": self.roster,
            "danh_gia.csv": self.ratings,
            "quyet_dinh.csv": self.decisions,
            "sang_kien.csv": self.initiatives,
            "lop_boi_duong.csv": self.classroom,
            "mdl_user.csv": self.users,
            "mdl_course.csv": self.courses,
            "mdl_course_completions.csv": self.completions,
            "mdl_course_modules.csv": self.modules,
            "mdl_course_modules_viewed.csv": increment,
            "danh_muc_khoa_hoc.csv": self.catalogue,
            "danh_muc_hoc_lieu.csv": self.materials,
        }
        copies = {name: [dict(row) for row in rows] for name, rows in tables.items()}
        for rows in copies.values():
            if rng.random() < 0.3:
                rng.shuffle(rows)
        return copies

    # founding

    def _next(self) -> int:
        self.serial += 1
        return self.serial

    def _unit(self, code: str, kind: str, parent: str | None) -> None:
        rng, night = self.rng, self.first_night
        start: date = date(2000, 1, 1)
        end: date | None = None
        if parent is not None:
            if rng.random() < 0.15:  # closes around the nights, or was closed long ago
                end = rng.choice((night - timedelta(days=1), night, night + timedelta(days=1), date(2021, 6, 30)))
            elif rng.random() < 0.1:
                start = rng.choice((night, night + timedelta(days=1), night - timedelta(days=1)))
        self.units.append(
            {
                "ma_don_vi": code,
                "ten_don_vi": rng.choice(("Sở Nội vụ", "Phòng Hành chính, Tổ chức", 'Trung tâm "Một cửa"', "Ủy ban")),
                "loai_don_vi": kind,
                "ma_don_vi_cha": parent,
                "hieu_luc_tu": start,
                "hieu_luc_den": end,
                "ke_thua_boi": None,
            }
        )

    def _found_units(self) -> None:
        rng = self.rng
        self._unit("H29", "THANH_PHO", None)
        departments = [f"SO{number:02}" for number in range(rng.randint(1, 3))]
        districts = [f"QH{number:02}" for number in range(rng.randint(1, 2))]
        for code in departments:
            self._unit(code, "SO_NGANH", "H29")
        for code in districts:
            self._unit(code, "UBND_HUYEN", "H29")
        for number in range(rng.randint(0, 2)):
            self._unit(f"XA{number:02}", "UBND_XA", rng.choice(districts))
        offices = [f"PH{number:02}" for number in range(rng.randint(1, 4))]
        for code in offices:
            self._unit(code, "PHONG", rng.choice(departments + districts))
        for number in range(rng.randint(0, 2)):
            self._unit(f"SN{number:02}", "DON_VI_SU_NGHIEP", rng.choice(departments + offices))
        if rng.random() < 0.5:
            rng.shuffle(self.units)

    def _open_units(self) -> list[Record]:
        return [unit for unit in self.units if unit["hieu_luc_tu"] <= self.night <= (unit["hieu_luc_den"] or date.max)]

    def _pick_unit(self, *kinds: str) -> str:
        units = [unit["ma_don_vi"] for unit in self._open_units() if not kinds or unit["loai_don_vi"] in kinds]
        return str(self.rng.choice(units)) if units else "H29"

    def _new_person(self) -> str:
        return f"013{self.rng.randrange(10**9):09}"

    def _hire(self) -> None:
        rng = self.rng
        leaders = rng.choice((5, 5, 10, max(5, self.size // 3)))
        crowd = self._pick_unit("SO_NGANH", "UBND_HUYEN", "PHONG")
        for number in range(self.size):
            leads = number < leaders
            # five leaders in one place, so that its share meets 80 % exactly
            unit = crowd if leads and number < 5 else self._pick_unit()
            person = self._new_person()
            self.staff[person] = {
                "so_dinh_danh": person,
                "so_hieu": f"HS{number}",
                "ho_ten": rng.choice(("Nguyễn Thị Hoà", "Trần Văn Ước", "Lê Ngọc  Ánh", 'Phạm "Tí" Sửu, Jr.')),
                "ngay_sinh": date(rng.randint(1960, 2000), rng.randint(1, 12), rng.randint(1, 28)),
                "gioi_tinh": rng.choice(("NAM", "NU", None)),
                "nhom": rng.choice(("CAN_BO", "CONG_CHUC", "CONG_CHUC", "CONG_CHUC", "VIEN_CHUC")),
                "ma_don_vi": unit,
                "chuc_vu": rng.choice(("Chuyên viên", "Phó Trưởng phòng", None)),
                "la_lanh_dao": "x" if leads else None,
                "trang_thai": "DANG_CONG_TAC" if leads or rng.random() < 0.9 else rng.choice(contract.STAFF_STATES),
                "ngay_vao_co_quan": rng.choice((None, date(rng.randint(1990, 2021), 5, 1))),
            }

    def _assign_roster(self) -> None:
        rng = self.rng
        if rng.random() < 0.3:  # people of the roster whom nhan_su does not know any more: leavers
            for _ in range(rng.choice((1, 3, 60))):
                self._roster_row(self._new_person(), date(2021, 1, 1), rng.choice((None, date(2023, 6, 30))))
        people = list(self.staff)
        chosen = rng.sample(people, rng.choice((5, 10, len(people) // 2, len(people))))
        for person in chosen:
            start = rng.choice((date(2019, 3, 1), date(2022, 1, 1), self.night - timedelta(days=30)))
            end = rng.choice((None, None, None, self.night, self.night - timedelta(days=1), date(2030, 1, 1)))
            self._roster_row(person, start, end)
            if rng.random() < 0.2:  # an earlier spell; a gap of a day or an overlap
                self._roster_row(person, date(2018, 1, 1), start - timedelta(days=rng.choice((0, 1, 2, 60))))

    def _roster_row(self, person: str, start: date, end: date | None) -> None:
        rng = self.rng
        home = self.staff.get(person, {"ma_don_vi": "H29"})["ma_don_vi"]
        self.roster.append(
            {
                "so_dinh_danh": person,
                "tu_ngay": start,
                "ma_don_vi": home if rng.random() < 0.9 else rng.choice(self.units)["ma_don_vi"],
                "linh_vuc": rng.choice((None, *contract.PAR_FIELDS)),
                "hinh_thuc": rng.choice((None, *contract.ROSTER_FORMS)),
                "den_ngay": None if end is not None and end < start else end,
                "so_quyet_dinh": f"{self._next()}/QĐ-PC",
            }
        )

    # courses and materials

    def _offer_courses(self) -> None:
        rng = self.rng
        offers: list[tuple[str, str, str | None]] = [("KH01", "BOI_DUONG_CCHC", None), ("KH02", "BOI_DUONG_CCHC", None)]
        offers += [(f"KN0{number}", "KIEN_THUC_KY_NANG", skill) for number, skill in enumerate(contract.SKILLS)]
        offers += [("KN03", "KIEN_THUC_KY_NANG", "THAM_MUU"), ("KN03", "KIEN_THUC_KY_NANG", "TONG_HOP")]
        offers += [("CG01", "CHUYEN_GIA", None), ("CG02", "CHUYEN_GIA", None), ("KH02", "CHUYEN_GIA", None)]
        for code, kind, skill in offers:
            self.catalogue.append(
                {
                    "ma_khoa_hoc": code,
                    "loai": kind,
                    "ky_nang": skill,
                    "ten_khoa_hoc": rng.choice(("Cải cách hành chính", "Kỹ năng, phương pháp", None)),
                    "so_tiet": rng.choice((None, "16", "7.5", "0.0", "-1")),
                }
            )
        for code in [*dict.fromkeys(code for code, _, _ in offers), "NGOAI_DANH_MUC"]:
            start = self._stamp(date(2022, 3, 1))
            self.courses.append(
                {
                    "id": self._next() + 1,
                    "idnumber": code,
                    "shortname": code.lower(),
                    "fullname": "Khoá học về CCHC",
                    "startdate": start,
                    "enddate": rng.choice((0, None, start, start + 86_400)),
                    "timemodified": rng.choice((0, start)),
                }
            )
        for code, kind in (
            ("HL01", "TAI_LIEU"),
            ("HL02", "BAI_GIANG"),
            ("HL03", "MO_HINH_NUOC_NGOAI"),
            ("HL04", "MO_HINH_NUOC_NGOAI"),
            ("HL04", "TAI_LIEU"),
        ):
            self.materials.append(
                {"ma_hoc_lieu": code, "loai": kind, "ten": "Tài liệu", "quoc_gia": rng.choice((None, "Hàn Quốc"))}
            )
        for material in ("HL01", "HL02", "HL03", "HL04", "HL99", None, None):
            self.modules.append(
                {
                    "id": self._next(),
                    "course": rng.choice(self.courses)["id"],
                    "idnumber": material,
                    "completion": rng.choice((None, 0, 1, 2)),
                    "deletioninprogress": rng.choice((0, 0, 1)),
                }
            )

    def _open_account(self, person: str | None) -> int:
        account = self._next()
        self.users.append(
            {
                "id": account,
                "username": f"u{account}",
                "idnumber": person,
                "suspended": self.rng.choice((0, 0, 0, 1, None)),
                "deleted": self.rng.choice((0, 0, 0, 1)),
                "timecreated": self._stamp(date(2021, 5, 1)),
                "timemodified": self.rng.choice((0, None, self._stamp(date(2022, 5, 1)))),
            }
        )
        return account

    # moments

    def _stamp(self, day: date) -> int:
        """Epoch seconds on a local day, often its very first or last second."""
        second = self.rng.choice((0, 86_399, self.rng.randrange(86_400)))
        start = datetime.combine(day, time(), reading.LOCAL).astimezone(UTC)
        return int(start.timestamp()) + second

    def _day_by(self) -> date:
        """A day from the scheme start to the night."""
        days = (self.night - SCHEME_START).days
        return SCHEME_START + timedelta(days=self.rng.choice((0, days, self.rng.randint(0, days))))

    def _moment(self) -> int:
        """A local moment: mostly by the night, else just outside what counts."""
        return self._stamp(
            self.rng.choice(
                (self._day_by(), self._day_by(), self._day_by(), date(2021, 12, 31), self.night + timedelta(days=1))
            )
        )

    def _account(self, person: str | None = None) -> int:
        own = [user["id"] for user in self.users if person is None or user["idnumber"] == person]
        return int(self.rng.choice(own)) if own else self._open_account(person)

    def _module(self, *codes: str) -> int:
        fitting = [module["id"] for module in self.modules if not codes or module["idnumber"] in codes]
        return int(self.rng.choice(fitting or [module["id"] for module in self.modules]))

    def _view(self, account: int, module: int, moment: int) -> Record:
        return {"id": self._next(), "coursemoduleid": module, "userid": account, "timecreated": moment}

    # learning

    def _course_id(self, *codes: str) -> int:
        fitting = [course["id"] for course in self.courses if not codes or course["idnumber"] in codes]
        return int(self.rng.choice(fitting or [course["id"] for course in self.courses]))

    def _complete(self, account: int, course: int, completed: int | None) -> None:
        started = self._stamp(date(2022, 1, 1))
        self.completions.append(
            {
                "id": self._next(),
                "userid": account,
                "course": course,
                "timeenrolled": self.rng.choice((0, started)),
                "timestarted": self.rng.choice((0, None, started)),
                "timecompleted": completed,
                "reaggregate": 0,
            }
        )

    def _pass(self, person: str, code: str, on: date) -> None:
        """One passing, on the platform or in a classroom."""
        if self.rng.random() < 0.7:
            self._complete(self._account(person), self._course_id(code), self._stamp(on))
        else:
            self._attend(person, code, on, "DAT")

    def _attend(self, person: str, code: str, on: date, result: str) -> None:
        self.classroom.append(
            {
                "ma_lop": f"L{self._next()}",
                "so_dinh_danh": person,
                "ma_khoa_hoc": code,
                "ngay_hoan_thanh": on,
                "ket_qua": result,
                "so_chung_nhan": self.rng.choice((None, "CN-1")),
            }
        )

    def _share(self, people: list[str]) -> list[str]:
        """A share of the people that meets a threshold exactly when their number allows it."""
        wanted = int(len(people) * self.rng.choice(SHARES) + 0.5)
        return self.rng.sample(people, wanted)

    def _train(self) -> None:
        rng = self.rng
        leaders = [person for person, row in self.staff.items() if row["la_lanh_dao"]]
        at_home: dict[str, list[str]] = {}
        for person in leaders:
            at_home.setdefault(self.staff[person]["ma_don_vi"], []).append(person)
        for people in at_home.values():
            for person in self._share(people):
                self._pass(person, rng.choice(("KH01", "KH02")), self._day_by())
        par_staff = list(dict.fromkeys(row["so_dinh_danh"] for row in self.roster))
        known = [person for person in par_staff if person in self.staff]
        for person in self._share(known):
            for code in rng.choice((("KN00", "KN01", "KN02"), ("KN03", "KN02"))):
                self._pass(person, code, self._day_by())
        for kinds in (("HL01", "HL02", "HL04"), ("HL03", "HL04")):
            for person in self._share(known):
                self.views.append(self._view(self._account(person), self._module(*kinds), self._stamp(self._day_by())))
        many = rng.random() < 0.3
        for person in par_staff if many else par_staff[:3]:
            self._pass(person, "CG01", self._day_by())
        for person in rng.sample(known, min(5, len(known))):  # half-trained, too early, too late, not passed
            self._complete(self._account(person), self._course_id(), rng.choice((0, None, self._moment())))
            self._attend(person, "CG02", reading.local_date(self._moment()), rng.choice(contract.RESULTS))
        for _ in range(len(known)):
            self.views.append(self._view(self._account(), self._module(), self._moment()))
        self.views.append(self._view(99_000_001, self._module(), self._moment()))  # an account to come, or never
        for _ in range(2):
            self._open_account(rng.choice((None, "khach", "1234567890123", "12345", rng.choice(list(self.staff)))))

    def _rate_and_invent(self) -> None:
        rng, year = self.rng, self.night.year
        for person, row in self.staff.items():
            if row["nhom"] == "CONG_CHUC" or rng.random() < 0.3:
                last = year - rng.choice((0, 1, 1, 1, 2))
                for back in range(rng.randint(2, 6)):
                    level = "HTXSNV" if rng.random() < 0.85 else rng.choice((None, "HTTNV", "HTNV", "KHTNV"))
                    if rng.random() < 0.93:  # else a gap
                        self._rating(person, last - back, level)
                for _ in range(rng.randint(0, 4)):
                    self._initiative(person)
        for _ in range(2):
            self._rating(self._new_person(), year - 1, "HTXSNV")

    def _rating(self, person: str, year: int, level: str | None) -> None:
        decided = self.rng.choice((date(year, 12, 20), date(year + 1, 1, 15), self.night, self.night + timedelta(1)))
        self.ratings.append(
            {
                "so_dinh_danh": person,
                "nam": year,
                "muc_xep_loai": level,
                "so_quyet_dinh": f"{self._next()}/QĐ-DG",
                "ngay_quyet_dinh": decided,
            }
        )

    def _initiative(self, person: str) -> None:
        self.initiatives.append(
            {
                "ma_sang_kien": f"SK{self._next()}",
                "so_dinh_danh": person,
                "ten": self.rng.choice(("Số hoá hồ sơ", "Một cửa, liên thông")),
                "nam_cong_nhan": self.night.year - self.rng.randint(-1, 5),
                "cap": self.rng.choice((None, *contract.INITIATIVE_LEVELS)),
                "ap_dung_hieu_qua": self.rng.choice(("x", "x", "x", None)),
            }
        )

    def _decide(self) -> None:
        """Numbers of decisions near the targets of I4 (10) and I5 (5), then decisions that must not count."""
        rng, new_year = self.rng, date(self.night.year, 1, 1)
        people = list(dict.fromkeys(row["so_dinh_danh"] for row in self.roster))
        long_there = [row for row in self.roster if row["tu_ngay"] < date(2022, 1, 2) and row["den_ngay"] is None]
        eligible = list(dict.fromkeys(row["so_dinh_danh"] for row in long_there)) or people
        planned = rng.sample(eligible, min(len(eligible), rng.choice((2, 9, 10, 11, 14))))
        for person in planned:
            on = rng.choice((self.night, new_year, new_year + timedelta(days=(self.night - new_year).days // 2)))
            self._decision(person, "QUY_HOACH", on, reason="THUONG_QUY")
        for person in rng.sample(eligible, min(len(eligible), rng.choice((2, 4, 5, 6)))):
            kind = rng.choice(("LUAN_CHUYEN", "BO_NHIEM"))
            self._decision(person, kind, self.night, leads="x", reason="THUONG_QUY")
        for _ in range(6):  # repeated, before, after, by re-organisation, of others
            person = rng.choice(planned if rng.random() < 0.4 else people)
            on = rng.choice((self.night, self.night + timedelta(1), new_year - timedelta(1), date(2020, 5, 5)))
            self._decision(person, rng.choice(("QUY_HOACH", "QUY_HOACH", *contract.DECISION_KINDS)), on)

    def _decision(self, person: str, kind: str, on: date, leads: str | None = None, reason: str | None = None) -> None:
        rng = self.rng
        self.decisions.append(
            {
                "so_quyet_dinh": f"{self._next()}/QĐ-UBND",
                "so_dinh_danh": person,
                "loai": kind,
                "ngay_ky": rng.choice((None, on - timedelta(days=3), on + timedelta(days=3))),
                "ngay_hieu_luc": on,
                "chuc_vu_moi": rng.choice((None, "Giám đốc Sở", "Giám đốc Sở", "Phó Chủ tịch")),
                "la_chuc_vu_lanh_dao": leads or rng.choice(("x", None)),
                "ma_don_vi_moi": rng.choice((None, "H29")),
                "ly_do": reason or rng.choice(contract.REASONS),
            }
        )

    # what happens between two nights

    def _events(self) -> list[Callable[[], None]]:
        return [
            self._people_leave,
            self._people_return,
            self._people_change,
            self._unit_closes,
            self._roster_changes,
            self._more_learning,
            self._completions_wiped,
            self._completions_reset,
            self._classroom_corrected,
            self._account_changes,
            self._course_changes,
            self._module_changes,
            self._accounts_removed,
            self._catalogue_changes,
            self._more_decisions,
            self._more_ratings,
        ]

    def _person(self) -> str:
        return self.rng.choice(list(self.staff))

    def _people_leave(self) -> None:
        for person in {self._person() for _ in range(self.rng.randint(1, 2))}:
            if self.rng.random() < 0.5 and len(self.staff) > 3:
                self.away[person] = self.staff.pop(person)
            else:
                self.staff[person]["trang_thai"] = self.rng.choice(contract.STAFF_STATES)

    def _people_return(self) -> None:
        self.staff.update(self.away)
        self.away.clear()

    def _people_change(self) -> None:
        row = self.staff[self._person()]
        row["ma_don_vi"] = self._pick_unit()
        row["la_lanh_dao"] = self.rng.choice(("x", None))
        row["nhom"] = self.rng.choice(contract.STAFF_CATEGORIES)

    def _unit_closes(self) -> None:
        unit = self.rng.choice(self.units)
        if unit["ma_don_vi"] != "H29" and unit["hieu_luc_tu"] < self.night:
            unit["hieu_luc_den"] = self.rng.choice((None, self.night, self.night - timedelta(days=1)))
            unit["ke_thua_boi"] = "H29"
            for row in self.staff.values():
                if row["ma_don_vi"] == unit["ma_don_vi"] and self.rng.random() < 0.8:
                    row["ma_don_vi"] = self._pick_unit()

    def _roster_changes(self) -> None:
        row = self.rng.choice(self.roster)
        if row["tu_ngay"] < self.night:
            row["den_ngay"] = self.rng.choice((None, self.night, self.night - timedelta(days=1)))
        self._roster_row(self._person(), self.night, None)

    def _more_learning(self) -> None:
        for _ in range(self.rng.randint(1, 5)):
            self._complete(self._account(self._person()), self._course_id(), self._moment())
            self.views.append(self._view(self._account(), self._module(), self._moment()))
            self._pass(self._person(), self.rng.choice(("KH01", "KN03", "CG01")), self.night)

    def _completions_wiped(self) -> None:
        for _ in range(self.rng.randint(1, 3)):
            if len(self.completions) > 1:
                self.completions.pop(self.rng.randrange(len(self.completions)))

    def _completions_reset(self) -> None:
        for row in self.rng.sample(self.completions, min(3, len(self.completions))):
            row["timecompleted"] = self.rng.choice((0, None, self._stamp(self.night)))

    def _classroom_corrected(self) -> None:
        if self.classroom:
            row = self.rng.choice(self.classroom)
            row["ket_qua"] = self.rng.choice(contract.RESULTS)
            row["ngay_hoan_thanh"] = reading.local_date(self._moment())

    def _account_changes(self) -> None:
        row = self.rng.choice(self.users)
        row["idnumber"] = self.rng.choice((None, "khong-ro", self._person(), self._person(), self._new_person()))

    def _course_changes(self) -> None:
        self.rng.choice(self.courses)["idnumber"] = self.rng.choice(("KH01", "CG01", "KN03", "NGOAI_DANH_MUC"))

    def _module_changes(self) -> None:
        self.rng.choice(self.modules)["idnumber"] = self.rng.choice((None, "HL01", "HL03", "HL04", "HL99"))

    def _accounts_removed(self) -> None:
        if len(self.users) > 5:
            self.users.pop(self.rng.randrange(len(self.users)))
        if self.rng.random() < 0.3 and len(self.modules) > 5:
            self.modules.pop(self.rng.randrange(len(self.modules)))
        if all(user["id"] != 99_000_001 for user in self.users):
            self._open_account(self._person())
            self.users[-1]["id"] = 99_000_001

    def _catalogue_changes(self) -> None:
        row = self.rng.choice(self.catalogue)
        row["loai"], row["ky_nang"] = self.rng.choice(
            (("BOI_DUONG_CCHC", None), ("CHUYEN_GIA", None), ("KIEN_THUC_KY_NANG", "HUONG_DAN"))
        )
        self.rng.choice(self.materials)["loai"] = self.rng.choice(contract.MATERIAL_KINDS)

    def _more_decisions(self) -> None:
        person = self.rng.choice(self.roster)["so_dinh_danh"]
        self._decision(person, self.rng.choice(("QUY_HOACH", "LUAN_CHUYEN", "BO_NHIEM")), self.night)
        self.rng.choice(self.decisions)["ngay_hieu_luc"] = self._day_by()

    def _more_ratings(self) -> None:
        self._rating(self._person(), self.night.year - 1, "HTXSNV")
        self.rng.choice(self.ratings)["muc_xep_loai"] = self.rng.choice((None, "HTXSNV", "HTNV"))
        self._initiative(self._person())
