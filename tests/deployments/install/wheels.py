"""Small wheels, made here: an installation is tried with real installers and without a registry."""

import hashlib
import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> str:
    """A wheel with one module, whose `VERSION` is the version; the requirement with its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    file, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    contents = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": "\n".join(metadata + [f"Requires-Dist: {requirement}" for requirement in requires]) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents[f"{info}/RECORD"] = "".join(f"{entry},,\n" for entry in [*contents, f"{info}/RECORD"])
    with zipfile.ZipFile(file, "w") as archive:
        for entry, text in contents.items():
            archive.writestr(entry, text)
    return f"{name}=={version} --hash=sha256:{digest(file)}\n"


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def make_index(folder: Path, *wheels: Path) -> str:
    """A folder that serves wheels as a package index does; its address."""
    for wheel in wheels:
        project = folder / wheel.name.split("-")[0]
        project.mkdir(parents=True, exist_ok=True)
        (project / wheel.name).write_bytes(wheel.read_bytes())
        links = [
            f'<a href="{file.name}#sha256={digest(file)}">{file.name}</a>' for file in sorted(project.glob("*.whl"))
        ]
        (project / "index.html").write_text(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>")
    return folder.as_uri()
