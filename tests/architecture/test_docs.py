"""The documents name everything that there is, and nothing that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.cli import app
from flows import FLOW_NAMES
from mentoring.desk import MATCH_DECISIONS, MESSAGE_DECISIONS, REQUEST_DECISIONS, RULES, TABS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "deployments/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
OPERATORS = [ROOT / "README.md", ROOT / "docs" / "operator-guide.md"]
COMMANDS = sorted(item.name or item.callback.__name__ for item in app.registered_commands if item.callback)
LARGEST_PICTURE = 300_000

_LINK = re.compile(r"(!?)\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

by_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def read(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def list_links(document: Path, pictures: bool) -> Iterator[str]:
    """Targets of links, or of pictures, that lie in this project."""
    for mark, target in _LINK.findall(_FENCE.sub("", read(document))):
        if bool(mark) == pictures and not re.match(r"[a-z]+:", target):
            yield target


def list_anchors(document: Path) -> set[str]:
    """The names under which a document's headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", read(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@by_document
def test_every_picture_is_there_and_small(document: Path) -> None:
    pictures = [document.parent / target for target in list_links(document, pictures=True)]
    assert [path.name for path in pictures if not path.is_file()] == []
    assert [path.name for path in pictures if path.stat().st_size > LARGEST_PICTURE] == []


@by_document
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    lost = []
    for target in list_links(document, pictures=False):
        name, _, anchor = target.partition("#")
        place = document.parent / name if name else document
        if not place.exists() or (anchor and anchor not in list_anchors(place)):
            lost.append(target)
    assert lost == []


@by_document
def test_every_picture_says_in_words_what_it_shows(document: Path) -> None:
    assert re.findall(r"!\[\s*\]\([^)]*\)", read(document)) == []


def test_every_picture_in_the_folder_is_shown_somewhere() -> None:
    shown = {Path(target).name for document in DOCUMENTS for target in list_links(document, pictures=True)}
    assert {path.name for path in (ROOT / "docs" / "pictures").iterdir()} - shown == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert any(f"`mentoring {command}" in read(document) for document in OPERATORS)


@pytest.mark.parametrize("flow", FLOW_NAMES)
def test_every_flow_is_documented(flow: str) -> None:
    assert any(f"`{flow}`" in read(document) for document in OPERATORS)


def test_no_document_names_a_command_that_does_not_exist() -> None:
    for document in DOCUMENTS:
        named = set(
            re.findall(
                r"(?:^|[/ ])mentoring ([a-z]+(?:-[a-z]+)*)", "\n".join(_list_code(document)), re.MULTILINE
            )
        )
        assert named - set(COMMANDS) == set(), document.name


def _list_code(document: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", read(document)) + _FENCE.findall(read(document))


def test_no_document_names_a_make_target_that_does_not_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    for document in DOCUMENTS:
        assert set(re.findall(r"\bmake ([a-z-]+)", "\n".join(_list_code(document)))) - targets == set(), (
            document.name
        )


@pytest.mark.parametrize("tab", list(TABS))
def test_the_committee_reads_of_every_tab_and_of_what_it_writes_there(tab: str) -> None:
    guide = read(ROOT / "docs" / "committee-guide.md")
    section = guide.partition(f"\n### {tab}\n")[2].partition("\n### ")[0]
    assert f"](pictures/desk-{tab.lower()}.png)" in section
    [row] = [line for line in guide.splitlines() if line.startswith(f"| [`{tab}`]")]
    assert re.findall(r"\*([^*]+)\*", row.split("|")[2]) == TABS[tab].list_headings("people")


def test_the_committee_reads_of_every_decision_and_rule() -> None:
    guide = read(ROOT / "docs" / "committee-guide.md")
    words = (*MATCH_DECISIONS, *REQUEST_DECISIONS, *MESSAGE_DECISIONS, *RULES)
    assert [word for word in words if f"**{word}**" not in guide and f"\n| {word} |" not in guide] == []


def test_each_threat_is_held_by_a_test_that_exists() -> None:
    page = read(ROOT / "docs" / "threat-model.md")
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 40
    tables = page.partition("\n## What people write\n")[2]
    threats = [line for line in tables.splitlines() if line.startswith("| ") and "| held by |" not in line]
    assert [line for line in threats if "`" not in line.split(" | ")[-1]] == []
    for place, test in named:
        path = ROOT / "tests" / place
        assert path.is_file(), place
        assert not test or f"def {test}(" in read(path), f"{place}::{test}"


def list_steps(flow: str) -> list[str]:
    """The steps of a flow that Prefect shows, in their order, read from its source."""
    names = dict(re.findall(r'^(\w+) = _step\("(.+)"\)', read(ROOT / "tasks" / "steps.py"), re.MULTILINE))
    source = read(ROOT / "flows" / f"{flow.replace('-', '_')}.py")
    if "update_proposals(" in source:
        source = source.replace("update_proposals(", read(ROOT / "flows" / "proposing.py"))
    used = re.findall(r"steps\.(\w+)\(", source)
    return list(dict.fromkeys(names[name] for name in used if name in names))


@pytest.mark.parametrize("flow", FLOW_NAMES)
def test_the_runbook_says_what_to_do_when_a_step_is_red(flow: str) -> None:
    runbook = read(ROOT / "docs" / "operator-guide.md").partition("## Runbook")[2].partition("\n## ")[0]
    parts = re.split(r"\n(?=\*\*`)", runbook)
    [part] = [part for part in parts if f"**`{flow}`**" in part.splitlines()[0]]
    rows = [row.split("|")[1].strip() for row in part.splitlines() if row.startswith("| ")]
    assert rows[0] == "step"
    steps = list_steps(flow)
    assert len(steps) >= 4
    told: set[str] = set()
    for row in rows[1:]:
        first, _, last = row.partition("up to ")
        told |= set(steps[: steps.index(last) + 1]) if last else set(first.split(", "))
    assert set(steps) - told == set()
