"""What a clerk exports from Moodle's screens becomes the contract's tables: local times to epochs, words to states."""

import io
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from par_warehouse.dialects import Context, DeliveredFile, Part, UnreadableFile
from par_warehouse.dialects import moodle_activity_completion as activity_completion
from par_warehouse.dialects import moodle_course_completion as course_completion
from par_warehouse.dialects import moodle_log as log
from par_warehouse.dialects._moodle_screens import column_letters
from tests import moodle_screens as screens

CONTEXT = Context(date(2024, 12, 31), None, {}, "500MB", 2)
COURSE = {"id": 12, "code": "K1"}
LAST_SECOND, FIRST_SECOND = "1735664399", "1735664400"
"""31/12/2024 23:59:59 and 01/01/2025 00:00:00 in Ho Chi Minh City."""


def parts(dialect: Any, content: bytes, **options: Any) -> dict[str, Part]:
    file = DeliveredFile("xuat/moodle.csv", len(content), lambda: io.BytesIO(content))
    return {part.table: part for part in dialect.read([file], dialect.Options.model_validate(options), CONTEXT)}


def rows(part: Part, *names: str) -> list[tuple[Any, ...]]:
    """Number and wanted cells of each well-formed record."""
    found = []
    for records in part.records(names):
        assert records.table.column_names == list(names)
        found += zip(records.numbers.tolist(), *(records.table[name].to_pylist() for name in names), strict=True)
    return found


def malformed(part: Part) -> list[int]:
    return [number for records in part.records(["id"]) for number in records.malformed.tolist()]


# --- Course completion ---

ENGLISH = ["ID", "Name", "ID number", "Email address", "Bài 1", "Bài 1 - Completion date", "Course complete"]
VIETNAMESE = ["ID", "Tên", "Mã số ID", "Địa chỉ thư điện tử", "Bài 1", "Bài 1 - Ngày hoàn thành", "Khóa học hoàn thành"]
LEARNERS = [
    ["412", "Nguyễn Thị Một", "013085000001", "mot@so.example.vn", "Completed", "2024-12-30 08:00:00",
     "2024-12-31 23:59:59"],
    ["413", "Trần Văn, Hai", "'13085000002", "", "Not completed", "", ""],
    ["414", "Lê Thị Ba", "", "ba@so.example.vn", "Completed", "2024-12-30 08:00:00", "2025-01-01 00:00:00"],
]  # fmt: skip


@pytest.mark.parametrize("headings", [ENGLISH, VIETNAMESE, [*VIETNAMESE[:-1], "Hoàn thành khoá học"]])
@pytest.mark.parametrize("excel", [False, True])
def test_course_completion_gives_accounts_course_and_completions(headings: list[str], excel: bool) -> None:
    found = parts(course_completion, screens.course_completion(headings, *LEARNERS, excel=excel), course=COURSE)
    assert list(found) == ["mdl_user", "mdl_course", "mdl_course_completions"]
    assert rows(found["mdl_user"], "id", "idnumber", "username", "deleted") == [
        (1, "412", "013085000001", None, None),
        (2, "413", "'13085000002", None, None),
        (3, "414", None, None, None),
    ]
    assert rows(found["mdl_course"], "id", "idnumber", "fullname") == [(1, "12", "K1", None)]
    # The id holds account and course: 412 * 2**31 + 12.
    assert rows(found["mdl_course_completions"], "id", "userid", "course", "timecompleted", "timeenrolled") == [
        (1, "884763262988", "412", "12", LAST_SECOND, None),
        (2, "886910746636", "413", "12", None, None),
        (3, "889058230284", "414", "12", FIRST_SECOND, None),
    ]


def test_names_and_mail_reach_no_column_of_the_contract() -> None:
    found = parts(course_completion, screens.course_completion(ENGLISH, *LEARNERS), course=COURSE)
    contract = ["id", "username", "idnumber", "suspended", "deleted", "timecreated", "timemodified"]
    assert found["mdl_user"].names == [
        *contract, "email", "Name", "Bài 1", "Bài 1 - Completion date", "Course complete",
    ]  # fmt: skip
    cells = {cell for row in rows(found["mdl_user"], *contract) for cell in row if isinstance(cell, str)}
    assert cells == {"412", "413", "414", "013085000001", "'13085000002"}
    assert rows(found["mdl_user"], "email", "Name")[0] == (1, "mot@so.example.vn", "Nguyễn Thị Một")


