"""The command line ``par``: thin commands over the modules of the package."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from par_warehouse.errors import ParError
from par_warehouse.run_lock import run_lock
from par_warehouse.settings import Settings

console = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)
Advance = Callable[[str | None, int], None]
app = typer.Typer(
    help="The PAR capacity warehouse of Ho Chi Minh City.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
show_app = typer.Typer(help="Show what is published.", no_args_is_help=True)
app.add_typer(show_app, name="show")

DEMO_LAST_NIGHT = date(2024, 12, 31)
DEMO_NIGHTS = 3


def _date_option(name: str, text: str) -> Any:
    return typer.Option(name, formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help=text)


DataDate = Annotated[datetime | None, _date_option("--date", "Data date; the latest by default.")]


def main() -> None:
    """Run a command; a failure with a known cause is one sentence and exit status 1."""
    try:
        app(standalone_mode=False)
    except ParError as error:
        console.print(f"[bold red]Not done:[/bold red] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    except (typer.Abort, KeyboardInterrupt):
        console.print("Stopped. The publication is as it was; run the same command again to go on.")
        sys.exit(130)
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        if hasattr(error, "show"):
            error.show()
        sys.exit(error.exit_code)


@app.command()
def nightly(
    date_: DataDate = None,
) -> None:
    """Run the nightly DAG for one data date and show the indicators."""
    settings = Settings.from_environment()
    with run_lock(settings):
        _prepare(settings)
        day = date_.date() if date_ else _latest_date(settings)
        if not _run_night(settings, day):
            raise ParError(_failure(settings, [day]))
    _show_indicators(settings, day)


@app.command()
def backfill(
    from_: Annotated[datetime, _date_option("--from", "First data date.")],
    to: Annotated[datetime, _date_option("--to", "Last data date.")],
) -> None:
    """Run the nightly DAG for each delivered data date from FROM to TO, in order, in this process."""
    settings = Settings.from_environment()
    if from_ > to:
        raise ParError(f"FROM ({from_.date()}) is after TO ({to.date()}). Give the earlier date as FROM.")
    with run_lock(settings):
        _prepare(settings, last_night=to.date(), nights=(to - from_).days + 1)
        from par_airflow.places import base_of
        from par_warehouse.contract import SOURCES
        from par_warehouse.landing import delivered_dates, landed_dates

        delivered = {day for source in SOURCES for day in delivered_dates(base_of(settings, source))}
        delivered |= {day for source in SOURCES for day in landed_dates(settings, source)}
        days = sorted(day for day in delivered if from_.date() <= day <= to.date())
        if not days:
            raise ParError(
                f"Nothing was delivered from {from_.date()} to {to.date()}. Check the dates and the sources."
            )
        failed = [day for day in days if not _run_night(settings, day)]
        if failed:
            raise ParError(_failure(settings, failed))
    _show_indicators(settings, days[-1])


@app.command("demo-exports")
def demo_exports(
    size: Annotated[str, typer.Option(help="demo or city (200,000 staff, 2 million views).")] = "demo",
    to: Annotated[datetime | None, _date_option("--to", "Last data date; 2024-12-31 by default.")] = None,
    nights: Annotated[int, typer.Option(min=1, help="How many data dates, ending at the last one.")] = DEMO_NIGHTS,
    staff: Annotated[int | None, typer.Option(help="Another number of staff, from 805 (city: 5,616).")] = None,
    views: Annotated[int | None, typer.Option(min=0, help="Another number of views until the last date.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives another city.")] = 13,
    clean: Annotated[bool, typer.Option("--clean", help="Without the flaws that real exports have.")] = False,
    into: Annotated[Path | None, typer.Option(help="Folder for hr/ and elearning/.")] = None,
) -> None:
    """Write deterministic, synthetic deliveries in the export contract for both sources."""
    settings = Settings.from_environment()
    base = into or settings.landing / "demo-exports"
    _write_demo(base, size, to.date() if to else DEMO_LAST_NIGHT, nights, staff, views, seed, not clean)
    console.print(f"Deliveries are in {base}/hr and {base}/elearning.")


@show_app.command("indicators")
def show_indicators(
    date_: DataDate = None,
    unit: Annotated[str, typer.Option(help="Code of the unit; the city by default.")] = "H29",
) -> None:
    """The indicators of the city or a unit against their targets."""
    from par_warehouse import show

    day = date_.date() if date_ else None
    console.print(show.indicators(Settings.from_environment(), day, unit, wide=console.width >= 100))


@show_app.command("loads")
def show_loads(date_: DataDate = None) -> None:
    """How each delivered file was judged."""
    from par_warehouse import show

    console.print(show.loads(Settings.from_environment(), date_.date() if date_ else None))


@show_app.command("parts")
def show_parts(date_: DataDate = None) -> None:
    """What each sender's files gave, in which dialect, and why some could not be read."""
    from par_warehouse import show

    console.print(show.parts(Settings.from_environment(), date_.date() if date_ else None))


