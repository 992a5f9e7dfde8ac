"""Findings made small: without whatever can be left away while the complaint stays the same."""

from collections.abc import Callable, Iterator

from tests.fuzz.archives import NoArchive, packed, unpacked
from tests.fuzz.child import Files
from tests.fuzz.hunt import Finding, Hunt, key_of
from tests.fuzz.seeds import seeds

TRIES = 400
"""How often a finding is tried with less of it."""

Place = tuple[str, str]
Pieces = dict[Place, bytes]
"""Contents by file and, in an archive, part."""


def smaller(finding: Finding, hunt: Hunt) -> Finding:
    """The finding with as little of its files as still gives it."""
    tries = iter(range(TRIES))

    def is_same(files: Files) -> bool:
        outcome = hunt.outcome(finding.seed, files)
        return outcome.startswith("!") and key_of(outcome[2:]) == key_of(finding.complaint)

    pieces = _pieces(finding.files)
    whole = _pieces(seeds()[finding.seed].files)
    for place in sorted(pieces):
        for less in _less(pieces, place, whole.get(place), lambda some: is_same(_files(some)), tries):
            pieces = less
    return Finding(finding.seed, _files(pieces), finding.complaint)


def _pieces(files: Files) -> Pieces:
    """The files, and in place of archives their parts."""
    pieces: Pieces = {}
    for name, content in files.items():
        try:
            parts = unpacked(content)
            is_whole = unpacked(packed(parts)) == parts and len(parts) < 100
        except NoArchive:
            is_whole = False
        pieces |= {(name, part): inside for part, inside in parts.items()} if is_whole else {(name, ""): content}
    return pieces


def _files(pieces: Pieces) -> dict[str, bytes]:
    files = {}
    for name in dict.fromkeys(name for name, _ in pieces):
        parts = {part: content for (of, part), content in pieces.items() if of == name}
        files[name] = parts[""] if "" in parts else packed(parts)
    return files


def _less(
    pieces: Pieces, place: Place, original: bytes | None, is_same: Callable[[Pieces], bool], tries: Iterator[int]
) -> Iterator[Pieces]:
    """Ever less of one piece: as it is in the seed, or missing, or else without ever smaller runs of its bytes."""
    for content in dict.fromkeys((original, None)):
        if content == pieces[place] or next(tries, None) is None:
            continue
        less = {at: inside for at, inside in pieces.items() if at != place}
        less |= {} if content is None else {place: content}
        if less and is_same(less):
            yield less
            return
    size = len(pieces[place]) // 2
    while size:
        at = 0
        while at < len(content := pieces[place]):
            if next(tries, None) is None:
                return
            less = pieces | {place: content[:at] + content[at + size :]}
            if is_same(less):
                pieces = less
                yield pieces
            else:
                at += size
        size //= 2