def test_headings_that_repeat_or_look_like_the_contracts_stay_apart() -> None:
    headings = ["ID", "Name", "ID number", "id", "suspended", "Bài 1", "Bài 1", "Course complete"]
    content = screens.course_completion(headings, ["412", "Một", "013085000001", "x", "1", "y", "z", ""])
    part = parts(course_completion, content, course=COURSE)["mdl_user"]
    assert part.names[7:] == ["Name", "id (D)", "suspended (E)", "Bài 1", "Bài 1 (G)", "Course complete"]
    assert rows(part, "id", "suspended", "suspended (E)", "Bài 1 (G)") == [(1, "412", None, "1", "z")]


def test_without_id_number_the_accounts_lack_that_column() -> None:
    content = screens.course_completion(["ID", "Name", "Course complete"], ["412", "Một", "2024-05-01 07:00:00"])
    found = parts(course_completion, content, course=COURSE)
    assert "idnumber" not in found["mdl_user"].names
    assert rows(found["mdl_course_completions"], "userid", "timecompleted") == [(1, "412", "1714521600")]


def test_what_is_no_time_or_account_is_kept_for_the_rules() -> None:
    content = screens.course_completion(
        ["ID", "Name", "ID number", "Course complete"],
        ["412", "Một", "1", "2024-02-30 10:00:00"],
        ["khach", "Hai", "2", "45657"],
        ["", "Ba", "3", ""],
        ["415", "Bốn", "4"],
    )
    found = parts(course_completion, content, course=COURSE)
    assert rows(found["mdl_course_completions"], "id", "userid", "timecompleted") == [
        (1, "884763262988", "412", "?"),
        (2, "-1", "khach", "?"),
        (3, None, None, None),
    ]
    assert malformed(found["mdl_course_completions"]) == malformed(found["mdl_user"]) == [4]


@pytest.mark.parametrize(
    ("shown", "epoch"),
    [
        ("2024-12-31 23:59:59", LAST_SECOND),
        ("31/12/2024, 23:59:59", LAST_SECOND),
        ("31/12/24, 23:59:59", LAST_SECOND),
        ("31/12/2024 23:59", "1735664340"),
        ("1/01/25, 00:00", FIRST_SECOND),
        ("1/1/2025, 0:00:00", FIRST_SECOND),
        ("12/31/24, 23:59:59", "?"),
        ("31 tháng 12", "?"),
        ("1735664399", "?"),
    ],
)
def test_local_times_are_read_day_first(shown: str, epoch: str) -> None:
    content = screens.course_completion(["ID", "Name", "Course complete"], ["412", "Một", shown])
    assert rows(parts(course_completion, content, course=COURSE)["mdl_course_completions"], "timecompleted") == [
        (1, epoch)
    ]


def test_times_are_those_of_the_configured_zone() -> None:
    content = screens.course_completion(["ID", "Name", "Course complete"], ["412", "Một", "2024-12-31 23:59:59"])
    found = parts(course_completion, content, course=COURSE, time_zone="UTC")
    assert rows(found["mdl_course_completions"], "timecompleted") == [(1, "1735689599")]
    with pytest.raises(ValidationError, match="expected a time zone such as"):
        parts(course_completion, content, course=COURSE, time_zone="Sao/Hoả")


@pytest.mark.parametrize(
    "content",
    [
        screens.course_completion(["id;name;Course complete"], ["412;Một;"]),
        screens.course_completion(["STT", "ID", "Name", "Course complete"], ["1", "412", "Một", ""]),
        screens.course_completion(["ID", "Name", "Course complete", "Ghi chú"], ["412", "Một", "", ""]),
        screens.log(),
        b"",
    ],
)
def test_another_file_is_no_course_completion(content: bytes) -> None:
    with pytest.raises(UnreadableFile):
        parts(course_completion, content, course=COURSE)