@show_app.command("quarantine")
def show_quarantine(
    date_: DataDate = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 50,
) -> None:
    """Rows that were set aside, with the rule each breaks and what to do."""
    from par_warehouse import show

    console.print(show.quarantine(Settings.from_environment(), date_.date() if date_ else None, limit))


@show_app.command("findings")
def show_findings(
    agency: Annotated[str | None, typer.Option(help="Code of the agency; all by default.")] = None,
    state: Annotated[str, typer.Option(help="open, waived, repaired or all.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="At most so many findings.")] = 50,
) -> None:
    """What is wrong with the deliveries, since when, and what to do."""
    from par_warehouse import show

    if state not in ("open", "waived", "repaired", "all"):
        raise ParError(f"There is no state {state!r}. Choose open, waived, repaired or all.")
    console.print(show.findings(Settings.from_environment(), agency, state, limit))


@app.command()
def quality(date_: DataDate = None) -> None:
    """How good the data is: sources, findings, agencies and their scores; writes the page for operators, too."""
    from par_warehouse import show
    from par_warehouse.quality_page import write_quality_page

    settings = Settings.from_environment()
    day = date_.date() if date_ else show.latest_published(settings)
    console.print(show.quality(settings, day))
    console.print(f"Page: {write_quality_page(settings, day)}", soft_wrap=True)


@app.command()
def waive(
    finding: Annotated[str, typer.Argument(help="Key of the finding, as par show findings prints it.")],
    by: Annotated[str, typer.Option(help="Your account or mail address.")],
    why: Annotated[str, typer.Option(help="The reason, for auditors.")],
    until: Annotated[datetime, _date_option("--until", "Last day of the waiver.")],
) -> None:
    """Accept a finding as it is until a day: it is no longer reported, but still counted and published."""
    from par_warehouse.findings import Waiver
    from par_warehouse.findings import waive as note

    note(Settings.from_environment(), Waiver(finding, by, why, until.date()))
    console.print(f"{finding} is waived until {until.date()}; the next publication shows it.")


@show_app.command("unusual")
def show_unusual(date_: DataDate = None) -> None:
    """What lay outside the band that its own history expects."""
    from par_warehouse import show

    console.print(show.unusual(Settings.from_environment(), date_.date() if date_ else None))


@app.command("repair-sheet")
def repair_sheet(
    date_: Annotated[datetime, _date_option("--date", "Data date.")],
    into: Annotated[Path, typer.Option(help="The new .xlsx file to write; remove it after use.")],
    agency: Annotated[
        str | None, typer.Option(help="Code of the agency; what is of no known agency by default.")
    ] = None,
) -> None:
    """Write the spreadsheet in which an agency repairs its quarantined rows."""
    from par_warehouse import repair_sheet as sheets
    from par_warehouse.keys import write_private

    content = sheets.repair_sheet(Settings.from_environment(), date_.date(), agency)
    if content is None:
        console.print(f"There is nothing to repair for {agency or 'no known agency'} on {date_.date()}.")
        return
    if into.exists():
        raise ParError(f"{into} is there already. Name a new file.")
    write_private(into, content)
    console.print(f"{into} holds the rows to repair. It may let people be recognised: remove it after use.")


@app.command()
def resubmit(
    file: Annotated[Path, typer.Argument(help="The repair spreadsheet as it came back: .xlsx, .xls, .ods or .csv.")],
    by: Annotated[str, typer.Option(help="Account or mail address of whoever repaired it.")],
) -> None:
    """Take a repaired spreadsheet, answer for each row, and publish anew what depends on it."""
    from par_warehouse import resubmission
    from par_warehouse.dialects import UnreadableFile

    try:
        answer = resubmission.resubmit(Settings.from_environment(), file.name, file.read_bytes(), by)
    except OSError as error:
        raise ParError(f"{file} cannot be read ({error.strerror}).") from None
    except UnreadableFile as error:
        raise ParError(str(error)) from None
    console.print(escape(str(answer)), soft_wrap=True)


@app.command("accept-drop")
def accept_drop(
    date_: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], metavar="DATE", help="Data date, YYYY-MM-DD.")],
    file: Annotated[str, typer.Argument(help="The rejected file, such as nhan_su.csv.")],
    by: Annotated[str, typer.Option(help="Your account or mail address.")],
    why: Annotated[str, typer.Option(help="The reason, for auditors.")],
) -> None:
    """Accept that a file has far fewer rows than the one before, and publish anew what depends on it."""
    from par_warehouse.file_decisions import decide, row_drop
    from par_warehouse.ledger import ACCEPTED_DROP

    settings = Settings.from_environment()
    days = decide(settings, row_drop(settings, date_.date(), file), ACCEPTED_DROP, by, why)
    told = ", ".join(map(str, days)) or "nothing; the next night does it"
    console.print(f"{file} of {date_.date()} is accepted. Published anew: {told}.", soft_wrap=True)


