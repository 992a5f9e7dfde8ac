"""One whole night of a small city, twice: as eleven agencies, their school and two platforms really send it, and as the
contract's plain files. Both tell the same.
"""

import io
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from msoffcrypto.format.ooxml import OOXMLFile

from par_warehouse.contract import SOURCES
from par_warehouse.settings import Settings
from tests.configurations import SHIPPED, with_feeds
from tests.moodle_screens import LOG_HEADINGS_VI, activity_completion, course_completion, log, viewed
from tests.small_world import deliver, settings_for
from tests.spreadsheets import CLASS_TITLES, class_list, ods, staff_list, xls, xlsx
from tests.ugly.delivery import (
    BEFORE,
    HEADINGS,
    NIGHT,
    STAFF_VALUES,
    UNITS,
    Row,
    Staff,
    csv_text,
    sheet_of,
    spoken,
    with_cells,
)
from tests.unit.test_encodings import tcvn3, utf16, vni, windows_1258

SILENT, REJECTED = "phuong_xuan_hoa", "xa_binh_my"
UNIT_OF = {
    "so_noi_vu": "H29.02", "so_tai_chinh": "H29.04", "so_giao_duc": "H29.17", "so_nong_nghiep": "H29.22",
    "phong_cchc": "H29.02.01", "xa_phu_hoa_dong": "H29.27541", "phuong_ban_co": "H29.27154",
    "phuong_sai_gon": "H29.26740", "phuong_thu_duc": "H29.26824", SILENT: "H29.27139", REJECTED: "H29.27544",
}  # fmt: skip
"""The agencies that send lists of their staff, and the unit of each."""

_KNOWN = {"table": "nhan_su", "dates": "day_first", "values": STAFF_VALUES, "units": "code_or_name"}
_TEXT: Mapping[str, dict[str, str]] = {
    "so_noi_vu": {"encoding": "tcvn3", "delimiter": ";"}, "so_tai_chinh": {"encoding": "windows-1258"},
    "so_giao_duc": {"encoding": "vni", "delimiter": "|"}, "so_nong_nghiep": {"encoding": "utf-16", "delimiter": "\t"},
    "phuong_sai_gon": {},
}  # fmt: skip
_WRITERS = {"tcvn3": tcvn3, "windows-1258": windows_1258, "vni": vni, "utf-16": utf16}


