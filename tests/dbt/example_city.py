"""A city small enough to compute every number by hand; `test_example_city.py` holds what must come out.

Units                              | people (`*` leader, `+` on the PAR roster)
H29 city                           | h+ has a unit that `don_vi` does not know
├ H29.1 Sở Nội vụ                  | a* CAN_BO trained on 2022-01-01; b* CONG_CHUC a second before, failed a class
│ └ H29.1.1 not in force any more  |
│   └ H29.1.1.1 Trung tâm          | c* VIEN_CHUC, class passed on 2024-12-31; f+ CONG_CHUC has everything
├ H29.2 UBND Quận 1                | d* CONG_CHUC trained on 2025-01-01; g+ VIEN_CHUC has two skills, saw a document
└ H29.3 UBND Phường Bến Nghé       | e* CONG_CHUC, in no leader group
i+ was on the roster until the end of 2023, passed the expert course, and is not in `nhan_su`.
"""

from typing import Any

FIRST, SECOND = "2024-12-31", "2025-01-01"

UNITS = [
    ("H29", "Thành phố Hồ Chí Minh", "THANH_PHO", None, "2000-01-01", None, None),
    ("H29.1", "Sở Nội vụ", "SO_NGANH", "H29", "2000-01-01", None, None),
    ("H29.1.1", "Phòng Tổ chức", "PHONG", "H29.1", "2000-01-01", "2024-12-30", None),
    ("H29.1.1.1", "Trung tâm Lưu trữ", "DON_VI_SU_NGHIEP", "H29.1.1", "2000-01-01", None, None),
    ("H29.2", "UBND Quận 1", "UBND_HUYEN", "H29", "2000-01-01", None, None),
    ("H29.3", "UBND Phường Bến Nghé", "UBND_XA", "H29", "2000-01-01", None, None),
]

SERVING: dict[str, list[tuple[Any, ...]]] = {
    "don_vi": UNITS,
    "nhan_su": [
        ("a", "CAN_BO", "H29.1", "x", "DANG_CONG_TAC", None),
        ("b", "CONG_CHUC", "H29.1", "x", "DANG_CONG_TAC", None),
        ("c", "VIEN_CHUC", "H29.1.1.1", "x", "DANG_CONG_TAC", None),
        ("d", "CONG_CHUC", "H29.2", "x", "DANG_CONG_TAC", None),
        ("e", "CONG_CHUC", "H29.3", "x", "DANG_CONG_TAC", None),
        ("f", "CONG_CHUC", "H29.1.1.1", None, "DANG_CONG_TAC", None),
        ("g", "VIEN_CHUC", "H29.2", None, "DANG_CONG_TAC", None),
        ("h", "CONG_CHUC", "H29.9", None, "DANG_CONG_TAC", None),
    ],
    "phan_cong_cchc": [
        ("f", "2022-01-01", None, "H29.1.1.1", "1", "CHUYEN_TRACH"),
        ("g", "2022-01-01", None, "H29.2", None, "KIEM_NHIEM"),
        ("h", "2022-01-01", None, "H29", None, None),
        ("i", "2022-01-01", "2023-12-31", "H29.1", None, None),
    ],
    "danh_gia": [
        ("f", 2021, "HTXSNV", "2021-12-20"),
        ("f", 2022, "HTXSNV", "2022-12-20"),
        ("f", 2023, "HTXSNV", "2023-12-20"),
    ],
    "quyet_dinh": [
        ("f", "QUY_HOACH", "q1", "2024-03-01", "t1", None, None, "THUONG_QUY"),
        ("g", "QUY_HOACH", "q2", "2023-03-01", "t1", None, None, "THUONG_QUY"),
        ("g", "QUY_HOACH", "q3", "2024-03-01", "t1", None, None, "THUONG_QUY"),
        ("g", "BO_NHIEM", "q4", "2024-06-01", "t1", "x", "H29.2", "THUONG_QUY"),
    ],
    "sang_kien": [("s1", "f", 2022, "CO_SO", "x"), ("s2", "f", 2024, None, "x"), ("s3", "f", 2024, None, None)],
    "lop_boi_duong": [
        ("l1", "b", "KH-CCHC", "2024-12-31", "KHONG_DAT"),
        ("l1", "c", "KH-CCHC", "2024-12-31", "DAT"),
    ],
    "danh_muc_khoa_hoc": [
        ("KH-CCHC", "BOI_DUONG_CCHC", None, 8.0),
        ("KH-TM", "KIEN_THUC_KY_NANG", "THAM_MUU", 8.0),
        ("KH-TH", "KIEN_THUC_KY_NANG", "TONG_HOP", 8.0),
        ("KH-HD", "KIEN_THUC_KY_NANG", "HUONG_DAN", 8.0),
        ("KH-CG", "CHUYEN_GIA", None, 40.0),
    ],
    "danh_muc_hoc_lieu": [("HL-TL", "TAI_LIEU"), ("HL-MH", "MO_HINH_NUOC_NGOAI")],
}

EVIDENCE: dict[str, list[tuple[Any, ...]]] = {
    "account_link": [
        *((account, person, "2022-06-01") for account, person in [(1, "a"), (2, "b"), (3, "b"), (4, "d")]),
        *((account, person, "2022-06-01") for account, person in [(6, "f"), (7, "g"), (9, "i")]),
        (3, "f", "2024-01-01"),  # account 3 turned out to be f's
    ],
    "course_link": [
        (course, code, "2022-06-01")
        for course, code in [(10, "KH-CCHC"), (11, "KH-TM"), (12, "KH-TH"), (13, "KH-HD"), (14, "KH-CG")]
    ],
    "module_link": [(20, "HL-TL", "2022-06-01"), (21, "HL-MH", "2022-06-01")],
    "completion": [
        (1, 10, "2022-01-01 00:00:00", "2022-06-01", 1),
        (2, 10, "2021-12-31 23:59:59", "2022-06-01", 2),
        (4, 10, "2025-01-01 00:00:00", "2024-12-31", 1),
        (6, 11, "2023-01-01 08:00:00", "2023-06-01", 1),
        (3, 12, "2023-02-01 08:00:00", "2023-06-01", 2),
        (6, 13, "2023-03-01 08:00:00", "2023-06-01", 3),
        (7, 11, "2023-01-01 08:00:00", "2023-06-01", 4),
        (7, 12, "2023-01-01 08:00:00", "2023-06-01", 5),
        (9, 14, "2023-05-01 08:00:00", "2023-06-01", 6),
    ],
    "view": [
        (6, 20, "2024-02-01 08:00:00", "2024-02-01", 1),
        (6, 21, "2024-02-02 08:00:00", "2024-02-02", 1),
        (7, 20, "2024-12-31 23:59:59", "2024-12-31", 1),
    ],
}

QUALITY: dict[str, list[tuple[Any, ...]]] = {
    "quarantined_row": [
        ("hr", "nhan_su.csv", 9, "BAD_DATE", "H29.1"),
        ("hr", "danh_gia.csv", 4, "BAD_ROW", None),
        ("elearning", "mdl_user.csv", 9, "BAD_DATE", "H29.1"),
    ],
    "finding": [("0123456789ab", "row", "hr", "H29.1", "open", "2024-12-01", None)],
}