@app.command("check-config")
def check_config() -> None:
    """Check the configuration folder; every mistake is named with file, line and what was expected."""
    settings = Settings.from_environment()
    from par_warehouse.config import load_configuration

    sources = load_configuration(settings.config_dir).sources
    feeds = ", ".join(f"{name} {len(sources.of(name).feeds)} feeds" for name in type(sources).model_fields)
    console.print(f"The configuration in {settings.config_dir} is right: {feeds}.", soft_wrap=True)


@app.command()
def send() -> None:
    """Hand over the messages that wait in the outbox."""
    settings = Settings.from_environment()
    from par_warehouse import nightly
    from par_warehouse.outbox import Carrier

    def carriers() -> Mapping[str, Carrier]:
        """Called only when something waits: importing Airflow takes seconds, and wants a home below the data folder."""
        from par_airflow.home import use_local_airflow

        use_local_airflow(settings)
        _migrate_if_needed(settings)
        from par_airflow import tell

        return tell.carriers()

    console.print(nightly.send(settings, carriers), soft_wrap=True)


@app.command()
def unseal(
    source: Annotated[str, typer.Argument(help="hr or elearning.")],
    date_: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], metavar="DATE", help="Data date, YYYY-MM-DD.")],
    name: Annotated[str, typer.Argument(help="Name of the file as it was delivered.")],
    into: Annotated[Path, typer.Option(help="The new file to write it to; remove it after use.")],
) -> None:
    """Take one delivered file out of the landing zone as it came, to look at it. The log of the vault names this."""
    from par_warehouse.landing import unseal_file

    size = unseal_file(Settings.from_environment(), source, date_.date(), name, into)
    console.print(f"{into} holds {size:,} bytes as they were delivered. It may name people: remove it after use.")