@dataclass(frozen=True)
class City:
    """The people of the city and what is known of them, in the notation of the contract."""

    @cached_property
    def staff(self) -> Mapping[str, Sequence[Row]]:
        """Of each agency a civil servant, a public employee and a cadre."""
        people = Staff(900)
        return {agency: with_cells(people(3), ma_don_vi=[unit] * 3) for agency, unit in UNIT_OF.items()}

    def number(self, agency: str, place: int = 0) -> str:
        """The identification number of a person."""
        return self.staff[agency][place]["so_dinh_danh"]

    @cached_property
    def roster(self) -> Sequence[Row]:
        """The first two of each agency do PAR work."""
        return [
            {"so_dinh_danh": person["so_dinh_danh"], "tu_ngay": "2022-01-01", "ma_don_vi": person["ma_don_vi"],
             "linh_vuc": "2" if place else "6", "hinh_thuc": "KIEM_NHIEM"}
            for people in self.staff.values()
            for place, person in enumerate(people[:2])
        ]  # fmt: skip

    @cached_property
    def ratings(self) -> Sequence[Row]:
        """Two are excellent three years running, one is not."""
        levels = {"so_noi_vu": ["HTXSNV"] * 3, SILENT: ["HTXSNV"] * 3, "so_giao_duc": ["HTXSNV", "HTTNV", "HTXSNV"]}
        return [
            {"so_dinh_danh": self.number(agency), "nam": str(year), "muc_xep_loai": level,
             "ngay_quyet_dinh": f"{year}-12-20"}
            for agency, given in levels.items()
            for year, level in enumerate(given, 2022)
        ]  # fmt: skip

    @cached_property
    def decisions(self) -> Sequence[Row]:
        """Three are planned, two promoted; two more because of the re-organisation alone."""
        decided = [
            ("so_noi_vu", "QUY_HOACH", "THUONG_QUY"), ("so_tai_chinh", "QUY_HOACH", "THUONG_QUY"),
            (REJECTED, "QUY_HOACH", "THUONG_QUY"), ("so_giao_duc", "BO_NHIEM", "THUONG_QUY"),
            (SILENT, "LUAN_CHUYEN", "THUONG_QUY"), ("phuong_ban_co", "BO_NHIEM", "SAP_XEP"),
            ("phuong_sai_gon", "BO_NHIEM", "SAP_XEP"),
        ]  # fmt: skip
        return [
            {"so_quyet_dinh": f"{number}/QĐ-UBND", "so_dinh_danh": self.number(agency), "loai": kind,
             "ngay_ky": "2025-07-01", "ngay_hieu_luc": "2025-07-02", "chuc_vu_moi": "Phó Giám đốc",
             "la_chuc_vu_lanh_dao": "x", "ma_don_vi_moi": UNIT_OF[agency], "ly_do": reason}
            for number, (agency, kind, reason) in enumerate(decided, 1)
        ]  # fmt: skip

    @cached_property
    def initiatives(self) -> Sequence[Row]:
        """Two of each of those who are excellent, one not applied of another."""
        return [
            {"ma_sang_kien": f"SK-{agency}-{number}", "so_dinh_danh": self.number(agency), "nam_cong_nhan": "2023",
             "cap": "THANH_PHO", "ap_dung_hieu_qua": "" if agency == "so_giao_duc" else "x"}
            for agency in ("so_noi_vu", SILENT, "so_giao_duc")
            for number in (1, 2)
        ]  # fmt: skip

    @cached_property
    def trained(self) -> Sequence[Row]:
        """Who sat in the class on PAR: leaders of departments and of a room, one of whom failed."""
        passed = [("so_noi_vu", 0, "DAT"), ("so_noi_vu", 2, "DAT"), ("so_giao_duc", 0, "KHONG_DAT"),
                  ("phong_cchc", 0, "DAT")]  # fmt: skip
        return [
            {"ma_lop": "CCHC-07", "so_dinh_danh": self.number(agency, place), "ma_khoa_hoc": "CCHC.2024",
             "ngay_hoan_thanh": "2024-11-29", "ket_qua": result}
            for agency, place, result in passed
        ]  # fmt: skip

    @cached_property
    def experts(self) -> Sequence[Row]:
        """Who became an expert."""
        return [
            {"ma_lop": "CG-01", "so_dinh_danh": self.number(agency, place), "ma_khoa_hoc": "CG", "ket_qua": "DAT",
             "ngay_hoan_thanh": "2024-11-29"}
            for agency, place in (("so_tai_chinh", 0), ("so_giao_duc", 1))
        ]  # fmt: skip

    @cached_property
    def skilled(self) -> Sequence[str]:
        """Who has completed the courses of all three skills, and viewed a model of another country."""
        return [self.number(agency) for agency in ("so_noi_vu", "so_tai_chinh", "so_giao_duc", SILENT)]

    @cached_property
    def readers(self) -> Sequence[str]:
        """Who has viewed the material of the course."""
        return [self.number(agency) for agency in ("so_noi_vu", "so_tai_chinh", "so_giao_duc", SILENT, "phong_cchc")]


COURSES: Sequence[Row] = [
    {"ma_khoa_hoc": "CCHC.2024", "loai": "BOI_DUONG_CCHC", "so_tiet": "40"},
    {"ma_khoa_hoc": "CG", "loai": "CHUYEN_GIA", "so_tiet": "80.5"},
    {"ma_khoa_hoc": "KN-TD", "loai": "KIEN_THUC_KY_NANG", "ky_nang": "THAM_MUU", "so_tiet": "8.5"},
    {"ma_khoa_hoc": "KN-TH", "loai": "KIEN_THUC_KY_NANG", "ky_nang": "TONG_HOP"},
    {"ma_khoa_hoc": "KN-HD", "loai": "KIEN_THUC_KY_NANG", "ky_nang": "HUONG_DAN"},
]
MATERIALS: Sequence[Row] = [
    {"ma_hoc_lieu": "TL-01", "loai": "TAI_LIEU"},
    {"ma_hoc_lieu": "TL-02", "loai": "BAI_GIANG"},
    {"ma_hoc_lieu": "MH-01", "loai": "MO_HINH_NUOC_NGOAI"},
]
CITY_NUMERATORS = {"I1": 3, "I2": 4, "I3": 4, "I3A": 6, "I3B": 4, "I4": 3, "I5": 2, "I6": 2}
"""Worked by hand from the above. I3A: the readers, and the one whose account is found by the staff number."""
STALE = {"I1", "I2", "I3", "I3A", "I3B"}
"""The indicators to whose files the lists of staff belong."""