def test_two_id_numbers_are_not_chosen_from() -> None:
    content = screens.course_completion(["ID", "Name", "ID number", "Mã số ID", "Course complete"])
    with pytest.raises(UnreadableFile, match="C, D"):
        parts(course_completion, content, course=COURSE)


def test_double_encoding_is_refused() -> None:
    content = screens.course_completion(ENGLISH, *LEARNERS).decode().encode().decode("latin-1").encode()
    with pytest.raises(UnreadableFile, match="mã hoá hai lần"):
        parts(course_completion, content, course=COURSE)


# --- Activity completion ---

ACTIVITIES = [("Tài liệu CCHC", ""), ("Mô hình 'một cửa'", "2024-12-31 17:00:00"), ("Khảo sát", "")]
MATERIALS = {"tài liệu CCHC": {"module": 55, "code": "M1"}, 'Mô hình "một cửa"': {"module": 56, "code": "M2"}}
DONE = ["Completed", "2024-12-31 23:59:59"]
NOT = ["Not completed", ""]


def activities(
    *learners: list[str], excel: bool = False, identity: Any = ("ID number", "Email address")
) -> dict[str, Part]:
    content = screens.activity_completion(identity, ACTIVITIES, *learners, excel=excel)
    return parts(activity_completion, content, course=COURSE, materials=MATERIALS)


VIEW = ["coursemoduleid", "timecreated"]


@pytest.mark.parametrize("excel", [False, True])
def test_activity_completion_gives_accounts_modules_and_views(excel: bool) -> None:
    found = activities(
        ["Nguyễn Thị Một", "013085000001", "mot@so.example.vn", *DONE, *NOT, *DONE],
        ["Trần Văn Hai", "013085000002", "", *NOT, "Completed (achieved pass grade)", "2025-01-01 00:00:00", *NOT],
        excel=excel,
    )
    assert list(found) == ["mdl_user", "mdl_course", "mdl_course_modules", "mdl_course_modules_viewed"]
    users = dict(row[1:] for row in rows(found["mdl_user"], "idnumber", "id"))
    assert list(users) == ["013085000001", "013085000002"]
    assert all(1 << 60 <= int(made) < 1 << 62 for made in users.values())
    assert rows(found["mdl_course"], "id", "idnumber") == [(1, "12", "K1")]
    assert rows(found["mdl_course_modules"], "id", "course", "idnumber") == [
        (1, "55", "12", "M1"),
        (2, "56", "12", "M2"),
    ]
    # Two configured activities: the first record has the cells 1 and 2, the second one 3 and 4.
    assert rows(found["mdl_course_modules_viewed"], *VIEW, "userid") == [
        (1, "55", LAST_SECOND, users["013085000001"]),
        (4, "56", FIRST_SECOND, users["013085000002"]),
    ]
    assert found["mdl_course_modules_viewed"].notes == {
        "activities_not_mapped": 1, "materials_not_found": 0, "completed_without_pass": 0,
        "completed_without_time": 0, "states_set_by_others": 0,
    }  # fmt: skip
    assert found["mdl_user"].names[7:] == [
        "email", " (A)", "Tài liệu CCHC", " (E)", "Mô hình 'một cửa'", "2024-12-31 17:00:00", "Khảo sát", " (I)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "is_view"),
    [
        ("Completed", True),
        ("Completed (achieved pass grade)", True),
        ("Đã hoàn thành", True),
        ("Đã hoàn thành (được điểm đạt)", True),
        ("Đã hoàn thành (đạt điểm chuẩn)", True),
        ("Completed (did not achieve pass grade)", False),
        ("Đã hoàn thành (không được điểm đạt)", False),
        ("Đã hoàn thành (không đạt điểm chuẩn)", False),
        ("Completed (set by Lê (Thị) Giáo)", False),
        ("Đã hoàn thành (set by Lê Thị Giáo)", False),
        ("Đã hoàn thành (được đặt bởi Lê Thị Giáo)", False),
        ("Đã hoàn thành (do Lê Thị Giáo đặt)", False),
        ("Not completed", False),
        ("Chưa hoàn thành", False),
        ("Not completed (set by Lê Thị Giáo)", False),
        ("Chưa hoàn thành (được đặt bởi Lê Thị Giáo)", False),
    ],
)
def test_states_in_both_languages(state: str, is_view: bool) -> None:
    found = activities(["Một", "013085000001", "", state, "2024-12-31 23:59:59", *NOT, *NOT])
    assert rows(found["mdl_course_modules_viewed"], *VIEW) == ([(1, "55", LAST_SECOND)] if is_view else [])


