"""Print what the trial measures: ``python -m tests.quiet_nights [--seed 13]``; see the package."""

import argparse

import numpy as np

from tests.quiet_nights.city import CITIES, quiet_series
from tests.quiet_nights.trial import CHANGES, FIRST_NIGHTS, Judged, false_alarms, found, judge


def main() -> None:
    """The tables, in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.quiet_nights", description=__doc__)
    parser.add_argument("--seed", type=int, default=13, help="another number draws other nights")
    seed = parser.parse_args().seed
    series = [one for city in CITIES for one in quiet_series(city, seed)]
    judged = [judge(one) for one in series]
    print(f"{len(series)} series.\n\nWith twelve weeks of history:\n")
    _print_false_alarms(judged)
    print("\nWith two to twelve weeks of history:\n")
    _print_false_alarms([judge(one, FIRST_NIGHTS) for one in series])
    print("\n| change in one night | found on so many of the nights, by size | stated size |\n|---|---|---|")
    for change in CHANGES:
        rates = {size: found(change, judged, size) for size in change.sizes}
        told = ", ".join(f"{size:g}: {100 * hits / tries:.1f} %" for size, (hits, tries) in rates.items())
        print(f"| {change.what}, in {change.unit} | {told} | {change.stated:g} |")


def _print_false_alarms(judged: list[Judged]) -> None:
    print("| measure | nights of its series | warnings | of them about holidays | warnings per 100 |")
    print("|---|---|---|---|---|")
    rows = list(false_alarms(judged))
    totals = np.sum([row[1:] for row in rows], axis=0).tolist()
    for measure, nights, warnings, on_holidays in [*rows, ("all", *totals)]:
        rate = f"{100 * warnings / nights:.2f}" if nights else ""
        print(f"| {measure} | {nights:,} | {warnings} | {on_holidays} | {rate} |")


if __name__ == "__main__":
    main()