def deliver_clean_night(base: Path, city: City) -> Settings:
    """The night in the contract's plain files."""
    learners = [*dict.fromkeys([*city.skilled, *city.readers, city.number("so_noi_vu", 1)])]
    account = {number: str(place) for place, number in enumerate(learners, 1)}
    world: dict[str, list[Row]] = {
        "don_vi": list(UNITS),
        "nhan_su": [person for people in city.staff.values() for person in people],
        "phan_cong_cchc": list(city.roster),
        "danh_gia": list(city.ratings),
        "quyet_dinh": list(city.decisions),
        "sang_kien": list(city.initiatives),
        "lop_boi_duong": [*city.trained, *city.experts],
        "danh_muc_khoa_hoc": list(COURSES),
        "danh_muc_hoc_lieu": list(MATERIALS),
        "mdl_user": [{"id": number, "idnumber": who} for who, number in account.items()],
        "mdl_course": [{"id": str(at), "idnumber": code} for at, code in enumerate(("KN-TD", "KN-TH", "KN-HD"), 1)],
        "mdl_course_completions": [
            {"id": f"{course}{account[who]:0>3}", "userid": account[who], "course": str(course),
             "timecompleted": "1735664399"}
            for course in (1, 2, 3)
            for who in city.skilled
        ],
        "mdl_course_modules": [
            {"id": str(at), "course": "1", "idnumber": row["ma_hoc_lieu"]} for at, row in enumerate(MATERIALS, 1)
        ],
        "mdl_course_modules_viewed": [
            {"id": f"{module}{account[who]:0>3}", "coursemoduleid": module, "userid": account[who],
             "timecreated": "1735664399"}
            for module, viewers in (("1", city.readers), ("2", [city.number("so_noi_vu", 1)]), ("3", city.skilled))
            for who in viewers
        ],
    }  # fmt: skip
    deliver(base, world, NIGHT)
    return settings_for(base)


def deliver_ugly_night(base: Path, city: City) -> Settings:
    """The night as it is really sent, and the one before, in which two agencies sent what serves now."""
    files: dict[str, bytes] = {}
    feeds = [*_staff_lists(city, files), *_other_lists(city, files), *_learning(city, files)]
    lists = {agency: xlsx(staff_list(spoken(city.staff[agency]))) for agency in (SILENT, REJECTED)}
    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(lists[REJECTED])).encrypt("mat khau", locked)
    files[f"nhan_su/{REJECTED}/danh_sach.xlsx"] = locked.getvalue()
    for agency, content in lists.items():
        _write(base / "hr" / BEFORE.isoformat() / f"nhan_su/{agency}/danh_sach.xlsx", content)
    for source in SOURCES:
        for name, content in files.items():
            _write(base / source / NIGHT.isoformat() / name, content)
        _write(base / source / NIGHT.isoformat() / "_SUCCESS", b"")
    _write(base / "hr" / BEFORE.isoformat() / "_SUCCESS", b"")
    by_table: dict[str, list[dict[str, Any]]] = {}
    for feed in feeds:
        by_table.setdefault(feed["table"] if "table" in feed else feed["tables"][0], []).append(feed)
    return with_feeds(settings_for(base), **by_table)


