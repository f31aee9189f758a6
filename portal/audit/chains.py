"""Walk one hash chain row by row: what in it is not as it was written, and which row that is.

The hash is computed here and not by the database, whose own function somebody who owns it could have replaced.
"""

from collections.abc import Sequence
from hashlib import sha256

from portal.audit.schemas import Break, Harm

CHAINS = 16


def beginning(chain: int) -> bytes:
    """What the first row of a chain follows."""
    return sha256(f"care-portal audit chain {chain}".encode()).digest()


class Walk:
    """One chain from its first row to its end, next to the heads that were anchored outside the database."""

    def __init__(self, chain: int, anchored: Sequence[tuple[int, bytes]]) -> None:
        self.chain = chain
        self.rows = 0
        self.breaks: list[Break] = []
        self._seq, self._hash = 0, beginning(chain)
        self._anchored = sorted(anchored, reverse=True)  # the next one to meet stands last
        self._agreed = 0  # the newest row that an anchor confirms
        self._rewritten = False

    def row(self, seq: int, content: str, previous: bytes, stored: bytes) -> None:
        """The next row: its number, its columns in one text, the hash that it follows, and its own."""
        self.rows += 1
        if seq <= self._seq:
            self._broken(seq, Harm.INSERTED)
        elif seq > self._seq + 1:
            self._broken(self._seq + 1, Harm.MISSING, seq - 1)
        elif previous != self._hash:
            self._broken(max(seq - 1, 1), Harm.UNLINKED, seq)
        if sha256(previous + content.encode()).digest() != stored:
            self._broken(seq, Harm.CHANGED)
        self._seq, self._hash = max(seq, self._seq), stored
        self._meet_anchors()

    def end(self, head_seq: int, head_hash: bytes) -> None:
        """No more rows: compare with where the database says that the chain ends, and with the last anchors."""
        promised = max([head_seq, *(seq for seq, _ in self._anchored)])
        if promised > self._seq:
            self._broken(self._seq + 1, Harm.CUT, promised)
        elif head_seq < self._seq:
            self._broken(head_seq + 1, Harm.INSERTED, self._seq)
        elif head_hash != self._hash:
            self._broken(self._seq, Harm.CHANGED)

    def _meet_anchors(self) -> None:
        while self._anchored and self._anchored[-1][0] <= self._seq:
            seq, anchored = self._anchored.pop()
            if seq == self._seq and anchored == self._hash:
                self._agreed = seq
            elif seq == self._seq and not self._rewritten:
                self._rewritten = True  # every later anchor differs too; the first one says where
                self._broken(self._agreed + 1, Harm.REWRITTEN, seq)

    def _broken(self, seq: int, harm: Harm, until: int | None = None) -> None:
        self.breaks.append(Break(self.chain, seq, until or seq, harm))
