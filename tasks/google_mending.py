"""What people did between our reading and our writing, and how a cell that we hit by mistake gets its own value back.

Google has no write that says “only if the row is still there”: who sorts in that moment makes our cells land in other
rows, who moves a column makes them land in another column. The software's own rows mend themselves, because every
round writes what their key says. This module looks after everything else: rows that the update does not speak of, lines
without a key, headings, people's columns. Belongs here: the memory of what stood where and what we wrote, and what must
go back. Does not belong here: requests (`tasks.google_updates`), the rounds (`tasks.google_sheets`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mentoring.desk import Cell, Tab
from tasks.google_requests import Writes
from tasks.google_tabs import GoogleTab
from tasks.google_updates import TabPlan, apply_plan
from tasks.tab_updates import Key, group_by_key

Texts = list[list[str]]
Texted = dict[tuple[int, int], str]


@dataclass
class Memory:
    """One tab while it is written: how it should stand now, and everything that we wrote on it so far.

    `by_column` and `by_row` hold the texts that we wrote into a column or row, wherever they are by now; `before`
    counts the rows that were there by key, `given` holds the new rows; `numbers` are the texts that Google kept as
    numbers.
    """

    tab: Tab
    texts: Texts
    columns: Mapping[str, int]
    truth: Mapping[Key, frozenset[str]]
    by_column: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_row: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    before: Counter[Key] = field(default_factory=Counter)
    given: dict[Key, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    numbers: dict[str, int | float] = field(default_factory=dict)

    @property
    def key_columns(self) -> list[int]:
        """Places of the columns by which rows are found."""
        return [self.columns[heading] for heading in self.tab.key]


def remember(memory: Memory | None, plan: TabPlan, mends: Writes) -> Memory:
    """The memory of a tab after writing `mends` alone or else the plan."""
    if memory is None:
        truth = {
            key: frozenset(heading for row in rows for heading in row)
            for key, rows in group_by_key(plan.tab, plan.update.rows).items()
        }
        memory = Memory(plan.tab, [], dict(plan.columns), truth)
        memory.before.update(map(plan.read_key_at, range(1, plan.sheet.last_row)))
        memory.numbers.update(_list_numbers(plan.sheet))
    if mends:
        memory.texts = [list(row) for row in plan.sheet.texts[: plan.sheet.last_row]]
        if all(heading in memory.texts[0] for heading in memory.tab.key):
            # People moved columns; what we wrote stays known by where it lies.
            places = {heading: column for column, heading in enumerate(memory.texts[0])}
            memory.columns = {heading: places[heading] for heading in memory.columns if heading in places}
        told = {number: text for text, number in memory.numbers.items()}
        for (row, column), value in mends.items():
            text = str(value) if isinstance(value, str) else told.get(value, str(value))
            _widen(memory.texts, row, column)
            memory.texts[row][column] = text
            _note(memory, row, column, text)
        return memory
    memory.columns = dict(plan.columns)
    memory.texts = apply_plan(plan)
    for (row, column), value in plan.writes.items():
        _note(memory, row, column, value)
    first_new = len(memory.texts) - len(plan.appended)
    for row, cells in enumerate(plan.appended, first_new):
        line = memory.texts[row]
        memory.given[_read_key(line, memory.key_columns)].add(_strip(line))
        for column, value in cells.items():
            memory.by_row[row].add(str(value).strip())
            memory.by_column[column].add(str(value).strip())
        memory.by_row[row].add("")
    return memory


def _list_numbers(sheet: GoogleTab) -> Iterator[tuple[str, int | float]]:
    for texts, raws in zip(sheet.texts, sheet.raws, strict=True):
        for text, raw in zip(texts, raws, strict=True):
            if isinstance(raw, (int, float)) and not isinstance(raw, bool):
                yield text, raw


def _note(memory: Memory, row: int, column: int, value: Cell | float) -> None:
    memory.by_row[row].add(str(value).strip())
    memory.by_column[column].add(str(value).strip())


def _widen(texts: Texts, row: int, column: int) -> None:
    texts.extend([] for _ in range(row + 1 - len(texts)))
    texts[row].extend([""] * (column + 1 - len(texts[row])))


def find_damage(memory: Memory, sheet: GoogleTab) -> Writes:
    """Cells that hold what we wrote for another place, with what belongs there; none if all is well."""
    width = max(sheet.last_column, max(map(len, memory.texts), default=0))
    old = [_pad(row, width) for row in memory.texts]
    new = [_pad(row, width) for row in sheet.texts[: sheet.last_row]]
    if not old or not new:
        return {}
    if _finds_headings(memory, old[0], new):
        mends = {**_mend_rows(memory, old, new), **_clear_doubles(memory, new)}
    else:
        mends = _mend_columns(memory, old, new)
    # A number, or a day, goes back as the number that it was.
    return {place: memory.numbers.get(text, text) for place, text in mends.items()}


def _pad(row: Sequence[str], width: int) -> tuple[str, ...]:
    return (*row[:width], *[""] * (width - len(row)))


def _strip(line: Sequence[str]) -> tuple[str, ...]:
    end = next((n for n in range(len(line), 0, -1) if line[n - 1]), 0)
    return tuple(line[:end])


def _read_key(row: Sequence[str], columns: Sequence[int]) -> Key:
    return tuple(row[column] if column < len(row) else "" for column in columns)


def _finds_headings(memory: Memory, headings: Sequence[str], new: Sequence[Sequence[str]]) -> bool:
    """Whether the columns are where they were: the same first row, or one that people pushed down."""
    if list(new[0]) == list(headings):
        return True
    wanted = _read_key(headings, memory.key_columns)
    return any(_read_key(row, memory.key_columns) == wanted for row in new[1:5])


# --- rows moved -----------------------------------------------------------------------------------------------------


def _mend_rows(memory: Memory, old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Texted:
    """Rows that the update does not speak of get back what stood in the columns that we write."""
    touched = sorted(memory.by_column)
    others = [column for column in range(len(old[0])) if column not in memory.by_column]
    index: dict[Key, list[Sequence[str]]] = defaultdict(list)
    for row in old:
        index[_read_key(row, memory.key_columns)].append(row)
    headings = {column: heading for heading, column in memory.columns.items()}
    mends: Texted = {}
    for number, row in enumerate(new):
        key = _read_key(row, memory.key_columns)
        ours = memory.truth.get(key, frozenset())
        suspects = [
            column
            for column in touched
            if headings.get(column) not in ours and row[column] in memory.by_column[column]
        ]
        if suspects:
            own = _find_own(row, index.get(key, []), others, needs_all=not any(key))
            mends.update({(number, c): own[c] for c in suspects if own[c] != row[c]})
    return mends


def _find_own(
    row: Sequence[str], candidates: Sequence[Sequence[str]], others: Sequence[int], needs_all: bool
) -> Sequence[str]:
    """What this row was before: the most similar row with its key; without one, a row that agrees elsewhere.

    A row that was not there before had nothing in our columns.
    """

    def agreement(candidate: Sequence[str]) -> int:
        return sum(candidate[column] == row[column] for column in others)

    if needs_all:
        candidates = [one for one in candidates if agreement(one) == len(others)]
    return max(candidates, key=agreement, default=[""] * len(row))


def _clear_doubles(memory: Memory, new: Sequence[Sequence[str]]) -> Texted:
    """A new row that is there twice, because an answer of Google got lost, is cleared where nobody wrote beside it."""
    places: dict[Key, list[int]] = defaultdict(list)
    for number, row in enumerate(new):
        key = _read_key(row, memory.key_columns)
        if key in memory.given:
            places[key].append(number)
    clears: Texted = {}
    for key, numbers in places.items():
        surplus = len(numbers) - max(memory.before[key], len(memory.given[key]))
        doubles = [number for number in reversed(numbers) if _strip(new[number]) in memory.given[key]]
        for number in doubles[: max(0, surplus)]:
            clears.update({(number, column): "" for column, text in enumerate(new[number]) if text})
    return clears


# --- columns moved --------------------------------------------------------------------------------------------------


def _mend_columns(memory: Memory, old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Texted:
    """Cells that hold what we wrote, but for another column, get back what stood in theirs.

    Rows may have moved as well.
    """
    sources = _match_columns(old[0], new[0])
    laid_out: list[Sequence[str]] = [
        [row[sources[c]] if c in sources else "" for c in range(len(new[0]))] for row in old
    ]
    places = {source: column for column, source in sources.items()}
    key_columns = [places[column] for column in memory.key_columns if column in places]
    by_key = {_read_key(row, key_columns): row for row in reversed(laid_out[1:])}
    everything = set().union(*memory.by_row.values())
    headings = {places[column]: heading for heading, column in memory.columns.items() if column in places}
    mends: Texted = {}
    for number, row in enumerate(new[1:], start=1):
        own: Sequence[str] = laid_out[number] if number < len(laid_out) else [""] * len(row)
        differing = [column for column, text in enumerate(row) if text != own[column]]
        hit = [column for column in differing if row[column] in memory.by_row.get(number, ())]
        if len(differing) - len(hit) > 1:
            # More than one cell that our writing does not explain: another row is here now. Its key tells which.
            key = _read_key(row, key_columns)
            own = by_key.get(key, row) if len(key_columns) == len(memory.tab.key) and any(key) else row
            ours = memory.truth.get(key, frozenset())
            hit = [c for c, text in enumerate(row) if text in everything and headings.get(c) not in ours]
        mends.update({(number, column): own[column] for column in hit if own[column] != row[column]})
    return mends


def _match_columns(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Column now → column before: by heading, and where a heading was only reworded, by place."""
    places = {heading: column for column, heading in reversed(list(enumerate(old))) if heading}
    sources = {column: places[heading] for column, heading in enumerate(new) if heading in places}
    taken = set(sources.values())
    if len([heading for heading in old if heading]) == len([heading for heading in new if heading]):
        for column in range(len(new)):
            if column not in sources and column not in taken and column < len(old):
                sources[column] = column
    return sources