@app.command("rotate-person-key")
def rotate_person_key() -> None:
    """Give every person a new person_key, under PAR_PERSON_KEY_SECRET_NEW."""
    from par_warehouse.rotation import new_secret, rotate

    console.print(str(rotate(Settings.from_environment(), new_secret())), soft_wrap=True)


@app.command()
def housekeeping(
    as_of: Annotated[datetime | None, _date_option("--as-of", "Day to count from; today by default.")] = None,
) -> None:
    """Delete the raw files that have expired."""
    from par_warehouse.landing import ZONE
    from par_warehouse.retention import delete_expired

    settings = Settings.from_environment()
    with run_lock(settings):
        day = (as_of or datetime.now(ZONE)).date()
        console.print(str(delete_expired(settings, day, settings.raw_retention_days)), soft_wrap=True)


@app.command()
def rollback() -> None:
    """Switch the publication back to the version before the present one."""
    from par_warehouse import publish

    settings = Settings.from_environment()
    with run_lock(settings):
        before = set(publish.published_dates(settings.current.resolve())) if settings.current.exists() else set()
        version = publish.rollback(settings)
    console.print(f"The publication is now {version.name}.")
    if lost := sorted(before - set(publish.published_dates(version))):
        console.print("It does not hold " + ", ".join(map(str, lost)) + ". Rebuild each with make nightly DATE=...")


@app.command()
def airflow(port: Annotated[int, typer.Option(help="Port of the web UI on localhost.")] = 8080) -> None:
    """Start Airflow with its web UI on localhost, until Ctrl-C."""
    settings = Settings.from_environment()
    _prepare(settings)
    _migrate_if_needed(settings)
    os.environ["AIRFLOW__API__PORT"] = str(port)
    os.environ["AIRFLOW__API__BASE_URL"] = f"http://localhost:{port}"
    os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"http://localhost:{port}/execution/"
    os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] = "admin:admin"
    passwords = settings.data_dir / "airflow" / "simple_auth_manager_passwords.json.generated"
    log = settings.logs / "airflow-standalone.log"
    console.print(f"Airflow starts; its log is {log}.")
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, "-m", "airflow", "standalone"], stdout=output, stderr=output)
        try:
            while process.poll() is None and not passwords.exists():
                time.sleep(0.5)
            if process.poll() is None:
                console.print(
                    f"Log in at [bold]http://localhost:{port}[/bold] as admin; the password is in {passwords}."
                )
                console.print("The DAG is par_nightly. Ctrl-C stops Airflow.")
            code = process.wait()
        except KeyboardInterrupt:
            # Ctrl-C reaches Airflow too; it ends its parts one by one.
            process.wait()
            return
    if code:
        raise ParError(f"Airflow ended with status {code}; the reason is in {log}. Is port {port} in use?")


def _prepare(settings: Settings, last_night: date = DEMO_LAST_NIGHT, nights: int = DEMO_NIGHTS) -> None:
    """The set-up that every run needs: the secret, and demo exports if no source is configured."""
    from par_airflow.home import use_local_airflow
    from par_warehouse.keys import LANDING_KEY, PERSON_KEY
    from par_warehouse.pseudonym import check_secret

    os.environ.setdefault("PAR_TASK_RETRIES", "0")
    use_local_airflow(settings)
    for secret in (PERSON_KEY, LANDING_KEY):
        if secret.ensure_development(settings):
            path = secret.development_path(settings)
            console.print(f"{secret.variable} is not set: made a development secret in {path}.", soft_wrap=True)
    check_secret(settings)
    demo = settings.landing / "demo-exports"
    if settings.uses_demo and not any(demo.glob("hr/*/_SUCCESS")):
        console.print(
            "PAR_HR_URI and PAR_ELEARNING_URI are not set: writing demo exports of synthetic people.", soft_wrap=True
        )
        _write_demo(demo, "demo", last_night, nights)


def _latest_date(settings: Settings) -> date:
    from par_airflow.places import base_of
    from par_warehouse.contract import SOURCES
    from par_warehouse.landing import latest_delivered_date

    return latest_delivered_date(settings, {source: base_of(settings, source) for source in SOURCES})


