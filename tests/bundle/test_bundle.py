"""A bundle verifies with nothing but itself, and a changed byte anywhere in it is found."""

import ast
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hindsight.cli.bundle import names_of
from hindsight.cli.main import main
from tasks.bundle import verify as verifier
from tasks.bundle.verify import Off, sealed, spelled, verify
from tasks.bundle.write import NoResults, TargetTaken, write_bundle
from tasks.store.digests import sha256_of_file, sha256_of_json
from tasks.store.refs import ArtifactSpec
from tasks.store.store import Store
from tests.store.small_artifact import SmallConfig


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def reseal(folder: Path, edit: Callable[[dict[str, Any]], None] = lambda manifest: None) -> None:
    """Write the manifest anew, as a forger would who knows how: with every file's present size and sha256."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for entry in manifest["files"]:
        file = folder / entry["path"]
        entry |= {"size": file.stat().st_size, "sha256": sha256_of_file(file)}
    edit(manifest)
    manifest.pop("seal")
    (folder / "manifest.json").write_bytes(spelled(sealed(manifest)))


def edit_json(file: Path, edit: Callable[[Any], None]) -> None:
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))


def one(folder: Path, pattern: str) -> Path:
    [found] = folder.glob(pattern)
    return found


def test_the_folder_verifies_itself_by_the_standard_library_alone_without_store_network_and_project(bundle, tmp_path):
    # -I: no site-packages of the user, no PYTHONPATH, no current folder. -S: no site-packages at all.
    command = [sys.executable, "-I", "-S", str(bundle / "verify.py")]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("verified\n")
    assert "their lineage is complete" in done.stdout
    assert (bundle / "verify.py").read_bytes() == Path(verifier.__file__).read_bytes()


def run_readme(folder: Path) -> list[str]:
    """The output of each command of README.txt, run one after another in the folder."""
    commands = [line.strip() for line in (folder / "README.txt").read_text().splitlines() if line.startswith("    ")]
    assert commands[-1] == "python -I verify.py"
    runs = [shlex.split(command.replace("python", sys.executable, 1)) for command in commands]
    done = [subprocess.run(run, cwd=folder, capture_output=True, text=True) for run in runs]
    return [one.stdout for one in done]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum")
def test_the_readmes_commands_find_a_forger_of_every_file_before_the_folders_code_runs(bundle):
    given = sha256_of_file(bundle / "manifest.json")
    manifest, entry, script, verified = run_readme(bundle)
    assert manifest.split()[0] == given
    assert f'"sha256": "{script.split()[0]}"' in entry
    assert f"sha256 of manifest.json: {given}\n" in verified
    # The forged verifier prints what the true one does.
    (bundle / "report.html").write_text("better")
    (bundle / "verify.py").write_text(f"print({verified!r}, end='')\n")
    manifest, entry, script, forged = run_readme(bundle)
    assert forged == verified
    assert manifest.split()[0] == given
    assert script.split()[0] not in entry
    reseal(bundle)
    manifest, entry, script, forged = run_readme(bundle)
    assert forged == verified
    assert script.split()[0] in entry
    assert manifest.split()[0] != given


def test_the_verifier_runs_no_module_that_was_put_beside_it(bundle):
    (bundle / "json.py").write_text("print('verified')\nraise SystemExit(0)\n")
    done = subprocess.run([sys.executable, "-I", "verify.py"], cwd=bundle, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "OFF: json.py is not in the manifest.\n"


def npy(header: str, values: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + values


SHAPE = "{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {})}}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("manifest.json", b'{"seal": NaN}', "manifest.json is not JSON: it has the number NaN"),
        ("manifest.json", b'{"schema_version": 1, "seal": 1e999}', "manifest.json was changed"),
        ("manifest.json", b'{"schema_version": 1, "seal": "", "files": 1e999}', "cannot be read: ValueError"),
        ("manifest.json", b'{"schema_version": 1, "seal": "", "report": "\\ud800"}', "cannot be read: Unicode"),
        ("manifest.json", b"[" * 200_000, "manifest.json is not JSON: "),
        ("manifest.json", b'{"size": ' + b"9" * 5_000 + b"}", "manifest.json is not JSON: "),
        ("draws.npy", b"\x93NUMPY", "cannot be read: IndexError"),
        ("draws.npy", npy("{'descr': "), "cannot be read: SyntaxError"),
        ("draws.npy", npy("-" * 60_000 + "1"), "cannot be read: "),
        ("draws.npy", npy(SHAPE.format(1, 1), b"odd"), "cannot be read: ValueError"),
        ("draws.npy", npy(SHAPE.format(10**15, 7)), "the draws have 0 values, and their header says 1000000000000000"),
        ("draws.npy", npy(SHAPE.format(10**15, 0)), "the draws have 0 values, and their header says 1000000000000000"),
    ],
)
def test_hostile_input_is_off_and_no_traceback(bundle, capsys, name, content, message):
    if name == "manifest.json":
        (bundle / name).write_bytes(content)
    else:
        forge_draws(bundle, content)
    assert verifier.main([str(bundle)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("OFF: ")
    assert message in error


def test_the_verifier_imports_the_standard_library_alone():
    tree = ast.parse(Path(verifier.__file__).read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in named} <= sys.stdlib_module_names


def test_every_figure_and_every_interval_is_computed_again_from_the_draws(written):
    results = json.loads((written / "results.json").read_text())
    n_intervals = sum(own["low"] is not None for own in results["figures"])
    assert n_intervals == len(results["figures"]) == 49
    assert f"49 figures equal the scores, {n_intervals} intervals equal those computed from the draws" in verify(
        written
    )


def test_two_bundles_of_one_run_are_equal(run, written, tmp_path):
    write_bundle(*run, tmp_path / "again")
    assert [(path.relative_to(written), path.read_bytes()) for path in files_of(written)] == [
        (path.relative_to(tmp_path / "again"), path.read_bytes()) for path in files_of(tmp_path / "again")
    ]


@pytest.mark.parametrize("place", [0, -1, "middle"])
def test_a_flipped_bit_in_any_file_is_found_and_the_file_is_named(bundle, place):
    files = files_of(bundle)
    assert len(files) > 20
    for file in files:
        content = file.read_bytes()
        at = len(content) // 2 if place == "middle" else place % len(content)
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(Off, match=file.name):
            verify(bundle)
        file.write_bytes(content)
    verify(bundle)


def test_a_missing_file_an_added_one_and_a_link_are_named(bundle):
    (bundle / "extra.txt").write_text("")
    with pytest.raises(Off, match=r"extra\.txt is not in the manifest"):
        verify(bundle)
    (bundle / "extra.txt").unlink()
    (bundle / "README.txt").rename(bundle.parent / "elsewhere.txt")
    with pytest.raises(Off, match=r"README\.txt is missing"):
        verify(bundle)
    (bundle / "README.txt").symlink_to(bundle.parent / "elsewhere.txt")
    with pytest.raises(Off, match=r"README\.txt is a link"):
        verify(bundle)
    (bundle / "README.txt").unlink()
    (bundle.parent / "elsewhere.txt").rename(bundle / "README.txt")
    (bundle / "artifacts").rename(bundle.parent / "artifacts")
    (bundle / "artifacts").symlink_to(bundle.parent / "artifacts")
    with pytest.raises(Off, match="artifacts is a link"):
        verify(bundle)


def test_a_forged_figure_is_found_although_the_manifest_is_written_anew(bundle):
    def better(results: Any) -> None:
        results["figures"][0]["point"] += 0.01

    edit_json(bundle / "results.json", better)
    reseal(bundle)
    with pytest.raises(Off, match=r"results.json is not the file results.json of report/.*, by that artifact's record"):
        verify(bundle)


def seal_record(file: Path, edit: Callable[[Any], None]) -> None:
    """Forge a record too: with the digests of the forged files, and its own seal."""

    def forge(record: Any) -> None:
        edit(record)
        record.pop("seal")
        record["seal"] = sha256_of_json(record)

    edit_json(file, forge)


def forge_file(folder: Path, kind: str, file: Path, edit: Callable[[Any], None] = lambda record: None) -> str:
    """Forge the record of a changed file's artifact, and the manifest; the artifact's new digest."""
    blob = {"sha256": sha256_of_file(file), "size": file.stat().st_size}

    def rewrite(record: Any) -> None:
        edit(record)
        for entry in record["files"]:
            if entry["path"] == file.name:
                entry |= {**blob, "blobs": [blob]}

    record = one(folder, f"artifacts/{kind}/*/*/record.json")
    seal_record(record, rewrite)
    digest = digest_of(record)
    path = record.parent.relative_to(folder / "artifacts").as_posix()

    def update(manifest: Any) -> None:
        next(entry for entry in manifest["artifacts"] if entry["path"] == path)["digest"] = digest

    reseal(folder, update)
    return digest


def digest_of(record: Path) -> str:
    return sha256_of_json(sorted([own["path"], own["sha256"]] for own in json.loads(record.read_text())["files"]))


def forge_results(folder: Path, edit: Callable[[Any], None]) -> None:
    """Forge results.json, the report's record and the manifest; the scores stay."""
    edit_json(folder / "results.json", edit)
    forge_file(folder, "report", folder / "results.json")


