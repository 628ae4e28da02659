"""What `make docs` does beside MkDocs: pages outside docs/, lists as the code host reads them, drawn diagrams."""

import re
from pathlib import Path
from typing import Any

import mmdr
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

OUTSIDE = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "infra/*",
    "configs/*",
    "configs/ladders/*",
    "deployments/automations.yaml",
)
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LARGE_TEXT = '%%{init: {"themeVariables": {"fontSize": "20px"}}}%%\n'
LIST_OR_TABLE_IN_PARAGRAPH = re.compile(r"^(?![-#|>\s]|\d+\. )(.+)\n(?=- |\d+\. |\|)", re.MULTILINE)


def on_config(config: MkDocsConfig) -> None:
    """List all decisions, and draw Mermaid while the site is built: Material's script would load it from elsewhere."""
    decisions = Path(config.docs_dir, "decisions")
    config.nav.append({"Decisions": [f"docs/decisions/{page.name}" for page in _readme_first(decisions)]})
    fence = {"name": "mermaid", "class": "mermaid", "format": _draw}
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Give every page its path in the repository, so that relative links hold here as they do there."""
    root = Path(config.docs_dir).parent
    for page in [file for file in files if file.src_dir == config.docs_dir]:
        files.remove(page)
        path = Path(page.abs_src_path or "").relative_to(root)
        files.append(File(str(path), str(root), config.site_dir, use_directory_urls=False))
    for path in sorted(file for pattern in OUTSIDE for file in root.glob(pattern) if file.is_file()):
        files.append(File(str(path.relative_to(root)), str(root), config.site_dir, use_directory_urls=False))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Set an empty line before a list or table that follows a line of prose: Python-Markdown needs it."""
    parts = FENCE.split(markdown)
    parts[::2] = [LIST_OR_TABLE_IN_PARAGRAPH.sub(r"\1\n\n", prose) for prose in parts[::2]]
    return "".join(parts)


def _readme_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.md"), key=lambda page: (page.stem != "README", page.name))


def _draw(source: str, *_: Any, **__: Any) -> str:
    return f'<div style="background: white">{mmdr.render(LARGE_TEXT + source).svg()}</div>'