def _staff_lists(city: City, files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Lists of staff in four encodings, three formats of workbooks, and the plain form."""
    for agency, options in _TEXT.items():
        people = spoken(city.staff[agency])
        people[1] |= {"so_dinh_danh": people[1]["so_dinh_danh"].removeprefix("0"), "ma_don_vi": "  " + UNIT_OF[agency]}
        if agency == "so_noi_vu":
            people[0]["ma_don_vi"] = "Sở NV"
            people.append(people[0] | {"so_dinh_danh": "013300092", "ngay_sinh": "12/31/1970"})  # to quarantine
        text = csv_text(people, HEADINGS | {"dan_toc": "Dân tộc"}, delimiter=options.get("delimiter", ","))
        if agency == "phuong_sai_gon":
            content = b"\xef\xbb\xbf" + unicodedata.normalize("NFD", text.replace(",Nam,", ",Nam\u00a0,")).encode()
        else:
            content = _WRITERS[options["encoding"]](text)
        files[f"nhan_su/{agency}/danh_sach.csv"] = content
    files["nhan_su/phuong_thu_duc/nhan_su.csv"] = csv_text(city.staff["phuong_thu_duc"]).encode()
    for agency, form in (("phong_cchc", xlsx), ("xa_phu_hoa_dong", xls), ("phuong_ban_co", ods)):
        workbook = staff_list(spoken(city.staff[agency]))
        files[f"nhan_su/{agency}/danh_sach.{form.__name__}"] = form(workbook)
    return [
        *(
            {**_KNOWN, "name": agency, "files": f"nhan_su/{agency}/*.csv", "options": {"headings": "known", **options}}
            for agency, options in _TEXT.items()
        ),
        {"table": "nhan_su", "name": "plain", "files": "nhan_su/phuong_thu_duc/nhan_su.csv"},
        *(
            {**_KNOWN, "name": form, "files": f"nhan_su/{{part}}/*.{form}", "dialect": "spreadsheet"}
            for form in ("xlsx", "xls", "ods")
        ),
    ]


def _other_lists(city: City, files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Units, roster, ratings, decisions, initiatives, classes and the catalogues."""
    units = {"ma_don_vi": "Mã định danh", "ten_don_vi": "Tên đơn vị", "loai_don_vi": "Loại đơn vị",
             "ma_don_vi_cha": "Mã đơn vị cấp trên", "hieu_luc_tu": "Hiệu lực từ ngày",
             "hieu_luc_den": "Hiệu lực đến ngày", "ke_thua_boi": "Kế thừa bởi"}  # fmt: skip
    files["don_vi.xls"] = xls(sheet_of(UNITS, units))
    names = {row["ma_don_vi"]: row["ten_don_vi"].replace("Ủy ban nhân dân", "UBND") for row in UNITS}
    fields = {"2": "TTHC", "6": "Chính quyền số"}
    roster = [
        row | {"so_dinh_danh": f"'{row['so_dinh_danh']}", "tu_ngay": "1/1/2022", "hinh_thuc": "kiêm nhiệm",
               "linh_vuc": fields[row["linh_vuc"]], "ma_don_vi": names[row["ma_don_vi"]].upper()}
        for row in city.roster
    ]  # fmt: skip
    files["phan_cong.csv"] = csv_text(roster, table="phan_cong_cchc").encode()
    words = {"HTXSNV": "Hoàn thành xuất sắc chức trách, nhiệm vụ", "HTTNV": "Hoàn thành tốt nhiệm vụ"}
    ratings = [
        {"so_dinh_danh": int(row["so_dinh_danh"]), "nam": int(row["nam"]), "muc_xep_loai": words[row["muc_xep_loai"]],
         "ngay_quyet_dinh": date.fromisoformat(row["ngay_quyet_dinh"])}
        for row in city.ratings
    ]  # fmt: skip
    headings = {"so_dinh_danh": "Số CCCD", "nam": "Năm đánh giá", "muc_xep_loai": "Kết quả đánh giá, xếp loại",
                "so_quyet_dinh": "Số QĐ", "ngay_quyet_dinh": "Ngày QĐ"}  # fmt: skip
    files["danh_gia.ods"] = ods(sheet_of(ratings, headings))
    words = {"QUY_HOACH": "Quy hoạch", "BO_NHIEM": "Bổ nhiệm", "LUAN_CHUYEN": "LUÂN CHUYỂN",
             "THUONG_QUY": "Thường xuyên", "SAP_XEP": "Sắp xếp tổ chức bộ máy"}  # fmt: skip
    decisions = [
        row | {"loai": words[row["loai"]], "ly_do": words[row["ly_do"]], "la_chuc_vu_lanh_dao": "✓",
               "ngay_ky": "1.7.2025", "ngay_hieu_luc": 45840}
        for row in city.decisions
    ]  # fmt: skip
    headings = {"so_quyet_dinh": "Số quyết định", "so_dinh_danh": "Số CCCD", "loai": "Loại quyết định",
                "ngay_ky": "Ngày ký", "ngay_hieu_luc": "Ngày hiệu lực", "chuc_vu_moi": "Chức vụ mới",
                "la_chuc_vu_lanh_dao": "Là chức vụ lãnh đạo", "ma_don_vi_moi": "Mã đơn vị mới",
                "ly_do": "Lý do"}  # fmt: skip
    files["quyet_dinh.xlsx"] = xlsx(sheet_of(decisions, headings))
    initiatives = [row | {"cap": "Cấp thành phố", "ap_dung_hieu_qua": "Có" if row["ap_dung_hieu_qua"] else "Không"}
                   for row in city.initiatives]  # fmt: skip
    files["sang_kien.csv"] = windows_1258(csv_text(initiatives, table="sang_kien", delimiter=";"))
    results = [("Học viên", row["so_dinh_danh"], "Đạt" if row["ket_qua"] == "DAT" else "Không đạt", "CN-1")
               for row in city.trained]  # fmt: skip
    files["lop/CCHC-07.xlsx"] = xlsx(class_list(results))
    first, second = city.experts
    known = [
        {"loai": "CMND", "gia_tri": "013300091", "so_dinh_danh": first["so_dinh_danh"]},
        {"loai": "SO_HIEU", "gia_tri": "GD-0042", "so_dinh_danh": second["so_dinh_danh"]},
    ]
    files["dinh_danh_cu.csv"] = csv_text(known, dict(zip(known[0], known[0], strict=True))).encode()
    experts = [first | {"so_dinh_danh": "013300091", "ngay_hoan_thanh": "29-11-2024"},
               second | {"so_dinh_danh": "gd-0042", "ngay_hoan_thanh": "29/11/2024"}]  # fmt: skip
    files["chuyen_gia.csv"] = csv_text(experts, table="lop_boi_duong").encode()
    catalogue = [row | {"so_tiet": row.get("so_tiet", "").replace(".", ",")} for row in COURSES]
    files["khoa_hoc.csv"] = csv_text(catalogue, table="danh_muc_khoa_hoc", delimiter=";").encode()
    headings = {"ma_hoc_lieu": "Mã học liệu", "loai": "Loại", "ten": "Tên", "quoc_gia": "Nước"}
    files["hoc_lieu.xlsx"] = xlsx(sheet_of(MATERIALS, headings))
    day_first = {"dates": "day_first"}
    return [
        {"table": "don_vi", "files": "don_vi.xls", "dialect": "spreadsheet"},
        {"table": "phan_cong_cchc", "files": "phan_cong.csv", "units": "code_or_name", **day_first,
         "values": {"linh_vuc": "par_field", "hinh_thuc": "assignment"}},
        {"table": "danh_gia", "files": "danh_gia.ods", "dialect": "spreadsheet", "values": {"muc_xep_loai": "rating"}},
        {"table": "quyet_dinh", "files": "quyet_dinh.xlsx", "dialect": "spreadsheet", "dates": "day_first_or_serial",
         "values": {"loai": "decision", "ly_do": "decision_reason", "la_chuc_vu_lanh_dao": "tick"}},
        {"table": "sang_kien", "files": "sang_kien.csv", "options": {"encoding": "windows-1258", "delimiter": ";"},
         "values": {"cap": "initiative_level", "ap_dung_hieu_qua": "tick"}},
        {"table": "lop_boi_duong", "name": "lop", "files": "lop/*.xlsx", "dialect": "spreadsheet",
         "values": {"ket_qua": "course_result"}, "options": {"title_fields": CLASS_TITLES}},
        {"table": "dinh_danh_cu", "files": "dinh_danh_cu.csv"},
        {"table": "lop_boi_duong", "name": "chuyen_gia", "files": "chuyen_gia.csv", "persons": "number_or_known",
         **day_first},
        {"table": "danh_muc_khoa_hoc", "files": "khoa_hoc.csv", "options": {"delimiter": ";"}, "decimals": "comma"},
        {"table": "danh_muc_hoc_lieu", "files": "hoc_lieu.xlsx", "dialect": "spreadsheet"},
    ]  # fmt: skip


def _learning(city: City, files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Moodle's screens, its accounts and logs, and statements of another platform."""
    time = "2024-12-31 23:59:59"
    completed = [
        (str(7000 + place), "Người học", number, "Đã hoàn thành", time, time)
        for place, number in enumerate(city.skilled)
    ]
    files["moodle/completion.csv"] = course_completion(
        ["ID", "Tên", "Mã số ID", "Bài thi", "Bài thi - Ngày hoàn thành", "Khóa học hoàn thành"], *completed, excel=True
    )
    states = [("Người học", number, "Completed", time) for number in city.readers]
    states.append(("Người học", city.number("phuong_thu_duc"), "Completed (did not achieve pass grade)", time))
    files["moodle/progress.csv"] = activity_completion(["ID number"], [("Tài liệu", "")], *states, excel=True)
    reader = city.staff["so_noi_vu"][1]
    accounts = [
        {"id": "7100", "username": reader["so_hieu"].lower(), "idnumber": "", "suspended": "0", "deleted": "0"},
        # Found by their names they would be two of the skilled; by nothing else they are nobody.
        {"id": "7101", "username": "u", "firstname": "Hồng", "lastname": "Nguyễn Thị", "idnumber": "?"},
    ]
    headings = ("id", "username", "idnumber", "suspended", "deleted", "firstname", "lastname", "timecreated",
                "timemodified")  # fmt: skip
    files["moodle/mdl_user.csv"] = csv_text(accounts, dict(zip(headings, headings, strict=True))).encode()
    files["moodle/mdl_course_modules.csv"] = csv_text(
        [{"id": "402", "course": "41", "idnumber": "TL-02"}], table="mdl_course_modules"
    ).encode()
    seen = "Mô-đun khóa học đã xem"
    files["moodle/logs.csv"] = log(
        ("31/12/24, 23:59", seen, viewed(7100, 402)),
        ("31/12/24, 23:59", seen, viewed(7101, 402)),
        headings=LOG_HEADINGS_VI,
    )
    files["xapi/statements.jsonl"] = "\n".join(map(json.dumps, _statements(city))).encode()
    tables = ["mdl_user", "mdl_course"]
    course = {"id": 41, "code": "KN-TD"}
    mapping = yaml.safe_load((SHIPPED / "xapi.yml").read_text(encoding="utf-8"))
    return [
        {"tables": [*tables, "mdl_course_completions"], "dialect": "moodle_course_completion",
         "files": "moodle/completion.csv", "options": {"course": course}},
        {"tables": [*tables, "mdl_course_modules", "mdl_course_modules_viewed"], "increments": True,
         "dialect": "moodle_activity_completion", "files": "moodle/progress.csv",
         "options": {"course": course, "materials": {"Tài liệu": {"module": 401, "code": "TL-01"}}}},
        {"table": "mdl_user", "files": "moodle/mdl_user.csv", "persons": "matched"},
        {"table": "mdl_course_modules", "files": "moodle/mdl_course_modules.csv"},
        {"table": "mdl_course_modules_viewed", "files": "moodle/logs.csv", "dialect": "moodle_log",
         "increments": True},
        {"tables": [*tables, "mdl_course_completions", "mdl_course_modules", "mdl_course_modules_viewed"],
         "dialect": "xapi", "files": "xapi/*.jsonl", "together": True, "increments": True,
         "options": {"mapping": mapping}},
    ]  # fmt: skip


def _statements(city: City) -> list[dict[str, Any]]:
    """Two courses and a model of another country by all who are skilled, twice; what another one did is taken back."""
    home, verbs = "https://hoc-lieu.example.vn", "http://adlnet.gov/expapi/verbs"
    statements: list[dict[str, Any]] = []

    def say(who: str, verb: str, activity: str, kind: str = "Activity") -> None:
        statements.append(
            {"id": f"00000000-0000-4000-8000-{len(statements):012}", "timestamp": "2024-12-31T16:59:59Z",
             "actor": {"account": {"homePage": home, "name": who}}, "verb": {"id": verb},
             "object": {"id": activity, "objectType": kind}}
        )  # fmt: skip

    for who in [*city.skilled, city.number("phuong_ban_co")]:
        for code in ("KN-TH", "KN-HD"):
            say(who, f"{verbs}/passed", f"{home}/cmi5/khoa-hoc/{code}")
    for who in city.skilled:
        say(who, f"{verbs}/experienced", f"{home}/thu-vien/MH-01")
    say("quan-tri", f"{verbs}/voided", statements[len(city.skilled) * 2]["id"], "StatementRef")
    return statements + statements[:3]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
