"""What e-learning platforms and clerks send: Moodle's screens, accounts without numbers, statements of the xAPI."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tests.configurations import SHIPPED
from tests.moodle_screens import LOG_HEADINGS_VI, activity_completion, course_completion, log, viewed
from tests.ugly.delivery import Delivery, Row, Staff, csv_text, made_id, ugly

LAST_SECOND, FIRST_SECOND = 1735664399, 1735664400
"""Epochs of 31/12/2024 23:59:59 and of the second after it, in Asia/Ho_Chi_Minh."""


@ugly("02-activity-completion")
def activity_completion_excel(staff: Staff) -> Delivery:
    """2 and 4.3: Moodle's download "Excel" of the report Activity completion: UTF-16, tabs, .csv. Only a completed
    material proves a view; so does one with the pass grade, one without does not, nor one that a teacher set."""
    people = staff.ids(4)
    states = [
        ("Completed", "2024-12-31 23:59:59", "Not completed", ""),
        ("Completed (achieved pass grade)", "2025-01-01 00:00:00", "Completed (did not achieve pass grade)",
         "2025-01-02 08:00:00"),
        ("Completed (set by Nguyễn Văn Thầy)", "2025-01-02 08:00:00", "Not completed", ""),
        ("Not completed", "", "Completed", "2025-03-01 08:00:00"),
    ]  # fmt: skip
    rows = [
        ("Người học", number, "a@lop.example.vn", *state)
        for number, state in zip([people[0], f"{people[1]}", people[2], people[3]], states, strict=True)
    ]
    content = activity_completion(
        ["ID number", "Email address"], [("Tài liệu CCHC", "2024-12-31 23:59:59"), ("Thảo luận", "")], *rows, excel=True
    )
    accounts = [_made(f"idnumber {number}") for number in people]
    return Delivery(
        feeds=[
            {
                "tables": ["mdl_user", "mdl_course", "mdl_course_modules", "mdl_course_modules_viewed"],
                "dialect": "moodle_activity_completion",
                "files": "progress.csv",
                "increments": True,
                "options": {
                    "course": {"id": 301, "code": "CCHC-2024"},
                    "materials": {"Tài liệu CCHC": {"module": 3011, "code": "TL-01"}},
                },
            }
        ],
        files={"progress.csv": content},
        same_as={
            "mdl_user": [{"id": one, "idnumber": number} for one, number in zip(accounts, people, strict=True)],
            "mdl_course": [{"id": "301", "idnumber": "CCHC-2024"}],
            "mdl_course_modules": [{"id": "3011", "course": "301", "idnumber": "TL-01"}],
            "mdl_course_modules_viewed": [
                _view(accounts[0], 3011, LAST_SECOND),
                _view(accounts[1], 3011, FIRST_SECOND),
            ],
        },
        notes={"activities_not_mapped": 1, "states_set_by_others": 1},
    )


def _course_completion(staff: Staff, course: int, headings: Sequence[str], excel: bool) -> Delivery:
    people = staff.ids(3)
    accounts = [course * 10 + place for place in range(3)]
    times = ("2024-12-31 23:59:59", "2025-01-01 00:00:00", "")
    rows = [
        (str(account), "Người học", number, "a@lop.example.vn", "Completed", time, time)
        for account, number, time in zip(accounts, people, times, strict=True)
    ]
    return Delivery(
        feeds=[
            {
                "tables": ["mdl_user", "mdl_course", "mdl_course_completions"],
                "dialect": "moodle_course_completion",
                "files": "completion.csv",
                "options": {"course": {"id": course, "code": "CCHC-2024"}},
            }
        ],
        files={"completion.csv": course_completion(headings, *rows, excel=excel)},
        same_as={
            "mdl_user": [
                {"id": str(account), "idnumber": number} for account, number in zip(accounts, people, strict=True)
            ],
            "mdl_course": [{"id": str(course), "idnumber": "CCHC-2024"}],
            "mdl_course_completions": [
                _completion(account, course, epoch)
                for account, epoch in zip(accounts, (LAST_SECOND, FIRST_SECOND, None), strict=True)
            ],
        },
    )


@ugly("43-course-completion-english")
def course_completion_english(staff: Staff) -> Delivery:
    """4.3 and 4.5: the report Course completion, in English, with the last second of a year and the one after it."""
    headings = ["ID", "Name", "ID number", "Email address", "Bài kiểm tra", "Bài kiểm tra - Completion date",
                "Course complete"]  # fmt: skip
    return _course_completion(staff, 311, headings, excel=False)


@ugly("43-course-completion-vietnamese")
def course_completion_vietnamese(staff: Staff) -> Delivery:
    """4.3: the same in Vietnamese, with a byte order mark."""
    headings = ["ID", "Tên", "Mã số ID", "Địa chỉ thư điện tử", "Bài kiểm tra", "Bài kiểm tra - Ngày hoàn thành",
                "Khóa học hoàn thành"]  # fmt: skip
    return _course_completion(staff, 312, headings, excel=True)


@ugly("43-accounts-in-two-screens")
def accounts_in_two_screens(staff: Staff) -> Delivery:
    """4.3: exports of two courses list one account; the second one shows no ID number and takes none away."""
    (person,) = staff.ids(1)
    first, second = (
        {"tables": ["mdl_user", "mdl_course", "mdl_course_completions"], "dialect": "moodle_course_completion",
         "files": f"completion_{course}.csv", "options": {"course": {"id": course, "code": "CCHC-2024"}}}
        for course in (315, 316)
    )  # fmt: skip
    time = "2024-12-31 23:59:59"
    return Delivery(
        feeds=[first, second | {"absent": ["idnumber"]}],
        files={
            "completion_315.csv": course_completion(
                ["ID", "Name", "ID number", "Course complete"], ["3151", "Người học", person, time]
            ),
            "completion_316.csv": course_completion(["ID", "Name", "Course complete"], ["3151", "Người học", time]),
        },
        same_as={
            "mdl_user": [{"id": "3151", "idnumber": person}],
            "mdl_course": [{"id": course, "idnumber": "CCHC-2024"} for course in ("315", "316")],
            "mdl_course_completions": [_completion(3151, course, LAST_SECOND) for course in (315, 316)],
        },
        notes={"told_by_others": 1},
    )


@ugly("43-log")
def log_of_views(_: Staff) -> Delivery:
    """4.3: the logs, with years of two digits and a comma within the time; network addresses are dropped."""
    lines = [
        ("31/12/24, 23:59:59", "Mô-đun khóa học đã xem", viewed(3131, 3132)),
        ("1/01/25, 00:00:00", "Mô-đun khóa học đã xem", viewed(3131, 3132)),
        ("1/01/25, 00:00:00", "Mô-đun khóa học đã xem", viewed(3131, 3132)),
        ("1/01/25, 00:00:01", "Khóa học đã xem", "The user with id '3131' viewed the course with id '313'."),
        ("31/02/25, 00:00:01", "Mô-đun khóa học đã xem", viewed(3131, 3132)),
    ]
    return Delivery(
        feeds=[
            {"table": "mdl_course_modules_viewed", "dialect": "moodle_log", "files": "logs.csv", "increments": True}
        ],
        files={"logs.csv": log(*lines, headings=LOG_HEADINGS_VI)},
        same_as={"mdl_course_modules_viewed": [_view("3131", 3132, LAST_SECOND), _view("3131", 3132, FIRST_SECOND)]},
        quarantined={5: ("BAD_DATE", "Cột timecreated phải là")},
        notes={"other_events": 1, "repeated_lines": 1},
        forbidden=("network",),
    )


@ugly("43-not-a-screen")
def not_a_screen(_: Staff) -> Delivery:
    """4.3: another report than the one that was agreed."""
    return Delivery(
        feeds=[
            {"table": "mdl_course_modules_viewed", "dialect": "moodle_log", "files": "logs.csv", "increments": True}
        ],
        files={"logs.csv": course_completion(["ID", "Name", "Course complete"], ["3141", "Người học", ""])},
        rejected="đây không phải tệp xuất nhật ký của Moodle: phải có các cột Thời gian (Time)",
    )


@ugly("45-accounts-without-numbers")
def accounts_without_numbers(staff: Staff) -> Delivery:
    """4.5 and 29: accounts found by a staff number or an e-mail address that HR's lists and map know; by a name, in
    whatever order, nobody is found. Deleted accounts are nobody's; two accounts may be one person's."""
    first, second, third, fourth = staff.ids(4)
    accounts = [
        ("u1", first, "", "", "", "0"),
        ("u2", "cb-h-0001", "", "", "", "0"),
        ("u3", "", "Hai@So-Noi-Vu.example.vn", "", "", "0"),
        ("sv-0001", "", "ba@so-noi-vu.example.vn", "", "", "0"),
        ("u5", "", "khac@lop.example.vn", "Nguyễn Thị", "Hồng", "0"),
        ("u6", "", "la@lop.example.vn", "Hồng", "Nguyễn Thị", "0"),
        ("bon@so-noi-vu.example.vn.1735664399", "", "0123456789abcdef0123456789abcdef", "", "", "1"),
        ("u8", first[1:], "", "", "", "0"),
    ]
    persons = [first, second, second, "", "", "", "", first]
    rows: list[Row] = [
        {"id": str(3200 + number), "username": username, "idnumber": idnumber, "email": email, "firstname": given,
         "lastname": family, "suspended": "0", "deleted": deleted, "timecreated": "1700000000", "lastip": "203.0.113.7",
         "password": "bi-mat-thu"}
        for number, (username, idnumber, email, given, family, deleted) in enumerate(accounts)
    ]  # fmt: skip
    known = [
        {"loai": kind, "gia_tri": value, "so_dinh_danh": who}
        for kind, value, who in (
            ("SO_HIEU", "CB-H-0001", second), ("EMAIL", "hai@so-noi-vu.example.vn", second),
            ("SO_HIEU", "SV-0001", third), ("EMAIL", "ba@so-noi-vu.example.vn", fourth),
            ("EMAIL", "bon@so-noi-vu.example.vn", fourth),
        )
    ]  # fmt: skip
    names = {name: name for name in (*rows[0], "timemodified")}
    return Delivery(
        feeds=[
            {"table": "dinh_danh_cu", "files": "dinh_danh_cu.csv"},
            {"table": "mdl_user", "files": "mdl_user.csv", "persons": "matched"},
        ],
        files={
            "dinh_danh_cu.csv": csv_text(known, dict(zip(known[0], known[0], strict=True))).encode(),
            "mdl_user.csv": csv_text(rows, names).encode(),
        },
        same_as={"mdl_user": [row | {"idnumber": who} for row, who in zip(rows, persons, strict=True)]},
        repaired=1,
        # u4 leads to two persons, u5 and u6 to nobody; the identifier of two persons is that of 29-former-numbers.
        notes={
            "accounts": 8, "matched_by_idnumber": 2, "matched_by_so_hieu": 1, "matched_by_email": 1, "unmatched": 3,
            "unmatched_with_offer": 1, "ambiguous": 1, "duplicate": 2, "identifiers_kept": 5,
        },
        forbidden=("network", "sign_in"),
    )  # fmt: skip


@ugly("46-xapi")
def xapi(staff: Staff) -> Delivery:
    """4.6 and 4.7: statements that come twice, are taken back, stand in no order, of three platforms, in two files and
    two versions; satisfied, waived and a grade Pass count, failed, Fail and what is unsuccessful do not."""
    (person,) = staff.ids(1)
    moodle = _agent("https://lms.example.vn", "3301")
    known = _agent("https://hoc-lieu.example.vn", person)
    learner = _agent("https://mooc.example.vn", "7f1d2c3b-0000-4000-8000-000000000001")
    course, page = "https://lms.example.vn/course/view.php?id=37", "https://lms.example.vn/mod/page/view.php?id=105"
    unit = "https://hoc-lieu.example.vn/cmi5/khoa-hoc/KN-TD"
    book = "https://hoc-lieu.example.vn/thu-vien/TL-09"
    run = "https://mooc.example.vn/course/course-v1:HCM+CCHC-2024+2024"
    is_course = {"definition": {"type": "https://w3id.org/xapi/cmi5/activitytype/course"}}
    inside = {"contextActivities": {"grouping": [{"id": course}]}}
    grade = "http://www.tincanapi.co.uk/activitytypes/grade_classification"

    completed = _statement(1, moodle, f"{_VERBS}completed", course, "2024-12-31T16:59:59Z")
    taken_back = _statement(2, moodle, f"{_VERBS}completed", course, "2025-01-01T16:59:59Z")
    void = _statement(3, moodle, f"{_VERBS}voided", taken_back["id"], "2025-01-02T00:00:00Z", objectType="StatementRef")
    satisfied = _statement(4, known, f"{_CMI5}satisfied", unit, "2025-01-01T00:00:00+07:00", **is_course)
    waived = _statement(5, known, f"{_CMI5}waived", unit, "2025-02-01T00:00:00Z", **is_course)
    passed = _statement(6, learner, f"{_VERBS}passed", run, "2025-02-01T00:00:00.123Z") | {"version": "2.0.0"}
    failed = _statement(7, learner, f"{_VERBS}failed", run, "2025-02-02T00:00:00Z")
    unsuccessful = _statement(8, known, f"{_VERBS}passed", unit, "2025-02-03T00:00:00Z") | {
        "result": {"success": False}
    }
    grades = [
        _statement(number, learner, "http://id.tincanapi.com/verb/earned", run, f"2025-02-0{number - 6}T00:00:00Z")
        | {"result": {"extensions": {grade: word}}}
        for number, word in ((9, "Fail"), (10, "Pass"))
    ]
    elsewhere = _statement(11, known, f"{_VERBS}experienced", "https://khac.example.vn/1", "2025-02-03T00:00:00Z")
    seen = _statement(12, moodle, "http://id.tincanapi.com/verb/viewed", page, "2024-12-31T17:00:00Z")
    read = _statement(13, known, f"{_VERBS}experienced", book, "2025-02-01T00:00:00Z")

    files = {
        "a.jsonl": [satisfied, void, completed, taken_back, completed, *grades],
        "b.jsonl": [waived, passed, failed, unsuccessful, elsewhere, seen | {"context": inside}, read],
    }
    february = 1738368000
    people = {"moodle": "3301", "known": _made("account https://hoc-lieu.example.vn " + person),
              "learner": _made("account https://mooc.example.vn " + learner["account"]["name"])}  # fmt: skip
    completions = (
        (completed, people["moodle"], "37", LAST_SECOND),
        (satisfied, people["known"], _made(unit), FIRST_SECOND),
        (waived, people["known"], _made(unit), february),
        (passed, people["learner"], _made(run), february),
        (grades[1], people["learner"], _made(run), february + 3 * 86400),
    )
    views = ((seen, "105", people["moodle"], FIRST_SECOND), (read, _made(book), people["known"], february))
    return Delivery(
        feeds=[
            {
                "tables": [
                    "mdl_user", "mdl_course", "mdl_course_completions", "mdl_course_modules",
                    "mdl_course_modules_viewed",
                ],
                "dialect": "xapi",
                "files": "*.jsonl",
                "together": True,
                "increments": True,
                "options": {"mapping": yaml.safe_load((SHIPPED / "xapi.yml").read_text(encoding="utf-8"))},
            }
        ],
        files={
            name: "\n\n".join(json.dumps(one, ensure_ascii=False) for one in statements).encode()
            for name, statements in files.items()
        },
        same_as={
            "mdl_user": [
                {"id": one, "idnumber": person if one == people["known"] else ""} for one in people.values()
            ],
            "mdl_course": [
                {"id": "37", "idnumber": "CCHC-2024"},
                {"id": _made(unit), "idnumber": "KN-TD"},
                {"id": _made(run), "idnumber": "CCHC-2024"},
            ],
            "mdl_course_completions": [
                {"id": _made(one["id"]), "userid": account, "course": what, "timecompleted": str(epoch)}
                for one, account, what, epoch in completions
            ],
            "mdl_course_modules": [
                {"id": "105", "course": "37", "idnumber": "TL-01"},
                {"id": _made(book), "course": _made(unit), "idnumber": "TL-09"},
            ],
            "mdl_course_modules_viewed": [
                {"id": _made(one["id"]), "coursemoduleid": what, "userid": account, "timecreated": str(epoch)}
                for one, what, account, epoch in views
            ],
        },
        notes={
            "statements": 14, "duplicates": 1, "voided": 1, "voiding": 1, "other_verbs": 1, "not_passed": 2,
            "activities_not_mapped": 1,
        },
    )  # fmt: skip


_VERBS = "http://adlnet.gov/expapi/verbs/"
_CMI5 = "https://w3id.org/xapi/adl/verbs/"


def _agent(platform: str, name: str) -> dict[str, Any]:
    return {"objectType": "Agent", "account": {"homePage": platform, "name": name}}


def _statement(
    number: int, actor: Mapping[str, Any], verb: str, activity: str, time: str, **about: Any
) -> dict[str, Any]:
    """A statement of the xAPI; ``about`` says more of its object."""
    return {"id": f"00000000-0000-4000-8000-{number:012}", "actor": actor, "verb": {"id": verb},
            "object": {"id": activity, **about}, "timestamp": time, "version": "1.0.3"}  # fmt: skip


def _made(text: str) -> str:
    return str(made_id(text))


def _view(account: str, module: int, epoch: int) -> Row:
    return {"id": _made(f"view {epoch} {account} {module}"), "coursemoduleid": str(module), "userid": account,
            "timecreated": str(epoch)}  # fmt: skip


def _completion(account: int, course: int, epoch: int | None) -> Row:
    return {"id": str(account << 31 | course), "userid": str(account), "course": str(course),
            "timecompleted": "" if epoch is None else str(epoch)}  # fmt: skip
