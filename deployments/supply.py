"""`python -m deployments.supply sbom | audit LOCK ...`: what is installed, and its known vulnerabilities, by the locks.

The tools lie in .venv-supply, so that no user installs them: cyclonedx-py writes and validates the lists, pip-audit
asks a database of vulnerabilities. Standard library only, beside the project's errors.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deployments.install.environment import pinned_torch
from tasks.common.errors import HindsightError

TOOLS = Path(".venv-supply/bin")
SBOM_DIR = Path(".hindsight/sbom")
VULNERABLE, UNREACHABLE = 1, 3
"""Exit statuses of `audit`."""
NO_ANSWER = (
    "could not be audited",
    "ConnectionError",
    "ServiceError",
    "Max retries",
    "timed out",
    "HTTPError",
)
"""What pip-audit 2.10 prints if its database gives no answer, or does not know a package: a registry may serve packages
and not what is known of them."""


class SupplyError(HindsightError):
    """A list of packages could not be written."""


def write_sboms(locks: Sequence[Path], folder: Path = SBOM_DIR) -> list[Path]:
    """Write a CycloneDX list for each lock; the same lock gives the same bytes.

    Returns:
        The files.

    Raises:
        SupplyError: If a list is not valid by CycloneDX's schema, or a lock cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_sbom(lock, folder / f"{lock.stem}.cdx.json") for lock in locks]


def _write_sbom(lock: Path, file: Path) -> Path:
    options = ["--output-reproducible", "--output-format", "JSON", "--validate", "--output-file", str(file)]
    command = [str(TOOLS / "cyclonedx-py"), "requirements", *options, "-"]
    done = subprocess.run(command, input=_with_torch(lock), capture_output=True, text=True)
    if done.returncode != 0:
        raise SupplyError(f"no list of {lock} was written: {_last_line(done.stderr)}. Run `make lock`.")
    return file


def audit(locks: Sequence[Path]) -> int:
    """Compare pinned packages with a database of vulnerabilities, and print what it knows.

    Returns:
        0: none is known. VULNERABLE: some are. UNREACHABLE: the database gave no answer for
        one of them or for all, so that nothing is shown.

    Raises:
        SupplyError: If pip-audit fails for another reason.
    """
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--strict"]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, lock.name) for lock in locks]
        for lock, file in zip(locks, files, strict=True):
            file.write_text(_with_torch(lock))
        words = [word for file in files for word in ("--requirement", str(file))]
        done = subprocess.run([str(TOOLS / "pip-audit"), *options, *words], capture_output=True, text=True)
    print(done.stdout, end="")
    if done.returncode == 0:
        print(f"no known vulnerability in {', '.join(map(str, locks))}")
        return 0
    if done.stdout.strip():
        return VULNERABLE
    if any(words in done.stderr for words in NO_ANSWER):
        print(f"the database of vulnerabilities gave no complete answer: {_last_line(done.stderr)}")
        return UNREACHABLE
    raise SupplyError(f"pip-audit failed: {_last_line(done.stderr)}")


def _with_torch(lock: Path) -> str:
    """A lock, and torch, which is on none: its two builds have other hashes."""
    return f"{lock.read_text()}\n{pinned_torch(Path('pyproject.toml'))}\n"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "nothing was printed"


def main(words: list[str]) -> int:
    """Run a command on locks."""
    match words:
        case ["sbom", *locks] if locks:
            print("\n".join(map(str, write_sboms(list(map(Path, locks))))))
            return 0
        case ["audit", *locks] if locks:
            return audit(list(map(Path, locks)))
    raise SupplyError("name sbom or audit, and locks; `make sbom` and `make audit` do.")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except HindsightError as error:
        sys.exit(str(error))
