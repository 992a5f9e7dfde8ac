"""Data Docs are one site per night, of the last nights, without personal values and with nothing from elsewhere."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from par_warehouse.data_docs import KEPT_NIGHTS, keep_last_nights
from par_warehouse.validate import take_in
from tests.small_world import NIGHT, clean_world, deliver, settings_for, stage


def test_the_site_of_the_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    settings = settings_for(tmp_path)
    site = settings.reports / "data_docs"
    world = clean_world()
    world["nhan_su"].append({"so_dinh_danh": "013085000777", "ho_ten": "Đỗ Thị Bảy", "nhom": "013085000777"})
    pages = []
    for night in (NIGHT, NIGHT + timedelta(days=1)):
        deliver(tmp_path, world, night)
        for source in ("hr", "elearning"):
            stage(settings, source, night)
        take_in(settings, night, "run", site)
        pages.append(len(list(site.rglob("*.html"))))
    assert pages[0] == pages[1], "the site of the former night is replaced"
    front = (site / "index.html").read_text()
    assert f"{NIGHT + timedelta(days=1)}" in front
    links = re.findall(r'href="([^"]+)">(\w+)</a></td><td>(\d+)</td><td>(\d+)</td><td>(\d+)</td>', front)
    assert len(links) == 15
    assert all((site / link).is_file() for link, *_ in links)
    # The planted row lacks ma_don_vi and trang_thai, and its nhom is none of the three.
    assert [numbers for _, suite, *numbers in links if suite == "nhan_su"] == [["15", "3", "0"]]
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert not re.search(r'<(script|link|img|iframe)\b[^>]*(src|href)=["\']?https?:', text), page.name
        assert "013085000777" not in text and "Đỗ Thị Bảy" not in text


def test_the_last_nights_are_kept_and_listed_latest_first(tmp_path: Path) -> None:
    nights = [NIGHT + timedelta(days=number) for number in range(KEPT_NIGHTS + 2)]
    for night in nights:
        (tmp_path / f"{night}").mkdir()
        (tmp_path / f"{night}" / "index.html").touch()
    (tmp_path / "validations").mkdir()  # of the layout without nights
    keep_last_nights(tmp_path)
    keep_last_nights(tmp_path)
    links = re.findall(r'href="([^"]+)"', (tmp_path / "index.html").read_text())
    assert links == [f"{night}/index.html" for night in nights[:1:-1]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(f"{night}" for night in nights[2:]), "index.html"]
