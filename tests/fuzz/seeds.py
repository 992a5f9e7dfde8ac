"""Small valid deliveries, at least one for every dialect, with the configuration of the feed that takes them.

All people in them are invented. Their names and numbers are recognisable, so that a message that repeats them is seen.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from par_warehouse.contract import TABLES
from tests import moodle_screens as screens
from tests import spreadsheets
from tests.configurations import SHIPPED
from tests.fuzz.archives import packed, unpacked
from tests.small_world import clean_world, csv_text
from tests.unit import test_encodings as encodings
from tests.unit import test_moodle_pages as pages
from tests.unit import test_xapi as xapi

COURSE = {"id": 12, "code": "K1"}
MATERIALS = {"Tài liệu 1": {"module": 105, "code": "TL-01"}, "Video: mở đầu": {"module": 106, "code": "TL-02"}}


@dataclass(frozen=True)
class Seed:
    """A valid delivery. ``target`` is what reads it: a dialect, ``standardise`` or ``configuration``.

    ``options`` and ``table`` are those of the feed. For ``standardise`` files are named ``<source>/<name>``, and
    ``options`` are the feeds that are not the contract's.
    """

    target: str
    files: Mapping[str, bytes]
    options: Mapping[str, Any] = field(default_factory=dict)
    table: str | None = None

    @property
    def is_of_dialect(self) -> bool:
        """Whether a dialect reads it, and nothing else is around that."""
        return self.target not in ("standardise", "configuration")


@cache
def seeds() -> Mapping[str, Seed]:
    """All seeds by name."""
    return {
        **_csv(),
        **_workbooks(),
        **_moodle_screens(),
        "moodle_web_service": Seed("moodle_web_service", {file.name: file.open().read() for file in _pull()}),
        "xapi lines": Seed("xapi", {"xapi/1.jsonl": _lines(0), "xapi/2.jsonl": _lines(20)}, _XAPI),
        "xapi pages": Seed("xapi", {"xapi/00001.json": _page(0, "/more"), "xapi/00002.json": _page(20)}, _XAPI),
        "standardise contract": Seed("standardise", _contract(), {"mdl_user": {"persons": "matched"}}),
        "standardise others": Seed("standardise", *_others()),
        "configuration": Seed("configuration", _configuration()),
    }


STAFF = (
    "Số CCCD,Họ và tên,Ngày sinh,Mã đơn vị,Chức vụ,Là lãnh đạo,Ghi chú\n"
    '013185000123,Nguyễn Thị Hồng,14/03/1985,H29.07,"Phó giám đốc, Sở",x,\n'
    "13079000456,Trần Đức Tường,30/11/1979,H29.07.02,,,Đã nghỉ việc\n"
    "'013090000789,Lê Quốc Việt,1990,H29.07.02,Trưởng phòng,,\n"
)


def _csv() -> dict[str, Seed]:
    """The same list in every encoding, each with another delimiter."""
    delimiters = dict(zip(encodings.WRITERS, ",\t;|,", strict=True))
    return {
        f"csv {encoding}": Seed(
            "csv",
            {"nhan_su.csv": write(STAFF.replace(",", delimiters[encoding]))},
            {"encoding": encoding, "delimiter": delimiters[encoding], "headings": "known"},
            "nhan_su",
        )
        for encoding, write in encodings.WRITERS.items()
    }


def _workbooks() -> dict[str, Seed]:
    results = [("Nguyễn Thị Hồng", "013185000123", "Đạt", "CN-1"), ("Trần Đức Tường", 13079000456, "Không đạt", None)]
    classes = timeless(spreadsheets.xlsx(spreadsheets.class_list(results)))
    return {
        f"spreadsheet {form}": Seed(
            "spreadsheet", {f"H29.07/20241231.{form}": timeless(write(spreadsheets.staff_list()))}, table="nhan_su"
        )
        for form, write in spreadsheets.FORMATS.items()
    } | {
        "spreadsheet titles": Seed(
            "spreadsheet",
            {"lop/20241231.xlsx": classes},
            {"title_fields": spreadsheets.CLASS_TITLES},
            "lop_boi_duong",
        )
    }


def timeless(workbook: bytes) -> bytes:
    """A workbook without the time at which it was made, so that the damage to it is always the same."""
    if not workbook.startswith(b"PK"):
        return workbook
    times = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
    parts = unpacked(workbook)
    for name in {"docProps/core.xml", "meta.xml"} & set(parts):
        parts[name] = times.sub(b"2024-12-31T00:00:00", parts[name])
    return packed(parts)


def _moodle_screens() -> dict[str, Seed]:
    completion = screens.course_completion(
        ["ID", "Name", "ID number", "Email address", "Bài 1", "Course complete"],
        ["412", "Nguyễn Thị Hồng", "013185000123", "hong@so.example.vn", "Completed", "2024-12-31 23:59:59"],
        ["413", "Trần Đức Tường", "'13079000456", "", "Not completed", ""],
        ["414", "Lê Quốc Việt", "", "viet@so.example.vn", "Completed", "1/01/25, 00:00"],
    )
    activities = [("Tài liệu 1", ""), ("Video: mở đầu", "2024-12-30 00:00:00"), ("Bài kiểm tra", "")]
    learners = [
        ["Nguyễn Thị Hồng", "013185000123", "hong@so.example.vn", "Completed", "2024-12-31 23:59:59",
         "Not completed", "", "Completed (did not achieve pass grade)", "2024-12-31 10:00:00"],
        ["Trần Đức Tường", "", "tuong@so.example.vn", "Đã hoàn thành", "31/12/2024, 08:00", "Completed set by Lê Quốc",
         "2024-12-31 10:00:00", "", ""],
    ]  # fmt: skip
    log = screens.log(
        ("31/12/24, 23:59:59", "Course module viewed", screens.viewed(412, 105)),
        ("31/12/24, 23:59:59", "Course module viewed", screens.viewed(412, 105)),
        ("31/12/24, 10:00", "Đã xem mô-đun khóa học", "Nguyễn Thị Hồng đã xem trang"),
        ("30/12/24, 10:00", "Course viewed", "The user with id '413' viewed the course with id '12'."),
    )
    options = {"course": COURSE, "materials": MATERIALS}
    return {
        "moodle_course_completion": Seed(
            "moodle_course_completion", {"moodle/hoan_thanh.csv": completion}, {"course": COURSE}
        ),
        "moodle_log": Seed("moodle_log", {"moodle/nhat_ky.csv": log}),
    } | {
        f"moodle_activity_completion {form}": Seed(
            "moodle_activity_completion",
            {
                "moodle/hoat_dong.csv": screens.activity_completion(
                    ["ID number", "Email address"], activities, *learners, excel=form == "excel"
                )
            },
            options,
        )
        for form in ("csv", "excel")
    }


def _pull() -> Sequence[Any]:
    users = [
        pages.user(11, username="hong", idnumber="013185000123", email="hong@so.example.vn", suspended=False),
        pages.user(12, username="tuong", idnumber="'13079000456", suspended=True),
    ]
    course = {"id": 2, "idnumber": "K1", "startdate": 1700000000, "enddate": 0, "timemodified": 1735600000,
              "enablecompletion": True}  # fmt: skip
    module = {"id": 105, "course": 2, "idnumber": "TL-01", "completion": 2, "warnings": 0}
    return pages.pull_of(
        {
            "users-00001.json": users[:1],
            "users-00002.json": users[1:],
            "courses-00001.json": [course, course | {"id": 3, "idnumber": ""}],
            "modules-00001.json": [module, module | {"id": 106, "idnumber": "TL-02", "completion": 1}],
            "completions-00001.json": [
                pages.completion(11, 2, True, 1, [1735600000, 1735664399]),
                pages.completion(12, 2, True, 2, [1735600000]) | {"errorcode": None},
                pages.completion(12, 3, False, 1, []) | {"errorcode": "nocriteriaset", "completed": None},
            ],
            "views-00001.json": [
                pages.views(11, pages.view(105, 1, 1735664399, False, True), pages.view(106, 0, 0, False, None)),
                pages.views(12, pages.view(105, 2, 1735600000, True, True)),
            ],
        },
        users_enrolled=3,
    )


_XAPI = {"mapping": xapi.EXAMPLE}


def _statements(first: int) -> list[dict[str, Any]]:
    """One statement of each kind that the dialect knows, and two that it does not."""
    moodle = {"account": {"homePage": xapi.MOODLE, "name": "412"}}
    mail = {"mbox": "mailto:hong@so.example.vn", "name": "Nguyễn Thị Hồng"}
    grouping = {
        "contextActivities": {"grouping": [{"id": xapi.MOODLE}, {"id": f"{xapi.MOODLE}/course/view.php?id=37"}]}
    }
    return [
        xapi.statement(first + 1, result={"success": True, "completion": True, "score": {"scaled": 0.5}}),
        xapi.view(first + 2),
        xapi.view(first + 3, actor=moodle, object={"id": f"{xapi.MOODLE}/mod/page/view.php?id=105"}, context=grouping),
        xapi.statement(first + 4, verb={"id": f"{xapi.ADL}completed"}, actor=moodle,
                       object={"id": f"{xapi.MOODLE}/course/view.php?id=37"}),
        xapi.statement(first + 5, actor=mail, verb={"id": "http://id.tincanapi.com/verb/earned"},
                       object={"id": f"{xapi.MOOC}/course/course-v1:HCM+KN+2024"},
                       result={"extensions": {xapi.GRADE: "Pass"}}),
        xapi.statement(first + 6),
        xapi.voiding(first + 7, first + 6),
        xapi.statement(first + 8, verb={"id": f"{xapi.ADL}answered"}),
        xapi.statement(first + 9, id=None, actor={"objectType": "Group", "member": [mail]}),
    ]  # fmt: skip


def _lines(first: int) -> bytes:
    return xapi.json_lines(_statements(first))


def _page(first: int, more: str = "") -> bytes:
    return xapi.page(_statements(first), more)


def _contract() -> dict[str, bytes]:
    """A whole delivery of both sources, as the contract has it."""
    world = clean_world()
    return {f"{table.source}/{table.file_name}": csv_text(table, world[table.name]).encode() for table in TABLES}


def _others() -> tuple[dict[str, bytes], dict[str, Any]]:
    """A delivery in other dialects, with every way of reading cells that a feed may be configured to have."""
    feeds = {
        "don_vi": {"dialect": "csv", "options": {"headings": "known"}},
        "nhan_su": {
            "dialect": "spreadsheet", "files": "{part}/nhan_su.xlsx", "dates": "day_first_or_serial",
            "units": "code_or_name", "persons": "number_or_known",
            "values": {"la_lanh_dao": "tick", "nhom": "staff_group", "trang_thai": "staff_state"},
        },
        "phan_cong_cchc": {
            "options": {"encoding": "windows-1258", "delimiter": ";", "headings": "known"}, "dates": "day_first",
            "units": "code_or_name", "persons": "number_or_known", "values": {"linh_vuc": "par_field"},
            "absent": ["so_quyet_dinh"],
        },
        "dinh_danh_cu": {"files": "dinh_danh_cu.csv"},
        "danh_muc_khoa_hoc": {"decimals": "comma"},
        "mdl_user": {
            "tables": [
                "mdl_user", "mdl_course", "mdl_course_completions", "mdl_course_modules", "mdl_course_modules_viewed",
            ],
            "dialect": "xapi", "files": "xapi/*.jsonl", "together": True, "options": _XAPI, "persons": "matched",
        },
    }  # fmt: skip
    own = _contract()
    roster = (
        "Số CCCD;Từ ngày;Đơn vị công tác;ma_don_vi;Lĩnh vực;hinh_thuc;Đến ngày\n"
        "HCM-SNV-0042;1/2/2022;;Sở Nội vụ;Cải cách thể chế;KIEM_NHIEM;\n"
        "013079000456;01-03-2022;;H29.01;2;CHUYEN_TRACH;31.12.2023\n"
    )
    persons = (
        "loai,gia_tri,so_dinh_danh,tu_ngay,den_ngay\n"
        "CMND,023456789,013185000123,2000-01-01,2021-06-30\nEMAIL,hong@so.example.vn,013185000123,,\n"
    )
    return {
        "hr/don_vi.csv": own["hr/don_vi.csv"],
        "hr/H29.07/nhan_su.xlsx": timeless(spreadsheets.xlsx(spreadsheets.staff_list())),
        "hr/H29.08/nhan_su.xlsx": timeless(spreadsheets.xlsx(spreadsheets.plain_list())),
        "hr/phan_cong_cchc.csv": encodings.windows_1258(roster),
        "hr/dinh_danh_cu.csv": persons.encode(),
        "elearning/danh_muc_khoa_hoc.csv": own["elearning/danh_muc_khoa_hoc.csv"].replace(b"8.5", b'"8,5"'),
        "elearning/xapi/1.jsonl": _lines(0),
        "elearning/xapi/2.jsonl": _lines(20),
    }, feeds


def _configuration() -> dict[str, bytes]:
    """The shipped configuration, its sources with a feed of every dialect."""
    files = {path.name: path.read_bytes() for path in sorted(SHIPPED.iterdir())}
    sources = yaml.safe_load(files["sources.yml"])
    activity = {"course": COURSE, "materials": MATERIALS, "time_zone": "Asia/Ho_Chi_Minh"}
    sources["hr"]["feeds"][1] |= {
        "files": "{part}/*.xlsx", "dialect": "spreadsheet", "options": {"title_fields": {"ma_don_vi": "Mã đơn vị"}},
        "dates": "day_first", "values": {"la_lanh_dao": "tick"}, "absent": ["so_hieu"], "units": "code_or_name",
    }  # fmt: skip
    sources["hr"]["feeds"][2] |= {"options": {"encoding": "tcvn3", "delimiter": "|", "headings": "known"}}
    sources["elearning"]["feeds"] += [
        {"name": "mot", "dialect": "moodle_activity_completion", "files": "a/*.csv", "options": activity,
         "tables": ["mdl_user", "mdl_course", "mdl_course_modules"]},
        {"name": "hai", "dialect": "moodle_log", "files": "b.csv", "table": "mdl_course_modules_viewed"},
        {"pull": "moodle_web_service", "connection": "moodle", "tables": ["mdl_user"], "persons": "matched",
         "options": {"calls_per_second": 5}},
        {"dialect": "xapi", "files": "xapi/*.jsonl", "together": True, "tables": ["mdl_user", "mdl_course_completions"],
         "options": {"mapping": "INCLUDED"}},
    ]  # fmt: skip
    text = yaml.safe_dump(sources, allow_unicode=True, sort_keys=False)
    return files | {"sources.yml": text.replace("INCLUDED", "!include xapi.yml").encode()}
