"""llama.cpp's server answers its client only, on this machine only, and ends with the process that started it."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tasks.common.settings import project_root
from tasks.export.modelfile import DEEPSEEK_R1
from tasks.gguf.convert import convert
from tasks.gguf.engine import engine, greedy_answers
from tasks.gguf.errors import EngineFailed
from tasks.gguf.source import stage_model
from tests.gguf.small_chat_models import DEEPSEEK, byte_tokenizer, chat_model, needs_export

pytestmark = needs_export()

PIPELINE = """
import sys, time
from pathlib import Path
import psutil
from tasks.gguf.engine import engine
with engine(Path(sys.argv[1])):
    print(psutil.Process().children()[0].pid, flush=True)
    time.sleep(300)
"""


def test_it_listens_on_this_machine_and_wants_its_key(gguf: Path) -> None:
    before = set(psutil.Process().children())
    with engine(gguf) as running:
        (server,) = set(psutil.Process().children()) - before
        listening = [each for each in server.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
        assert [each.laddr.ip for each in listening] == ["127.0.0.1"]
        foreign = httpx.post(f"{running.http.base_url}/tokenize", json={"content": "Hi"}, trust_env=False)
        assert foreign.status_code == httpx.codes.UNAUTHORIZED
        readable = " ".join([*server.cmdline(), *server.environ().values()])
        assert running.http.headers["Authorization"].removeprefix("Bearer ") not in readable
        assert running.tokenize("Hi the") == byte_tokenizer()("Hi the")["input_ids"]
    assert not server.is_running()


def test_a_killed_pipeline_takes_its_server_along(gguf: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(project_root())}
    command = [sys.executable, "-c", PIPELINE, str(gguf)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as pipeline:
        assert pipeline.stdout is not None
        server = psutil.Process(int(pipeline.stdout.readline()))
        assert server.is_running()
        pipeline.kill()
    _, alive = psutil.wait_procs([server], timeout=20)
    assert not alive


def test_the_best_tokens_are_listed_though_one_ends_within_a_character(gguf: Path) -> None:
    """The best token of this random model is a byte that is no character."""
    with engine(gguf) as running:
        ids = running.tokenize("Will it rise?")
        found = running.next_token(ids, 5)
        (best, *_), _ = running.greedy(ids, 1)
    assert len(found) == 5
    assert max(found, key=lambda token: found[token]) == best
    assert all(logprob < 0 for logprob in found.values())


def test_a_start_token_is_in_the_prompt_once_though_llama_cpp_adds_it(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer(DEEPSEEK_R1, DEEPSEEK, bos_token=DEEPSEEK[0], add_bos_token=True)
    (tmp_path / "staged").mkdir()
    stage_model(chat_model(tmp_path / "model", tokenizer=tokenizer), tmp_path / "staged")
    convert(tmp_path / "staged", tmp_path / "r1.gguf", "q8_0", "r1")
    turns = [{"role": "user", "content": "U"}]
    with engine(tmp_path / "r1.gguf") as running:
        assert running.start == DEEPSEEK[0]
        assert running.render(turns) == tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)


def test_a_question_longer_than_the_context_is_refused(gguf: Path) -> None:
    with pytest.raises(EngineFailed, match=r"llama\.cpp refused /completion: .*context"):
        greedy_answers(gguf, ["why " * 2_000])
