"""What a trainer would say of the rows: no mistakes, but reasons why a model may learn little."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from league.dataset_rows import Row

SHORT_RESPONSE = 20
MANY = 0.2
FEW_ROWS = 50


@dataclass
class Tips:
    """Counts of one pass over the rows."""

    rows: int = 0
    short: int = 0
    duplicates: int = 0
    pairs: set[bytes] = field(default_factory=set)
    instructions: Counter[bytes] = field(default_factory=Counter)
    responses: Counter[bytes] = field(default_factory=Counter)

    def take(self, row: Row) -> None:
        self.rows += 1
        self.short += len(row.response.strip()) < SHORT_RESPONSE
        instruction, response = _digest(row.instruction.strip()), _digest(row.response.strip())
        self.duplicates += instruction + response in self.pairs
        self.pairs.add(instruction + response)
        self.instructions[instruction] += 1
        self.responses[_digest(_letters(row.response))] += 1

    def warnings(self) -> Iterator[str]:
        if not self.rows:
            return
        if self.rows < FEW_ROWS:
            yield f"{self.rows} rows are few: a few hundred varied ones teach much more."
        if self.duplicates:
            yield f"{self.duplicates} rows repeat another row: replace them with new cases."
        repeated = max(self.responses.values())
        if repeated > 2 and repeated > MANY * self.rows:
            yield f"{repeated} rows share nearly the same response: vary what the model shall say."
        asked_again = sum(self.instructions.values()) - len(self.instructions) - self.duplicates
        if asked_again > MANY * self.rows:
            yield f"{asked_again} instructions come again with another response: keep the best one."
        if self.short > MANY * self.rows:
            yield (
                f"{self.short} responses have fewer than {SHORT_RESPONSE} characters: "
                "fuller ones with the points a judge looks for win more games."
            )


def _letters(text: str) -> str:
    """Equal for texts that differ only in case, digits, punctuation or spacing."""
    letters = "".join(c if c.isalpha() else " " for c in text.casefold())
    return " ".join(letters.split()) or text.strip()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