def test_completions_that_prove_no_view_are_counted() -> None:
    found = activities(
        ["Một", "1", "", "Completed (did not achieve pass grade)", "2024-12-31 23:59:59", "Completed", "", *DONE],
        ["Hai", "2", "", "Completed (set by Lê Thị Giáo)", "2024-12-31 23:59:59", "Completed", "", *DONE],
    )["mdl_course_modules_viewed"]
    assert rows(found, "id") == []
    names = ("completed_without_pass", "completed_without_time", "states_set_by_others")
    assert [found.notes[name] for name in names] == [1, 2, 1]


def test_an_unknown_state_is_not_guessed_at() -> None:
    found = activities(["Một", "1", "", *NOT, *NOT, "Hm", ""], ["Hai", "2", "", *NOT, "Xong (Lê Thị Giáo)", "", *NOT])
    with pytest.raises(UnreadableFile) as caught:
        rows(found["mdl_course_modules_viewed"], "id")
    # The unknown text of an activity that nobody asked for does not matter.
    assert caught.value.vi.startswith("dòng dữ liệu 2, cột F: không rõ trạng thái hoàn thành")
    assert "Xong" not in str(caught.value) and "Giáo" not in str(caught.value)
    with pytest.raises(UnreadableFile, match="record 1, column D"):
        rows(activities(["Một", "1", "", "", "", *NOT, *NOT])["mdl_course_modules_viewed"], "id")


def test_an_account_is_known_by_id_number_else_by_mail_and_never_by_name() -> None:
    found = activities(
        ["Nguyễn Văn An", "013085000001", "an@so.example.vn", *DONE, *NOT, *NOT],
        ["An Nguyễn Văn", "'13085000001", "khac@so.example.vn", *NOT, *DONE, *NOT],
        ["Nguyễn Văn An", "", "An@so.example.vn", *DONE, *NOT, *NOT],
        ["Nguyễn Văn An", "", "an@so.example.vn", *NOT, *DONE, *NOT],
        ["Nguyễn Văn An", "", "", *DONE, *NOT, *NOT],
    )
    one, same, mail, same_mail, nobody = (row[1] for row in rows(found["mdl_user"], "id"))
    assert one == same and mail == same_mail and len({one, mail}) == 2
    assert nobody is None
    assert [row[1] for row in rows(found["mdl_course_modules_viewed"], "userid")] == [one, one, mail, mail, None]


def test_made_ids_are_the_same_in_every_export() -> None:
    learner = ["Một", "013085000001", "", *DONE, *DONE, *NOT]
    first = activities(learner)
    later = activities(
        ["Hai", "013085000002", "", *NOT, *NOT, *NOT], ["Tên mới", "013085000001", "", *DONE, *DONE, *NOT]
    )
    assert rows(first["mdl_user"], "id")[0][1] == rows(later["mdl_user"], "id")[1][1]
    ids = [[row[1] for row in rows(found["mdl_course_modules_viewed"], "id")] for found in (first, later)]
    assert ids[0] == ids[1] and len(set(ids[0])) == 2


def test_activities_are_told_from_identity_fields() -> None:
    for identity in (["ID number"], ["Department", "ID number"], ["Mã số ID", "Địa chỉ thư điện tử", "Cơ quan"]):
        cells = ["013085000001" if "ID" in field else "x" for field in identity]
        found = activities(["Một", *cells, *DONE, *NOT, *NOT], identity=identity)
        assert rows(found["mdl_user"], "idnumber") == [(1, "013085000001")]
        assert rows(found["mdl_course_modules_viewed"], *VIEW) == [(1, "55", LAST_SECOND)]
        assert found["mdl_course_modules_viewed"].notes["activities_not_mapped"] == 1