def _write_demo(
    base: Path,
    size: str,
    last_night: date,
    nights: int,
    staff: int | None = None,
    views: int | None = None,
    seed: int = 13,
    flaws: bool = True,
) -> None:
    from dataclasses import replace

    from par_warehouse.demo import MOST_STAFF, SIZES, write_demo_exports

    if size not in SIZES:
        raise ParError(f"There is no size {size!r}. Choose one of {', '.join(SIZES)}.")
    chosen = SIZES[size]
    if staff is not None:
        if not chosen.tracked <= staff <= MOST_STAFF:
            raise ParError(
                f"The size {size} has {chosen.tracked:,} people with a part to play: give --staff a number from there"
                f" to {MOST_STAFF:,}, not {staff:,}."
            )
        chosen = replace(chosen, staff=staff)
    if views is not None:
        chosen = replace(chosen, views=views)
    days = [last_night - timedelta(days=ago) for ago in reversed(range(nights))]
    with _progress(console, "deliveries written", 2 * len(days)) as advance:
        write_demo_exports(
            base / "hr", base / "elearning", days, chosen, seed, flaws, lambda line: advance(None, ":" in line)
        )


def _migrate_if_needed(settings: Settings) -> None:
    from par_airflow.home import has_database, migrate_database

    if not has_database(settings):
        with console.status("Setting up Airflow's metadata database (once) …"):
            migrate_database(settings)


def _run_night(settings: Settings, day: date) -> bool:
    _migrate_if_needed(settings)
    from par_airflow.run import run_night

    started = time.monotonic()
    console.print(f"[bold]Night of {day}[/bold] (log: {settings.logs / f'nightly-{day}.log'})", soft_wrap=True)
    with _steps_on_screen():
        succeeded = run_night(settings, day)
    console.print(f"  {'done' if succeeded else 'failed'} after {time.monotonic() - started:.1f} s")
    return succeeded


@contextmanager
def _steps_on_screen() -> Iterator[None]:
    """Show each line that a step reports, at once, although the output of Airflow goes to a file."""
    from par_warehouse.nightly import STEPS_PER_NIGHT

    # The console keeps the terminal while descriptor 1 points to the log.
    with (
        os.fdopen(os.dup(1), "w") as terminal,
        _progress(Console(file=terminal, highlight=False), "steps", STEPS_PER_NIGHT) as advance,
    ):
        handler = _StepHandler(advance)
        logger = logging.getLogger("par_warehouse")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _StepHandler(logging.Handler):
    def __init__(self, advance: Advance) -> None:
        super().__init__()
        self.advance = advance

    def emit(self, record: logging.LogRecord) -> None:
        style = "red" if record.levelno >= logging.ERROR else "default"
        line = f"  [{style}]{escape(record.getMessage())}[/{style}]"
        self.advance(line, 1 if hasattr(record, "step") else 0)


@contextmanager
def _progress(screen: Console, what: str, total: int) -> Iterator[Advance]:
    """A progress bar on a terminal that goes away at the end; each advance may leave a line above it."""
    with Progress(
        BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeElapsedColumn(), console=screen, transient=True
    ) as progress:
        task = progress.add_task(what, total=total)

        def advance(line: str | None, steps: int) -> None:
            if line:
                progress.console.print(line, soft_wrap=True)
            progress.advance(task, steps)

        yield advance


def _show_indicators(settings: Settings, day: date) -> None:
    from par_warehouse import show

    console.print(show.indicators(settings, day, wide=console.width >= 100))
    console.print(f"Published: {settings.current}", soft_wrap=True)


def _failure(settings: Settings, days: list[date]) -> str:
    names = ", ".join(map(str, days))
    return f"{names} not published; the publication is as it was. The reason stands above, details in {settings.logs}."


if __name__ == "__main__":
    main()
