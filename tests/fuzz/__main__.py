"""A long run: ``python -m tests.fuzz --seconds 300 --seed 7 [--dialect xapi]``; see the package."""

import argparse
import base64
import time
import zlib
from collections import Counter
from itertools import count

from tests.fuzz.hunt import Finding, Hunt, key_of
from tests.fuzz.seeds import seeds
from tests.fuzz.smaller import smaller


def main() -> None:
    """Hunt until the time is over; print each finding once, made small, as a case for ``found``."""
    targets = sorted({seed.target for seed in seeds().values()})
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1, help="another number gives other damage")
    parser.add_argument("--dialect", choices=targets, help="by default all, one after the other")
    arguments = parser.parse_args()
    names = [name for name, seed in seeds().items() if arguments.dialect in (None, seed.target)]
    end = time.monotonic() + arguments.seconds
    seen: Counter[str] = Counter()
    tried = 0
    with Hunt() as hunt:
        for number in count(arguments.seed * 1_000_000):
            for name in names:
                if time.monotonic() > end:
                    print(f"# {tried} deliveries, {len(seen)} findings")
                    return
                tried += 1
                for finding in hunt.findings(name, [number]):
                    seen[key_of(finding.complaint)] += 1
                    if seen[key_of(finding.complaint)] == 1:
                        print(f"# number {number}", case_of(smaller(finding, hunt)), sep="\n", flush=True)


def case_of(finding: Finding) -> str:
    """Python for ``found``."""
    whole = seeds()[finding.seed].files
    changes = {name: finding.files.get(name) for name in sorted({*whole, *finding.files})}
    texts = [f"{name!r}: {_literal(content)}" for name, content in changes.items() if content != whole.get(name)]
    return f"# {finding.complaint}\nCase('', {finding.seed!r}, {{{', '.join(texts)}}}, 'refused'),"


def _literal(content: bytes | None) -> str:
    if content is None:
        return "None"
    if len(content) < 2000 and sum(32 <= byte < 127 for byte in content) * 4 > len(content) - 100:
        return repr(content)
    return f"zlib.decompress(base64.b85decode({base64.b85encode(zlib.compress(content, 9)).decode()!r}))"


if __name__ == "__main__":
    main()
