"""The steps of a night, in order, as the DAG calls them: each holds the data folder, works, and says in one line what
came in and what went out. A step can be repeated at any time.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from typing import ParamSpec

from par_warehouse import audit as audit_step
from par_warehouse import build as build_step
from par_warehouse import landing, outbox, standardise, validate
from par_warehouse import publish as publish_step
from par_warehouse import tell as tell_step
from par_warehouse.config import load_configuration
from par_warehouse.contract import SOURCES
from par_warehouse.copying import Place, shown
from par_warehouse.data_docs import keep_last_nights
from par_warehouse.errors import ParError, RunFailed
from par_warehouse.ledger import files_without_service, open_ledger
from par_warehouse.pseudonym import check_secret
from par_warehouse.pulls import Access
from par_warehouse.quality_page import write_quality_page
from par_warehouse.run_lock import run_lock
from par_warehouse.settings import Settings

log = logging.getLogger("par_warehouse")
LOCK_PATIENCE_SECONDS = 1800
STEPS_PER_NIGHT = 2 * len(SOURCES) + 7
REFUSED_LISTED = 20
"""Names of refused files and folders in the log of a pull; all of them are counted."""

P = ParamSpec("P")


def _step(work: Callable[P, str]) -> Callable[P, str]:
    @wraps(work)
    def locked(*args: P.args, **kwargs: P.kwargs) -> str:
        settings = next(one for one in args if isinstance(one, Settings))
        with run_lock(settings, wait_seconds=LOCK_PATIENCE_SECONDS):
            check_secret(settings)
            started = time.monotonic()
            line = work(*args, **kwargs)
        step = work.__name__.split("_")[0]
        log.info("%s (%s, %.1f s)", line, step, time.monotonic() - started, extra={"step": step})
        return line

    return locked


@_step
def pull(
    settings: Settings,
    source: str,
    data_date: date,
    base_of: Callable[[Settings, str], Place] = landing.local_folder,
    access_of: Callable[[str], Access] | None = None,
) -> str:
    """Copy what a source has delivered up to ``data_date`` into the landing zone, and ask its systems.

    ``base_of`` finds the folder behind a source's URI, by default that of a ``file://`` URI; ``access_of`` finds a
    system by the name of its connection. Raises Unreachable when trying again may help.
    """
    feeds = load_configuration(settings.config_dir).sources.of(source)
    copied = landing.pull(settings, source, feeds, base_of(settings, source), data_date)
    pages = 0
    for feed in feeds.feeds:
        if feed.pull is not None and feed.connection is not None:
            if access_of is None:
                raise ParError(f"{source}: the feed {feed.name} asks a system; run the night through Airflow.")
            pages += landing.pull_system(settings, source, feed, access_of(feed.connection), data_date)
    delivery = landing.landed(settings, source, data_date)
    days = ", ".join(day.isoformat() for day in copied) or "nothing new"
    if delivery is None:
        return f"{source}: landed {days}; {data_date} is not delivered, carrying forward"
    refused = [(name, file.refusal) for name, file in sorted(delivery.files.items()) if file.refusal]
    for name, refusal in refused[:REFUSED_LISTED]:
        log.warning("%s: %s is refused: %s", source, shown(name), " | ".join(refusal))
    counts = {
        "refused": len(refused),
        "that no feed takes": landing.not_taken(settings, source, data_date),
    }
    told = [f"{len(delivery.files) - counts['refused']} files for {data_date}"]
    told += [f"{count} {what}" for what, count in counts.items() if count]
    told += [f"{pages} pages asked for"] if pages else []
    return f"{source}: landed {days}; {', '.join(told)}"


@_step
def standardise_source(settings: Settings, source: str, data_date: date) -> str:
    """Turn every landed delivery that is to be taken in into contract tables without personal data."""
    configuration = load_configuration(settings.config_dir)
    rows = files = 0
    for day in validate.dates_to_take_in(settings, data_date):
        for staged in standardise.standardise(settings, configuration, source, day).values():
            files += 1
            rows += staged.rows_read
    return f"{source}: {files} files, {rows:,} rows standardised"


@_step
def validate_night(settings: Settings, data_date: date, run_id: str) -> str:
    """Take in every pending date up to ``data_date``. Raises RunFailed when a file has nothing to serve the date."""
    summaries = []
    for day in validate.dates_to_take_in(settings, data_date):
        docs = settings.reports / "data_docs" / day.isoformat() if day == data_date else None
        summaries.append(validate.take_in(settings, day, run_id, docs))
        if docs is not None:
            keep_last_nights(docs.parent)
        if day != data_date:
            log.info("also taken in %s", summaries[-1])
    with open_ledger(settings) as con:
        unserved = files_without_service(con, data_date)
    if unserved:
        raise RunFailed(
            f"{data_date} cannot be published: nothing was ever accepted for {', '.join(unserved)} up to that date. "
            "Ask the source to deliver again (par show loads says what was wrong), then repeat the night."
        )
    return str(summaries[-1])


@_step
def build(settings: Settings, data_date: date, run_id: str) -> str:
    """Compute the marts of ``data_date`` into a version aside."""
    built = build_step.build(settings, data_date, run_id)
    return f"built {built.version_name} on {built.base or 'nothing'}"


@_step
def audit(settings: Settings, data_date: date, run_id: str) -> str:
    """Check the invariants of the version aside."""
    return f"{audit_step.audit(settings, data_date, run_id)} audits held"


@_step
def publish(settings: Settings, data_date: date, run_id: str) -> str:
    """Switch the publication to the version aside."""
    version = publish_step.publish(settings, data_date, run_id)
    return f"published {version.name}"


@_step
def report(settings: Settings, data_date: date, run_id: str) -> str:
    """Write the operator's page about the published night."""
    return f"page {write_quality_page(settings, data_date)}"


@_step
def tell(settings: Settings, data_date: date, run_id: str) -> str:
    """Queue what each office is to be told about the night."""
    recipients = load_configuration(settings.config_dir).recipients
    return tell_step.tell(settings, recipients, data_date)


def send(settings: Settings, carriers_of: Callable[[], Mapping[str, outbox.Carrier]]) -> str:
    """Hand over what waits in the outbox; without the lock on the data folder, for a mail server may be slow."""
    started = time.monotonic()
    line = outbox.send(settings, load_configuration(settings.config_dir).recipients, carriers_of)
    log.info("%s (send, %.1f s)", line, time.monotonic() - started, extra={"step": "send"})
    return line
