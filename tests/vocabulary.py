"""Words this project does not use, and what it says instead: `python -m tests.vocabulary [FILE ...]`.

pre-commit runs it on changed files, and a test on all of them.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.common.settings import project_root

INSTEAD: dict[str, str] = {
    r"errands?": "request, StageRequest",
    r"rooms?": "stage, package; disk space",
    r"house": "project",
    r"patiently": "retry",
    r"whoever": "name the subject",
    r"askers?|asker_of": "requested_by",
    r"again_for|built_again": "requested_by, rebuild_for",
    r"[Ll]ying|what_lies_at": "SourceVersion, probe_source",
    r"honest": "robust (inference)",
    r"strat(um|a)": "group",
    r"census|FileBook": "counts, SourceManifest",
    r"handover|workplaces?": "trainer settings, work directory",
    r"_?refuse_\w+": "check_x, validate_x",
    r"seed contract|contract `?seed`?|the seed's (figures|scores|bootstrap|contract)": "reference",
    r"gone on with": "resumed",
    r"is no (known|such|mapping|file|number|JSON|YAML)": "is not a ..., unknown ...",
    r"in vain": "failed",
    r"told_by|Told|Drawn|Supply": "message, SampledDocument, Prefetcher",
    r"stands in the store|that stands?": "exists",
}
LEFT_OUT = ("CHANGELOG.md", "tests/vocabulary.py", "tests/test_vocabulary.py", "LICENSE")
ENDINGS = {".py", ".md", ".ipynb", ".yaml", ".toml", ".html"}


def findings(files: Iterable[Path]) -> Iterator[str]:
    """`file:line: word, say ...` for each use."""
    words = {re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])"): instead for pattern, instead in INSTEAD.items()}
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            for word, instead in words.items():
                if found := word.search(line):
                    yield f"{file.relative_to(project_root())}:{number}: {found.group()!r}, say {instead}"


def tracked_files() -> list[Path]:
    """All text files of the project; in a folder that is no git checkout, all there are."""
    command = ["git", "-C", str(project_root()), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [project_root() / name for name in listed if Path(name).suffix in ENDINGS and name not in LEFT_OUT]


def main() -> int:
    """Print every use; 1 if there is one."""
    named = {Path(name).absolute() for name in sys.argv[1:]}
    found = list(findings(file for file in tracked_files() if file.is_file() and (not named or file in named)))
    print("\n".join(found))
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
