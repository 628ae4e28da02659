"""Execute docs/notebooks/leakage_premium.ipynb in an empty folder and keep its outputs, without times."""

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FILE = Path(__file__).parent / "notebooks" / "leakage_premium.ipynb"


def executed(folder: Path) -> NotebookNode:
    """The notebook, run by Jupyter's kernel in a folder."""
    notebook = nbformat.read(FILE, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources, record_timing=False)
    return client.execute()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(executed(Path(folder)), FILE)
