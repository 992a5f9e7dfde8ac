"""Print what the trial measures: ``python -m tests.quiet_nights``; see the package."""

from tests.quiet_nights.city import CITIES, quiet_series
from tests.quiet_nights.trial import CHANGES, false_alarms, found, judge


def main() -> None:
    """Both tables, in Markdown."""
    judged = [judge(series) for city in CITIES for series in quiet_series(city)]
    print(
        f"{len(judged)} series\n\n| measure | series-nights | warnings | of them Tết | per 100 |\n|---|---|---|---|---|"
    )
    totals = [0, 0, 0]
    for measure, warnings, of_tet, nights in false_alarms(judged):
        print(f"| `{measure}` | {nights:,} | {warnings} | {of_tet} | {100 * warnings / nights:.3f} |")
        totals = [total + one for total, one in zip(totals, (nights, warnings, of_tet), strict=True)]
    print(f"| all | {totals[0]:,} | {totals[1]} | {totals[2]} | {100 * totals[1] / totals[0]:.3f} |")
    print("\n| change of one night | found, by size | stated |\n|---|---|---|")
    for change in CHANGES:
        rates = []
        for size in change.sizes:
            hits, tries = found(change, judged, size)
            rates.append(f"{size:g}: {100 * hits / tries:.1f} %")
        print(f"| {change.what}, in {change.unit} | {', '.join(rates)} | {change.stated:g} |")


if __name__ == "__main__":
    main()
