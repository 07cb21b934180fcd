"""A trivial recipe: say something about numbers, then say it again in other words."""

import time
from dataclasses import dataclass, field, replace

from sdg_lab.distill import Options, Record, Request


def repeats(record, pool):
    """Refuse what begins like a question that is there already."""
    start = record["question"][:5]
    return f"begins with {start}" if any(o["question"][:5] == start for o in pool.of("question")) else None


@dataclass(frozen=True)
class Words:
    """Ask about the numbers ``first`` to ``last``."""

    last: int = 20
    first: int = 0
    pause: float = 0.0
    options: Options = field(default_factory=lambda: Options(max_tokens=30))

    @property
    def stages(self):
        return {"question": [repeats]}

    @property
    def result(self):
        return ("pair", "question")

    def part(self, index, of):
        count = self.last - self.first
        first, last = (self.first + place * count // of for place in (index, index + 1))
        return replace(self, first=first, last=last)

    def rounds(self, pool, random):
        yield [Record.new("topic", {"topic": "numbers"})]
        for first in range(self.first, self.last, 5):
            time.sleep(self.pause)
            yield [
                Request(
                    f"Say something about {number}.",
                    kind="question",
                    fields={"number": number},
                    parents=[pool.of("topic")[0].id],
                    options=self.options,
                    read=lambda c: {"question": c.text},
                )
                for number in range(first, min(first + 5, self.last))
            ]
        questions = list(pool.of("question"))
        chats = [[{"role": "user", "content": f"{record['question']} {random.integers(9)}"}] for record in questions]
        yield [
            Request(chat, kind="pair", fields=record.fields, parents=[record.id], read=lambda c: {"answer": c.text})
            for record, chat in zip(questions, chats, strict=True)
        ]
