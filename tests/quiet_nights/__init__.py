"""Four hundred quiet nights of a small and a large city as series of measures, and what is found unusual in them.

``city`` draws the series: a week with a week-end, months that begin with decisions, the rating season, Tết and other
holidays, rows broken by chance. ``trial`` puts every night through the band of production, as it is and with planted
changes. ``python -m tests.quiet_nights`` prints both tables of docs/explanation/what-counts-as-unusual.md.
"""
