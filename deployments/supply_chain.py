"""What the program is made of: an audit of the locked packages, a list of parts (CycloneDX), and their licences.

For whoever maintains the program (`make audit`, `make sbom`, `make licences`); needs the dev requirements. Belongs
here: reading the lock files, and judging what the tools say about them. Does not belong here: looking for
vulnerabilities (pip-audit does), the format of the list (cyclonedx-python-lib).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mentoring.errors import PlainError

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom

ROOT = Path(__file__).resolve().parent.parent
RUNTIME_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
LICENCES = ROOT / "docs" / "licences.md"

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_SHOWN = 8
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class SupplyChainError(PlainError):
    """The packages can't be looked at; the text is one sentence with the mend."""


@dataclass(frozen=True)
class LockedPackage:
    """One line of a lock file: a package, its version, and the SHA-256 of every file that may be installed for it."""

    name: str
    version: str
    hashes: tuple[str, ...]


def read_lock(path: Path) -> list[LockedPackage]:
    """The packages of a lock file, those for other systems included. Raises `SupplyChainError` for one without hash."""
    found: list[LockedPackage] = []
    for entry in re.split(r"\n(?=\S)", path.read_text(encoding="utf-8")):
        pinned = _PINNED.match(entry)
        if pinned:
            found.append(LockedPackage(pinned[1].lower(), pinned[2], tuple(_HASH.findall(entry))))
    bare = [package.name for package in found if not package.hashes]
    if bare or not found:
        raise SupplyChainError(
            f"{path.name} does not pin {bare[0] if bare else 'anything'} by hash; run “make lock”."
        )
    return found


def judge_audit(reports: Sequence[Mapping[str, Any]], locked: Sequence[LockedPackage]) -> list[str]:
    """What is wrong, a sentence each: vulnerabilities, and packages that are locked but were not audited."""
    entries = [entry for report in reports for entry in report.get("dependencies", ())]
    audited = {(entry["name"].lower(), entry["version"]) for entry in entries if "skip_reason" not in entry}
    missed = [package.name for package in locked if (package.name, package.version) not in audited]
    problems = [
        f"{entry['name']} {entry['version']}: {vulnerability['id']}, mended in "
        f"{', '.join(vulnerability.get('fix_versions', ())) or 'no release yet'}."
        for entry in entries
        for vulnerability in entry.get("vulns", ())
    ]
    if missed:
        problems.append(
            f"Of {len(locked)} locked packages {len(locked) - len(missed)} were audited; not audited: "
            f"{', '.join(missed[:_SHOWN])}{' and others' if len(missed) > _SHOWN else ''}."
        )
    return problems


def audit_lock(path: Path, options: Sequence[str] = ()) -> list[str]:
    """Ask pip-audit about every locked package; `options` go to it. Raises `SupplyChainError` if it gives no answer."""
    locked = read_lock(path)
    with TemporaryDirectory() as folder:
        reports = [_run_audit(names, Path(folder), options) for names in _split_rounds(locked)]
    return judge_audit(reports, locked)


def _split_rounds(locked: Sequence[LockedPackage]) -> list[list[str]]:
    """Lines for pip-audit, without the conditions for which it would leave packages out; one version a round."""
    rounds: dict[int, list[str]] = defaultdict(list)
    seen: Counter[str] = Counter()
    for package in locked:
        rounds[seen[package.name]].append(f"{package.name}=={package.version}")
        seen[package.name] += 1
    return list(rounds.values())


def _run_audit(lines: Sequence[str], folder: Path, options: Sequence[str]) -> Mapping[str, Any]:
    asked = folder / "requirements.txt"
    asked.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(asked), "--no-deps", "--disable-pip"]
    shown = ["--format", "json", "--progress-spinner", "off", *options]
    done = subprocess.run([*command, *shown], capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    try:
        report: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise SupplyChainError(
            f"Nothing was audited: pip-audit got no answer from its list of vulnerabilities ({last[0][:200]}); run it "
            "where that list can be reached."
        ) from None
    return report


def make_bom(locked: Sequence[LockedPackage]) -> Bom:
    """The list of parts: every locked package with its hashes, its address and, where it is installed, its licence."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    bom = Bom()
    version = metadata.version("mentoring")
    program = Component(
        name="mentoring", version=version, type=ComponentType.APPLICATION, bom_ref="mentoring"
    )
    bom.metadata.component = program
    make_licence = LicenseFactory().make_from_string
    for package in locked:
        licence = find_licence(package.name)
        address = PackageURL("pypi", name=package.name, version=package.version)
        part = Component(
            name=package.name,
            version=package.version,
            type=ComponentType.LIBRARY,
            bom_ref=str(address),
            purl=address,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in package.hashes],
            licenses=[make_licence(licence)] if licence else [],
        )
        bom.components.add(part)
        bom.register_dependency(program, [part])
    return bom


def find_licence(name: str) -> str:
    """The licence that an installed package declares, in a few words; empty if it is not installed here."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classified = [
        line.rpartition(" :: ")[2]
        for line in told.get_all("Classifier") or ()
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    expressed, stated = (
        (told.get_all(name) or [""])[0].strip() for name in ("License-Expression", "License")
    )
    # Some put the whole text of their licence there.
    first = stated if stated and len(stated) <= 60 and "\n" not in stated else ""
    return expressed or "; ".join(classified) or first or "see its own files"


def list_licences(locked: Sequence[LockedPackage]) -> Iterator[str]:
    """The table of `docs/licences.md`, without versions: those are in the lock file."""
    yield "| package | licence |"
    yield "|---|---|"
    for name in sorted({package.name for package in locked}):
        yield f"| {name} | {find_licence(name) or 'only for other systems or versions of Python'} |"


def write_licences(path: Path = LICENCES) -> None:
    """Write the table anew below the file's introduction."""
    head = path.read_text(encoding="utf-8").partition("| package |")[0]
    path.write_text(head + "\n".join(list_licences(read_lock(RUNTIME_LOCK))) + "\n", encoding="utf-8")


def write_sbom(path: Path) -> None:
    """Write the runtime's list of parts as CycloneDX JSON."""
    from cyclonedx.output.json import JsonV1Dot6

    bom = make_bom(read_lock(RUNTIME_LOCK))
    path.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n", encoding="utf-8")


def main(words: Sequence[str]) -> int:
    """`audit`, `sbom FILE` or `licences`; returns the exit status."""
    if words[:1] == ["audit"]:
        try:
            problems = audit_lock(DEV_LOCK, words[1:])
        except SupplyChainError as error:
            problems = [str(error)]
        else:
            if not problems:
                print(f"Audited all {len(read_lock(DEV_LOCK))} locked packages; no known vulnerability.")
        for problem in problems:
            print(problem, file=sys.stderr)
        return 1 if problems else 0
    if words[:1] == ["sbom"]:
        write_sbom(Path(words[1]))
        print(f"Wrote {words[1]}")
        return 0
    if words == ["licences"]:
        write_licences()
        return 0
    print("Use: audit, sbom FILE, licences", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