def test_an_activity_may_have_the_name_of_an_identity_field() -> None:
    content = screens.activity_completion(
        ["ID number"], [("ID number", ""), ("Tài liệu CCHC", "")], ["Một", "013085000001", *NOT, *DONE]
    )
    found = parts(activity_completion, content, course=COURSE, materials=MATERIALS)
    assert rows(found["mdl_course_modules_viewed"], *VIEW) == [(1, "55", LAST_SECOND)]
    assert found["mdl_course_modules_viewed"].notes["materials_not_found"] == 1


def test_an_export_without_any_material_has_no_views() -> None:
    content = screens.activity_completion(["ID number"], [("Khảo sát", "")], ["Một", "013085000001", *DONE])
    found = parts(activity_completion, content, course=COURSE, materials=MATERIALS)
    assert rows(found["mdl_course_modules_viewed"], "id") == []
    assert found["mdl_course_modules_viewed"].notes["activities_not_mapped"] == 1
    assert found["mdl_course_modules_viewed"].notes["materials_not_found"] == 2
    assert len(rows(found["mdl_course_modules"], "id")) == 2


def test_a_time_that_is_none_is_kept_for_the_rules() -> None:
    found = activities(["Một", "013085000001", "", "Completed", "hôm qua", *NOT, *NOT], ["thiếu ô"])
    assert rows(found["mdl_course_modules_viewed"], *VIEW) == [(1, "55", "?")]
    assert malformed(found["mdl_user"]) == [2]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (screens.activity_completion(["Email address"], ACTIVITIES), "thiếu cột Mã số ID"),
        (screens.activity_completion(["ID number"], []), "Hoàn thành hoạt động"),
        (b'"Ten","ID number","A",""\n', "Hoàn thành hoạt động"),
        (screens.course_completion(ENGLISH, *LEARNERS), "Hoàn thành hoạt động"),
        (screens.activity_completion(["ID number"], [*ACTIVITIES, ("TÀI LIỆU CCHC", "")]), "C, I"),
        (screens.activity_completion(["ID number"], ACTIVITIES, excel=True)[2:], "UTF-16 thiếu dấu BOM"),
        (b"", "tệp rỗng"),
    ],
)
def test_what_is_no_usable_activity_completion_is_refused(content: bytes, match: str) -> None:
    with pytest.raises(UnreadableFile, match=match):
        parts(activity_completion, content, course=COURSE, materials=MATERIALS)


