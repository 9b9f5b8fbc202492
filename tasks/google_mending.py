"""What people did between our reading and our writing, and how a cell that we hit by mistake gets its own value back.

Google has no write that says “only if the row is still there”: who sorts in that moment makes our cells land in other
rows of the same columns, which are ours. The software's own rows mend themselves, because every round writes what their
key says. This module looks after everything else in these columns, rows that the update does not speak of and lines
without a key, and after new rows that came twice, or whose columns moved while they came. Belongs here: the memory of
what stood where and what we wrote, and what must go back. Does not belong here: requests (`tasks.google_updates`), the
rounds (`tasks.google_sheets`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from mentoring.desk import Tab
from tasks.google_requests import Writes
from tasks.google_tabs import GoogleTab
from tasks.google_updates import TabPlan
from tasks.tab_updates import Key, group_by_key
from tasks.workbook_cells import trim

Texts = list[list[str]]
Texted = dict[tuple[int, int], str]


@dataclass(frozen=True)
class Damage:
    """What is to be mended: cells with what belongs there, and rows of ours with the words that are to go."""

    cells: Writes = field(default_factory=dict)
    rows: Mapping[int, Sequence[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.cells or self.rows)


@dataclass
class Memory:
    """One tab while it is written: how it should stand now, and everything that we wrote on it so far.

    `by_column` holds the texts that we wrote into a column of ours, in whatever row they are by now; `before` counts
    the rows that were there by key, `given` holds the new rows; `numbers` are the texts that Google kept as numbers.
    Columns are known by their marks, and counted as in the last reading; `has_moved` tells that they moved before it.
    """

    tab: Tab
    truth: Mapping[Key, frozenset[str]]
    texts: Texts = field(default_factory=list)
    marks: Mapping[int, Set[int]] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    by_column: dict[int, set[str]] = field(default_factory=dict)
    before: Counter[Key] = field(default_factory=Counter)
    given: dict[Key, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    numbers: dict[str, int | float] = field(default_factory=dict)
    has_moved: bool = False
    have_ever_moved: bool = False

    def read_key(self, row: Sequence[str]) -> Key:
        """The key of a row; blank where its column is gone."""
        places = (self.columns.get(heading, len(row)) for heading in self.tab.key)
        return tuple(row[place] if place < len(row) else "" for place in places)


# --- remembering ----------------------------------------------------------------------------------------------------


def remember(memory: Memory | None, plan: TabPlan, cells: Writes | None) -> Memory:
    """The memory of a tab after writing these cells, or the plan's shape if there are none."""
    if memory is None:
        memory = _begin(plan)
    memory.columns.update(plan.columns)
    memory.texts = [list(row) for row in plan.sheet.texts[: plan.sheet.last_row]]
    memory.marks = plan.sheet.marks
    if cells is None:
        _remember_shape(memory, plan)
        return memory
    told = {number: text for text, number in memory.numbers.items()}
    ours = {memory.columns.get(heading) for heading in memory.tab.list_headings("machine")}
    for (row, column), value in cells.items():
        text = trim(value) if isinstance(value, str) else told.get(value, str(value))
        _put(memory.texts, row, column, text)
        if column in ours:
            memory.by_column.setdefault(column, set()).add(text)
    return memory


def _begin(plan: TabPlan) -> Memory:
    truth = {
        key: frozenset(heading for row in rows for heading in row)
        for key, rows in group_by_key(plan.tab, plan.update.rows).items()
    }
    memory = Memory(plan.tab, truth)
    if plan.sheet.last_row:
        memory.before.update(map(plan.read_key_at, range(1, plan.sheet.last_row)))
    memory.numbers.update(_list_numbers(plan.sheet))
    return memory


def _list_numbers(sheet: GoogleTab) -> Iterator[tuple[str, int | float]]:
    for texts, raws in zip(sheet.texts, sheet.raws, strict=True):
        for text, raw in zip(texts, raws, strict=True):
            if isinstance(raw, (int, float)) and not isinstance(raw, bool):
                yield text, raw


def _remember_shape(memory: Memory, plan: TabPlan) -> None:
    for heading, place in plan.columns.items():
        _put(memory.texts, 0, place, heading)
    gone = set(plan.removed)
    memory.texts = [row for number, row in enumerate(memory.texts) if number not in gone]
    for cells in plan.appended:
        line: Texts = [[]]
        for column, value in cells.items():
            _put(line, 0, column, trim(str(value)))
        memory.texts += line
        memory.given[memory.read_key(line[0])] += line


def _put(texts: Texts, row: int, column: int, text: str) -> None:
    texts.extend([] for _ in range(row + 1 - len(texts)))
    texts[row].extend([""] * (column + 1 - len(texts[row])))
    texts[row][column] = text


# --- columns moved --------------------------------------------------------------------------------------------------


def _follow_columns(memory: Memory, sheet: GoogleTab) -> None:
    """Count everything that is kept by column as the columns stand now."""
    sources = _match_columns(memory, sheet)
    places = {source: place for place, source in sources.items()}
    width = max(sheet.last_column, 1 + max(sources, default=0))

    def lay_out(line: Sequence[str]) -> list[str]:
        found = (sources.get(place, len(line)) for place in range(width))
        return [line[source] if source < len(line) else "" for source in found]

    memory.has_moved = any(place != source for place, source in sources.items())
    memory.have_ever_moved |= memory.has_moved
    memory.texts = [lay_out(line) for line in memory.texts]
    for key, lines in memory.given.items():
        memory.given[key] = [lay_out(line) for line in lines]
    memory.columns = {heading: places[place] for heading, place in memory.columns.items() if place in places}
    memory.by_column = {places[place]: words for place, words in memory.by_column.items() if place in places}
    memory.marks = sheet.marks


