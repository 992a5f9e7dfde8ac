"""A fuzzer over whatever reads what others wrote: each dialect, ``standardise`` as a whole, and the configuration.

It takes a small valid delivery (``seeds``), damages it (``mutations``: number n of a seed is always the same damage),
lets it be read in a child process with limits of time and memory (``hunt``), and looks at what came out (``checks``).
Whatever is neither rows nor a refusal in both languages is a finding. What it has found is kept in ``found``.

The suite runs a fixed number of mutations. A longer run, with other damage, prints its findings as cases for ``found``:
``python -m tests.fuzz --seconds 300 --seed 7 --dialect xapi``.
"""
