"""After a rotation the data folder is as if it had had the new secret from the beginning, wherever it was killed."""

import hashlib
import hmac
import shutil
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import duckdb
import pytest

from par_warehouse import nightly
from par_warehouse.errors import ParError
from par_warehouse.keys import PERSON_KEY
from par_warehouse.pseudonym import (
    check_secret,
    code_secret_path,
    keep_proofs,
    kept_proofs,
    secret_proof,
)
from par_warehouse.publish import rollback, versions
from par_warehouse.rotation import new_secret, rotate
from par_warehouse.settings import Settings
from par_warehouse.vault import attached_vault, read_vault, vault_path
from tests.killed import killed_at
from tests.nights import published_rows, run_steps
from tests.small_world import NIGHT, World, clean_world, deliver, settings_for

OLD, NEW, NEWER = "the former secret", "the new secret, longer", "the secret after the new one"
NEXT = NIGHT.replace(year=2025, month=1, day=1)
PEOPLE = ("013085000001", "013085000002")
EVERY = 6  # of the file operations


def world() -> World:
    """The leader is trained by a course whose code looks like a number of a person, so that it is only kept hashed, and
    has a rating that goes to quarantine."""
    small = clean_world()
    small["lop_boi_duong"] = [dict(row, ma_khoa_hoc="K2") for row in small["lop_boi_duong"]]
    small["danh_muc_khoa_hoc"].append({"ma_khoa_hoc": "123456789", "loai": "BOI_DUONG_CCHC"})
    small["danh_gia"].append(dict(small["danh_gia"][0], so_dinh_danh=PEOPLE[0], muc_xep_loai="NOPE"))
    small["mdl_course"].append({"id": "9", "idnumber": "123456789"})
    small["mdl_course_completions"].append({"id": "2", "userid": "1", "course": "9", "timecompleted": "1735664399"})
    return small


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A data folder after one night under the former secret. Not to be changed: take a copy."""
    base = tmp_path_factory.mktemp("former")
    deliver(base, world())
    settings = settings_for(base)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAR_PERSON_KEY_SECRET", OLD)
        run_steps(settings, NIGHT)
    return settings


@pytest.fixture(scope="module")
def rotated_rows(former: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Everything that an undisturbed rotation leaves, as digests."""
    settings = copied(former, tmp_path_factory.mktemp("rotated"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAR_PERSON_KEY_SECRET", OLD)
        rotate(settings, NEW.encode())
    return contents(settings)


@pytest.fixture
def settings(former: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", OLD)
    return copied(former, tmp_path)


def copied(settings: Settings, base: Path) -> Settings:
    """The same deliveries with a data folder of their own."""
    copy = replace(settings, data_dir=base / "data")
    shutil.copytree(settings.data_dir, copy.data_dir, symlinks=True)
    return copy


def fresh(settings: Settings, base: Path) -> Settings:
    """The same deliveries with an empty data folder, but for dbt's parse of the project."""
    empty = replace(settings, data_dir=base / "fresh")
    shutil.copytree(settings.data_dir / "dbt", empty.data_dir / "dbt")
    return empty


def contents(settings: Settings) -> dict[str, str]:
    """Digests of all rows that name persons: of the publication, the ledger, the vault and the accepted files."""
    digests = {f"publication {name}": digest for name, digest in published_rows(settings.current).items()}
    for database in (settings.ledger, vault_path(settings)):
        digests |= {f"{database.name} {name}": digest for name, digest in published_rows(database).items()}
    for path in sorted(
        one for folder in (settings.accepted, settings.quarantined) for one in folder.rglob("*.parquet")
    ):
        rows = duckdb.sql(f"from read_parquet('{path}')").fetchall()
        digests[str(path.relative_to(settings.data_dir))] = repr(rows)
    return digests


def keys(secret: str) -> list[str]:
    return [hmac.new(secret.encode(), person.encode(), hashlib.sha256).hexdigest() for person in PEOPLE]


def where_keys_stand(settings: Settings, secret: str) -> set[str]:
    """The top folders in which a key under this secret stands, as a value or anywhere in the bytes of a file."""
    old = keys(secret)
    found = set()
    for path in (path for path in settings.data_dir.rglob("*") if path.is_file()):
        texts = [path.read_bytes().decode("latin-1"), *values(path)]
        if any(key in text for key in old for text in texts):
            found.add(path.relative_to(settings.data_dir).parts[0])
    return found


def values(path: Path) -> list[str]:
    """All values of a database or a Parquet file, table by table; their files hold them compressed."""
    if path.suffix == ".parquet":
        return [repr(duckdb.sql(f"from read_parquet('{path}')").fetchall())]
    if path.suffix != ".duckdb":
        return []
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        return [repr(con.execute(f"from {schema}.{table}").fetchall()) for schema, table in tables]


def test_equals_a_folder_made_with_the_new_secret_now_and_in_the_nights_that_follow(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"accepted", "ledger", "quarantined", "vault", "warehouse"}
    assert where_keys_stand(settings, OLD) == places
    summary = rotate(settings, NEW.encode())
    assert (summary.persons, summary.versions_removed) == (2, 1)
    assert where_keys_stand(settings, OLD) == set()
    assert where_keys_stand(settings, NEW) == places
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", NEW)
    other = fresh(settings, tmp_path)
    run_steps(other, NIGHT)
    assert published_rows(settings.current) == published_rows(other.current)

    # The courses are carried forward, hashed before the rotation; the catalogue that they refer to comes after it.
    base = Path(settings.hr_uri.removeprefix("file://")).parent
    deliver(base, world(), NEXT, replace={"mdl_course": None})
    for one in (settings, other):
        run_steps(one, NEXT, "next")
    assert published_rows(settings.current) == published_rows(other.current)
    with duckdb.connect(str(settings.current), read_only=True) as con:
        trained = con.execute(
            "select as_of_date, numerator from marts.fct_indicator_daily where indicator_code = 'I1'"
            " and org_unit_code = 'H29' and population_group = 'ALL' order by all"
        ).fetchall()
    assert trained == [(NIGHT, 1), (NEXT, 1)]


def test_says_what_it_did_logs_that_it_read_the_vault_and_can_be_done_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set((settings.vault / "reads.jsonl").read_text().splitlines())
    summary = rotate(settings, NEW.encode())
    assert str(summary).startswith("New keys for 2 persons in 11 files; former versions of the publication removed: 1.")
    added = [line for line in (settings.vault / "reads.jsonl").read_text().splitlines() if line not in before]
    assert len(added) == 2 and "rotation of the person key" in added[0]
    code_key = code_secret_path(settings).read_bytes()
    for path in (settings.ledger, vault_path(settings), code_secret_path(settings)):
        assert path.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", NEW)
    check_secret(settings)
    rotate(settings, NEWER.encode())
    assert where_keys_stand(settings, NEW) == set()
    assert code_secret_path(settings).read_bytes() == code_key, "the key of codes is that of the beginning"
    assert str(rotate(settings, NEWER.encode())) == "The data folder has this person key already; nothing was changed."


def test_reaches_kept_parts_of_senders_and_every_table_of_the_vault(settings: Settings) -> None:
    part = settings.parts / "hr" / "nhan_su" / "nhan_su" / "one sender" / f"{NIGHT}.parquet"
    part.parent.mkdir(parents=True)
    shutil.copyfile(next(settings.accepted.rglob("nhan_su-*.parquet")), part)
    before = duckdb.sql(f"select * exclude (person_key) from read_parquet('{part}')").fetchall()
    with duckdb.connect() as con, attached_vault(settings, con, "test") as vault:
        con.execute(f"create table {vault}.identifier (value varchar primary key, person_key varchar, day date)")
        con.execute(f"insert into {vault}.identifier values ('S1', '{keys(OLD)[0]}', '2025-01-01'), ('S2', null, null)")
        columns = con.execute(f"describe {vault}.identifier").fetchall()
    rotate(settings, NEW.encode())
    assert where_keys_stand(settings, OLD) == set()
    assert duckdb.sql(f"select * exclude (person_key) from read_parquet('{part}')").fetchall() == before
    assert duckdb.sql(f"select person_key from read_parquet('{part}') order by row_number").fetchall() == [
        (key,) for key in keys(NEW)
    ]
    with read_vault(settings, "test") as con:
        rows = con.execute("select value, person_key from vault.identifier order by value").fetchall()
        assert con.execute("describe vault.identifier").fetchall() == columns
    assert rows == [("S1", keys(NEW)[0]), ("S2", None)]


def test_no_version_with_the_old_keys_can_be_gone_back_to(settings: Settings) -> None:
    old = settings.current.resolve()
    shutil.copyfile(old, old.with_name("2024-12-30-earlier.duckdb"))
    old.with_name("2024-12-30-earlier.withdrawn").touch()
    rotate(settings, NEW.encode())
    assert [path.name for path in settings.builds.iterdir()] == [settings.current.resolve().name]
    assert versions(settings) == [settings.current.resolve()]
    with pytest.raises(ParError, match="No earlier version is kept"):
        rollback(settings)


def test_killed_anywhere_and_repeated_it_ends_as_if_undisturbed(
    former: Settings, tmp_path: Path, rotated_rows: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", OLD)
    rows = "publication marts.fct_indicator_evidence"
    whole = {contents(former)[rows], rotated_rows[rows]}
    states = []
    for operation in count(1, EVERY):
        settings = copied(former, tmp_path / str(operation))
        if not killed_at(operation, partial(rotate, settings, NEW.encode()), settings.data_dir):
            break
        where = f"killed at operation {operation}"
        assert contents(settings)[rows] in whole, where
        states.append(len(kept_proofs(settings)))
        if states[-1] == 2:
            with pytest.raises(ParError, match="stopped half-way"):
                nightly.standardise_source(settings, "hr", NIGHT)
        rotate(settings, NEW.encode())
        assert contents(settings) == rotated_rows, where
        assert not list(settings.data_dir.rglob("*.part")), where
        shutil.rmtree(settings.data_dir)
    assert len(states) >= 10 and {1, 2} == set(states)


def test_stops_before_anything_is_changed_when_a_key_belongs_to_nobody(settings: Settings) -> None:
    with duckdb.connect(str(vault_path(settings))) as vault:
        vault.execute("delete from person where so_dinh_danh = '013085000002'")
    before = contents(settings)
    with pytest.raises(ParError, match=r"person keys in .* belong to nobody in the vault.* Nothing was changed"):
        rotate(settings, NEW.encode())
    assert contents(settings) == before
    check_secret(settings)


def test_wrong_secrets_are_sentences(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAR_PERSON_KEY_SECRET_NEW", raising=False)
    with pytest.raises(ParError, match="PAR_PERSON_KEY_SECRET_NEW is not set"):
        new_secret()
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET_NEW", "bí mật")
    assert new_secret() == "bí mật".encode()
    assert rotate(settings, OLD.encode()).persons == 0, "it has this key already"
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", NEWER)
    with pytest.raises(ParError, match="the former one until the rotation is done"):
        rotate(settings, NEW.encode())
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", OLD)
    keep_proofs(settings, secret_proof(OLD.encode()), secret_proof(NEW.encode()))
    with pytest.raises(ParError, match="A rotation to another secret was stopped half-way"):
        rotate(settings, NEWER.encode())
    with pytest.raises(ParError, match="Nothing was taken in yet"):
        rotate(replace(settings, data_dir=settings.data_dir / "empty"), NEW.encode())
    assert kept_proofs(settings) == [secret_proof(OLD.encode()), secret_proof(NEW.encode())]


def test_a_development_secret_is_gone_with_its_keys(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAR_PERSON_KEY_SECRET")
    PERSON_KEY.ensure_development(settings)
    PERSON_KEY.development_path(settings).write_text(OLD)
    rotate(settings, NEW.encode())
    assert not PERSON_KEY.development_path(settings).exists()
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", NEW)
    check_secret(settings)
