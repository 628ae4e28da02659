"""What `hindsight` says to a wrong command line, and that its help is complete."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
from cyclopts import App
from prefect.client.schemas import FlowRun
from prefect.states import Completed

from hindsight.cli.main import app, main
from tasks.recipe import load_recipe, recipe_file, shipped_recipes


def commands(found: App, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command with its words, such as ("store", "ls")."""
    for name in found:
        if not name.startswith("-"):
            yield (*words, name), found[name]
            yield from commands(found[name], (*words, name))


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr().err
    assert printed.startswith("hindsight: ")
    assert len(printed.splitlines()) == 1
    return printed


def test_these_are_the_commands() -> None:
    assert {" ".join(words) for words, _ in commands(app)} == {
        *("demo", "up", "down", "run", "plan", "follow", "runs", "stage-prices", "install-trainer", "install-export"),
        *("bundle", "verify", "compare", "doctor", "gpu-trial", "serve", "metrics"),
        *("versions", "versions ls", "versions show", "versions diff", "versions register", "versions stage"),
        *("versions promote", "versions deprecate", "versions rollback", "versions resume", "versions page"),
        *(
            "store",
            "store ls",
            "store show",
            "store verify",
            "store gc",
            "store forget",
            "store export",
            "store get",
            "store leases",
        ),
        *("rent", "rent offers", "rent ls", "rent start", "rent stop"),
        *("formulas", "formulas show", "formulas compute", "formulas samples"),
        *("attest", "attest keygen", "attest sign", "attest verify", "attest show", "attest boundary"),
    }


def test_every_command_has_a_help_text_and_examples_that_parse(capsys: pytest.CaptureFixture[str]) -> None:
    for words, command in commands(app):
        assert main([*words, "--help"]) == 0
        shown = capsys.readouterr().out
        assert command.help or command.default_command.__doc__
        examples = [line.strip() for line in shown.splitlines() if f"hindsight {' '.join(words)}" in line]
        assert len(examples) >= (2 if words not in (("store",), ("attest",), ("versions",)) else 1), shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pln"], 'Unknown command "pln". Did you mean "plan"?'),
        (["store", "verfy"], 'Unknown command "verfy". Did you mean "verify"?'),
        (["plan", "smoke", "--form-stage", "merge"], "Unknown option: --form-stage"),
        (["store", "show"], "parameter PATH requires an argument. `hindsight store show --help` shows how"),
        (["store", "gc", "--older-than-hours", "soon"], "soon"),
        (["store", "ls", "train", "merge"], "merge"),
        (
            ["run"],
            "which recipe? audit-smoke, audit-smollm2-fx, audit-smollm2, direction-fx, fineweb-2017-26-full-weight, ",
        ),
        (["plan"], "which recipe? "),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_exit_status_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert sentence in refusal(capsys)


@pytest.mark.parametrize("command", ["run", "plan", "demo"])
def test_an_unknown_recipe_is_answered_with_the_nearest(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "smke"]) == 1
    assert "recipe 'smke' is neither a file nor one of the project's; did you mean smoke?" in refusal(capsys)
    assert main([command, "configs/fineweb-2017-26-lra.yaml"]) == 1
    assert "did you mean fineweb-2017-26-lora" in refusal(capsys)


