"""Who may ask: a token that cannot be guessed, in a file that only its owner reads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.serve.access import TOKEN_VARIABLE, access_token, checked_token, has_token
from tasks.serve.errors import UnsafeToken

TOKEN = "a-token-of-the-test"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    return tmp_path / "serve" / "token"


def test_the_first_start_writes_a_token_that_only_its_owner_reads_and_the_next_reads_it(file: Path) -> None:
    token = access_token(file)
    assert len(token) > 40
    assert file.stat().st_mode & 0o777 == 0o600
    assert access_token(file) == token
    assert list(file.parent.iterdir()) == [file]


def test_servers_that_start_at_once_have_one_token(file: Path) -> None:
    with ThreadPoolExecutor(16) as servers:
        found = set(servers.map(access_token, [file] * 64))
    assert found == {file.read_text()}
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "content", ["", "\n", "short", "fifteen-letters", "a token with spaces", "zwölf-und-vier-zeichen"]
)
def test_a_token_that_was_cut_or_can_be_guessed_opens_no_server(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(UnsafeToken, match=r"it needs 16 or more.*Remove the file, and the next start writes another"):
        access_token(file)
    with pytest.raises(UnsafeToken, match="the server"):
        checked_token(content, "the server", "Give a longer one.")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_open_is_refused(file: Path, mode: int) -> None:
    access_token(file)
    file.chmod(mode)
    with pytest.raises(UnsafeToken, match=f"has mode {mode:04o}, and others than its owner may open it"):
        access_token(file)
    file.unlink()
    assert access_token(file)


def test_the_environments_token_is_taken_and_an_empty_one_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert access_token(file) == TOKEN
    monkeypatch.setenv(TOKEN_VARIABLE, "")
    with pytest.raises(UnsafeToken, match=f"the token of {TOKEN_VARIABLE} has 0 characters"):
        access_token(file)
    assert not file.exists()


@pytest.mark.parametrize(
    ("header", "is_allowed"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        (TOKEN, False),
        (f"Basic {TOKEN}", False),
        ("Bearer ", False),
    ],
)
def test_a_request_needs_the_scheme_and_the_token(header: str, is_allowed: bool) -> None:
    assert has_token(header, TOKEN) is is_allowed