def _match_columns(memory: Memory, sheet: GoogleTab) -> dict[int, int]:
    """Column now → column before: by their marks, those without by heading, and reworded headings by place."""
    known = {mark: place for place, marks in memory.marks.items() for mark in marks}
    sources = {place: known[mark] for place, marks in sheet.marks.items() for mark in marks if mark in known}
    before, now = (texts[0] if texts else [] for texts in (memory.texts, sheet.texts))
    taken = set(sources.values())
    headings = {heading: place for place, heading in enumerate(before) if heading and place not in taken}
    for place, heading in enumerate(now):
        if place not in sources and heading in headings:
            sources[place] = headings[heading]
    taken = set(sources.values())
    if len(list(filter(None, before))) == len(list(filter(None, now))):
        for place in range(min(len(before), len(now))):
            if place not in sources and place not in taken:
                sources[place] = place
    return sources


# --- rows moved -----------------------------------------------------------------------------------------------------


def find_damage(memory: Memory, sheet: GoogleTab) -> Damage:
    """What lies where it does not belong because we wrote it; nothing if all is well."""
    _follow_columns(memory, sheet)
    width = max(sheet.last_column, max(map(len, memory.texts), default=0))
    old = [_pad(row, width) for row in memory.texts]
    new = [_pad(row, width) for row in sheet.texts[: sheet.last_row]]
    if not old or not new:
        return Damage()
    mends = _mend_rows(memory, old, new)
    # A number, or a day, goes back as the number that it was.
    cells = {place: memory.numbers.get(text, text) for place, text in mends.items()}
    rows = sorted({*_find_doubles(memory, new), *_find_strays(memory, new)})
    return Damage(cells, {row: [text for text in new[row] if text] for row in rows})


def _pad(row: Sequence[str], width: int) -> tuple[str, ...]:
    return (*row[:width], *[""] * (width - len(row)))


def _strip(line: Sequence[str]) -> tuple[str, ...]:
    end = next((n for n in range(len(line), 0, -1) if line[n - 1]), 0)
    return tuple(line[:end])


def _mend_rows(memory: Memory, old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Texted:
    """Rows that the update does not speak of get back what stood in the columns that we write."""
    others = [column for column in range(len(old[0])) if column not in memory.by_column]
    index: dict[Key, list[Sequence[str]]] = defaultdict(list)
    for row in old:
        index[memory.read_key(row)].append(row)
    headings = {column: heading for heading, column in memory.columns.items()}
    mends: Texted = {}
    for number, row in enumerate(new):
        key = memory.read_key(row)
        ours = memory.truth.get(key, frozenset())
        suspects = [
            column
            for column, words in memory.by_column.items()
            if headings.get(column) not in ours and row[column] in words
        ]
        if suspects:
            own = _find_own(row, index.get(key, []), others, needs_all=not any(key))
            mends.update({(number, c): own[c] for c in suspects if own[c] != row[c]})
    return mends


def _find_own(
    row: Sequence[str], candidates: Sequence[Sequence[str]], others: Sequence[int], needs_all: bool
) -> Sequence[str]:
    """What this row was before: the most similar row with its key; without one, a row that says the same elsewhere.

    A row that was not there before had nothing in our columns.
    """

    def agreement(candidate: Sequence[str]) -> int:
        return sum(candidate[column] == row[column] for column in others)

    if needs_all:
        said = any(row[column] for column in others)
        candidates = [one for one in candidates if said and agreement(one) == len(others)]
    return max(candidates, key=agreement, default=[""] * len(row))


# --- new rows -------------------------------------------------------------------------------------------------------


def _find_doubles(memory: Memory, new: Sequence[Sequence[str]]) -> Iterator[int]:
    """Rows that came twice, because an answer of Google got lost, and that nobody wrote beside."""
    given = {key: set(map(_strip, lines)) for key, lines in memory.given.items()}
    places: dict[Key, list[int]] = defaultdict(list)
    for number, row in enumerate(new):
        key = memory.read_key(row)
        if key in given:
            places[key].append(number)
    for key, numbers in places.items():
        surplus = len(numbers) - max(memory.before[key], len(given[key]))
        doubles = [number for number in reversed(numbers) if _strip(new[number]) in given[key]]
        yield from doubles[: max(0, surplus)]


def _find_strays(memory: Memory, new: Sequence[Sequence[str]]) -> Iterator[int]:
    """Rows that came just when columns moved, with their words in wrong ones; cleared, they come again."""
    if not memory.have_ever_moved:
        return
    given = [(Counter(filter(None, line)), line) for lines in memory.given.values() for line in lines]
    for number, row in enumerate(new):
        words = Counter(filter(None, row))
        for all_words, line in given:
            # Who moves rows while one of them is cleared may leave a part of it.
            is_part = words <= all_words and 2 * words.total() >= all_words.total()
            if is_part and any(text and text != line[place] for place, text in enumerate(row)):
                yield number
                break