@pytest.mark.parametrize(
    "materials",
    [
        {},
        {"Bài 1": {"module": 5, "code": "M1"}, "bai-1": {"module": 6, "code": "M2"}},
        {"Bài 1": {"module": 5, "code": "M1"}, "Bài 2": {"module": 5, "code": "M2"}},
        {"Bài 1": {"module": 0, "code": "M1"}},
        {"Bài 1": {"module": 5}},
    ],
)
def test_materials_that_contradict_each_other_are_refused(materials: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        activity_completion.Options.model_validate({"course": COURSE, "materials": materials})


# --- Logs ---

EVENT, EVENT_VI = "Course module viewed", "Mô-đun khóa học đã xem"
LOG = ["userid", "coursemoduleid", "timecreated"]


@pytest.mark.parametrize(
    ("headings", "event"),
    [
        (screens.LOG_HEADINGS, EVENT),
        (["Course", *screens.LOG_HEADINGS], EVENT),
        (screens.LOG_HEADINGS_VI, EVENT_VI),
        (["Khóa học", *screens.LOG_HEADINGS_VI], EVENT_VI),
    ],
)
@pytest.mark.parametrize("bom", [False, True])
def test_a_log_gives_views(headings: list[str], event: str, bom: bool) -> None:
    content = screens.log(
        ("31/12/24, 23:59:59", event, screens.viewed(412, 55)),
        ("31/12/24, 23:59:59", "Course viewed", "The user with id '412' viewed the course with id '12'."),
        (
            "1/01/2025, 00:00:00",
            event,
            "The user with id '7' viewed the 'url' activity with the course module id '56'.",
        ),
        headings=headings,
        bom=bom,
    )
    (part,) = parts(log, content).values()
    assert rows(part, *LOG) == [(1, "412", "55", LAST_SECOND), (3, "7", "56", FIRST_SECOND)]
    assert part.notes == {"other_events": 1, "repeated_lines": 0}
    assert part.names[:4] == ["id", "coursemoduleid", "userid", "timecreated"]
    assert len(part.names) == 4 + len(headings) - 3
    assert headings[-1] in part.names and headings[-2] in part.names


def test_the_description_decides_what_a_view_is() -> None:
    content = screens.log(
        ("31/12/24, 23:59:59", "Trang đã được mở", screens.viewed(412, 55)),
        ("31/12/24, 23:59:59", EVENT, "Người dùng 412 đã xem trang 55."),
        ("31/12/24, 23:59:59", EVENT_VI, "Người dùng 412 đã xem trang 55."),
        ("31/12/24, 23:59:59", "Chapter viewed", "The user with id '412' viewed the chapter with id '3' for the book"
         " with course module id '55'."),
        ("31/12/24, 23:59:59", "Note", f"{screens.viewed(412, 55)} {screens.viewed(413, 56)}"),
    )  # fmt: skip
    (part,) = parts(log, content).values()
    # A view that nobody can be credited with stays, without account, for the rules.
    assert rows(part, "id", *LOG)[1:] == [(2, None, None, None, LAST_SECOND), (3, None, None, None, LAST_SECOND)]
    assert rows(part, *LOG)[0] == (1, "412", "55", LAST_SECOND)
    assert part.notes == {"other_events": 2, "repeated_lines": 0}


def test_repeated_lines_give_one_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("par_warehouse.csv_records.CHUNK_BYTES", 300)
    lines = [("31/12/24, 23:59:58", EVENT, screens.viewed(account, 55)) for account in (1, 2, 1, 3)]
    later = [("31/12/24, 23:59:59", EVENT, screens.viewed(1, 55))]
    (part,) = parts(log, screens.log(*lines, *later, *lines)).values()
    found = rows(part, "id", *LOG)
    assert [row[0] for row in found] == [1, 2, 4, 5]
    assert len({row[1] for row in found}) == 4
    assert all(1 << 60 <= int(row[1]) < 1 << 62 for row in found)
    assert part.notes == {"other_events": 0, "repeated_lines": 5}


def test_views_at_an_unreadable_time_are_all_kept() -> None:
    line = ("31/12, 23:59", EVENT, screens.viewed(412, 55))
    (part,) = parts(log, screens.log(line, line)).values()
    assert rows(part, *LOG) == [(1, "412", "55", "?"), (2, "412", "55", "?")]


def test_a_view_has_the_same_id_in_a_log_and_in_another_log() -> None:
    line = ("31/12/24, 23:59:59", EVENT, screens.viewed(412, 55))
    first, again = (parts(log, content)["mdl_course_modules_viewed"] for content in (
        screens.log(line), screens.log(("30/12/24, 10:00:00", EVENT, screens.viewed(9, 9)), line)
    ))  # fmt: skip
    assert rows(first, "id")[0][1] == rows(again, "id")[1][1]


def test_no_name_and_no_address_leaves_the_reader() -> None:
    content = screens.log(("31/12/24, 23:59:59", EVENT, screens.viewed(412, 55)))
    (part,) = parts(log, content).values()
    (records,) = part.records(["id", *LOG])
    assert records.table.num_columns == 4
    assert "Thử" not in str(records.table) and "203.0.113.7" not in str(records.table)


def test_a_line_with_missing_fields_is_malformed() -> None:
    content = screens.log(("31/12/24, 23:59:59", EVENT, screens.viewed(412, 55))) + b"a,b\n"
    (part,) = parts(log, content).values()
    assert malformed(part) == [2]
    assert part.notes["other_events"] == 0


@pytest.mark.parametrize("content", [b"Time,Event name\n", screens.course_completion(ENGLISH, *LEARNERS), b""])
def test_another_file_is_no_log(content: bytes) -> None:
    with pytest.raises(UnreadableFile):
        parts(log, content)


def test_columns_are_named_as_in_a_spreadsheet() -> None:
    assert [column_letters(one) for one in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