def test_the_projects_recipes_are_found_by_name_and_others_by_path(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_recipe(recipe_file("smoke")).name == "smoke"
    own = tmp_path / "own.yaml"
    own.write_text(shipped_recipes()["smoke"].read_text().replace("name: smoke", "name: own"))
    assert load_recipe(recipe_file("own.yaml")).name == "own"
    assert "prices" not in shipped_recipes()


def test_a_demo_of_a_recipe_without_a_deployment_names_what_runs_it(tmp_path: Path, capsys) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(shipped_recipes()["smoke"].read_text())
    assert main(["demo", str(own)]) == 1
    assert f"has no deployment; `hindsight run {own}` runs it" in refusal(capsys)


def test_the_shell_completes_commands(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(app.generate_completion(shell="bash"))  # noqa: S604 (names a shell, starts none)
    asked = """
    source "$1"; function=$(complete -p hindsight | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
    COMP_WORDS=(hindsight store ver); COMP_CWORD=2; $function; echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(["bash", "-c", asked, "bash", str(script)], capture_output=True, text=True)
    assert done.stdout.split() == ["verify"], done.stderr


def test_a_store_that_does_not_exist_and_a_bad_address_are_refused(
    own_state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["store", "ls"], ["store", "leases", "--overdue"], ["attest", "show", "corpus/letters/latest"]):
        assert main(words) == 1
        assert f"store {own_state / 'store'} is no folder; the first run makes it" in refusal(capsys)
    (own_state / "store").mkdir(parents=True)
    assert main(["store", "ls"]) == 0
    assert capsys.readouterr().out == f"0 artifacts, 0.00 MB in {own_state / 'store'}\n"
    monkeypatch.setenv("HINDSIGHT_STORE", "s3:/bucket/x")
    assert main(["store", "ls"]) == 1
    assert "HINDSIGHT_STORE='s3:/bucket/x' is neither a folder nor s3://bucket/prefix" in refusal(capsys)
    monkeypatch.setenv("HINDSIGHT_STORE", "gs://bucket/prefix")
    assert main(["store", "ls"]) == 1
    assert "HINDSIGHT_STORE='gs://bucket/prefix' is neither a folder nor s3://bucket/prefix" in refusal(capsys)


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "file"))
    assert main(["plan", "smoke"]) == 1
    assert "Not a directory" in refusal(capsys) or "cannot be written" in refusal(capsys)


def test_a_deployment_is_a_flow_and_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["follow", "smoke"]) == 1
    assert "deployment 'smoke' is not FLOW/NAME, such as leakage-premium/smoke" in refusal(capsys)


def test_a_run_without_a_report_is_followed_to_the_sentence_that_it_ends_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Completed(name="Kept", message="forex: v2 is kept as a candidate.")
    monkeypatch.setattr("flows.runner.follow.follow", lambda deployment: FlowRun(flow_id=uuid4(), state=kept))
    assert main(["follow", "live-update/live-forex-smoke"]) == 0
    assert capsys.readouterr().out == "Kept: forex: v2 is kept as a candidate.\n"


def test_an_unknown_provider_of_the_environment_is_refused_too(monkeypatch, capsys) -> None:
    monkeypatch.setenv("HINDSIGHT_PROVIDER", "vesl")
    assert main(["plan", "smoke"]) == 1
    assert "configs/prices.yaml has no prices of provider 'vesl'" in refusal(capsys)


def test_a_public_key_that_is_no_file_is_no_verdict_on_the_corpus(tmp_path: Path, capsys) -> None:
    assert main(["attest", "verify", str(tmp_path), "--public-key", str(tmp_path / "none.pub")]) == 1
    assert f"public key {tmp_path / 'none.pub'} is not a file; nothing was verified" in refusal(capsys)


def test_a_server_that_is_not_prefects_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{other.server_address[1]}"
        environment = {**os.environ, "PREFECT_API_URL": address}
        command = [sys.executable, "-m", "hindsight", "runs"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        other.shutdown()
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"hindsight: {address} answers HTTP 501: it is not the API of a Prefect server")


def test_a_price_file_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stage-prices", str(tmp_path / "none.csv")]) == 1
    assert "none.csv is not a file" in refusal(capsys)


def test_a_reader_that_closes_early_is_no_error(own_state: Path) -> None:
    command = f"{sys.executable} -m hindsight --help | head -1"
    done = subprocess.run(["bash", "-c", command], env=os.environ.copy(), capture_output=True, text=True)
    assert done.stdout.startswith("Usage: hindsight COMMAND")
    assert done.stderr == ""


def test_the_commands_environment_is_left_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(os.environ)
    assert main(["plan", "smoke", "--provider", "vessl"]) == 0
    assert "at vessl's prices" in capsys.readouterr().out
    assert {name: value for name, value in os.environ.items() if before.get(name) != value}.keys() <= {
        "HF_HUB_DISABLE_PROGRESS_BARS"
    }
    assert main(["plan", "smoke", "--provider", "vesl"]) == 1
    assert "configs/prices.yaml has no prices of provider 'vesl'; it has those of own, vessl." in refusal(capsys)


def test_starting_takes_no_heavy_import() -> None:
    script = "import sys; from hindsight.cli.main import main; main(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert not [name for name in ("prefect", "torch", "pandas", "botocore", "transformers") if f"'{name}'" in loaded]