def forge_draws(folder: Path, content: bytes) -> None:
    """Forge the draws, and all that names their artifact's digest: records, results.json and the manifest."""
    file, results = one(folder, "artifacts/premium/*/*/draws.npy"), folder / "results.json"
    old = digest_of(file.with_name("record.json"))
    file.write_bytes(content)
    new = forge_file(folder, "premium", file)
    results.write_text(results.read_text().replace(old, new))
    forge_file(folder, "report", results, lambda record: record["inputs"]["premium"].update(digest=new))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda results: results["figures"][0].update(point=0.5), "the scores have"),
        (lambda results: results["findings"][0]["figures"][0].update(high=0.5), "the scores have"),
        (
            lambda results: results["figures"][0].update(artifact="0" * 64),
            "premium artifact that is not in this bundle",
        ),
        (
            lambda results: results["claims"][0].update(evidence=["0" * 64]),
            "evidence 000000000000 that no record holds",
        ),
        (lambda results: results["claims"][0].update(status="verified", evidence=[]), "verified, without evidence"),
    ],
)
def test_results_are_compared_with_the_scores_even_if_record_and_manifest_are_forged(bundle, edit, message):
    forge_results(bundle, edit)
    with pytest.raises(Off, match=message):
        verify(bundle)


def test_an_input_that_is_another_artifact_is_found(bundle):
    def other(record: Any) -> None:
        record["inputs"]["panel"]["digest"] = "0" * 64

    seal_record(one(bundle, "artifacts/premium/*/*/record.json"), other)
    reseal(bundle)
    with pytest.raises(
        Off, match=r"the record of premium/.* has panel panel/.*, digest 000000000000: not in this bundle"
    ):
        verify(bundle)


def test_prices_and_texts_are_named_by_digest_alone(written):
    names = {path.name for path in files_of(written)}
    assert {"scores.json", "draws.npy", "two_way.npy", "statement.json", "ledger.json", "model_card.md"} <= names
    assert not {"rows.parquet", "states.npy", "metrics.jsonl"} & names
    manifest = json.loads((written / "manifest.json").read_text())
    panel = next(entry for entry in manifest["artifacts"] if entry["path"].startswith("panel/"))
    assert (panel["files"], panel["n_files"]) == ([], 1)


def test_a_taken_folder_and_a_report_without_results_are_refused(run, tmp_path):
    store, report = run
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    with pytest.raises(TargetTaken, match="is not an empty folder"):
        write_bundle(store, report, tmp_path / "taken")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "report.html").write_text("old")
    old = Store(str(tmp_path / "store"), tmp_path / "cache")
    ref = old.publish(ArtifactSpec("report", "old", 1, SmallConfig()), tmp_path / "old", {}, 1.0)
    with pytest.raises(NoResults, match="Run the recipe again"):
        write_bundle(old, ref, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_the_commands_write_and_verify_and_say_what_is_off(run, tmp_path, capsys, monkeypatch):
    store, report = run
    monkeypatch.setenv("HINDSIGHT_STORE", store.url)
    folder = tmp_path / "for-the-committee"
    assert main(["bundle", report.path, "--to", str(folder)]) == 0
    said = f"sha256 of manifest.json: {sha256_of_file(folder / 'manifest.json')}\n"
    assert said in capsys.readouterr().out
    assert main(["verify", str(folder)]) == 0
    assert said in capsys.readouterr().out
    (folder / "report.html").write_text("better")
    assert main(["verify", str(folder)]) == 1
    assert "OFF: report.html was changed" in capsys.readouterr().err


def test_runs_of_the_store_are_compared_on_one_page(run, tmp_path, capsys, monkeypatch):
    store, report = run
    monkeypatch.setenv("HINDSIGHT_STORE", store.url)
    file = tmp_path / "pages" / "runs.html"
    latest = f"report/{report.label}/latest"
    assert main(["compare", report.path, latest, "--to", str(file), "--title", "One <run>"]) == 0
    assert capsys.readouterr().out == f"2 runs: {file}\n"
    page = file.read_text()
    assert "<h1>One &lt;run&gt;</h1>" in page
    assert report.path in page
    assert latest in page
    assert main(["compare", report.path, "report/none/0123456789abcdef"]) == 1
    assert "no artifact report/none/0123456789abcdef" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        (["a/run.yaml", "b/run.yaml"], ["a/run.yaml", "b/run.yaml"]),
        (["a/run.yaml", "b/other.yaml", "smoke"], ["run", "other", "smoke"]),
        (["smoke", "own/smoke.yaml"], ["smoke", "own/smoke.yaml"]),
    ],
)
def test_every_run_to_be_compared_has_a_name_of_its_own(runs, names):
    assert names_of(runs) == dict(zip(names, runs, strict=True))


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "0 runs to compare; name two or more"),
        (["smoke"], "1 runs to compare"),
        (["smoke", "smoke"], "smoke is given twice"),
    ],
)
def test_fewer_than_two_runs_are_not_compared(tmp_path, capsys, run, monkeypatch, runs, message):
    monkeypatch.setenv("HINDSIGHT_STORE", run[0].url)
    file = tmp_path / "runs.html"
    assert main(["compare", *runs, "--to", str(file)]) == 1
    assert message in capsys.readouterr().err
    assert not file.exists()
