"""Gives uv the settings that pip has: indexes, find-links, constraints, certificates, timeouts.

uv reads neither pip's files nor its PIP_ variables, so without this it would install from other places than pip.
`python -m deployments.install.pip_settings COMMAND ...` runs a command of uv's with them.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "retries": "UV_HTTP_RETRIES",
    "no-cache-dir": "UV_NO_CACHE",
}
FOR_PIP_ALONE = {
    "cache-dir", "config-file", "disable-pip-version-check", "log", "no-color", "no-input", "no-python-version-warning",
    "no-warn-script-location", "progress-bar", "quiet", "require-virtualenv", "root-user-action",
    "verbose",
}  # fmt: skip
"""Settings that change nothing of what is installed, or from where."""
SECTIONS = ("global", "install", ":env:")
"""Of `pip config list`; a later one overrides an earlier one. Other sections are for other commands of pip."""


def effective(lines: Iterable[str]) -> dict[str, str]:
    """Pip's settings for an installation, from the lines of `pip config list`.

    >>> effective(["global.timeout='15'", ":env:.timeout='60'", "global.cert=''", "freeze.timeout='1'"])
    {'timeout': '60'}
    """
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in lines:
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in found and (text := str(ast.literal_eval(value)).strip()):
            found[section][key] = text
    return {key: value for section in SECTIONS for key, value in found[section].items()}


def for_uv(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that give uv pip's settings; those the environment has already are left as they are.

    >>> for_uv({"find-links": "/wheels /more"}, {})
    {'UV_INDEX_STRATEGY': 'unsafe-best-match', 'UV_FIND_LINKS': '/wheels,/more'}
    """
    # pip takes the best version of all indexes; uv by default looks no further than the first that has the name.
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    # pip takes these too, by way of requests.
    if bundle := environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE"):
        variables["SSL_CERT_FILE"] = bundle
    for key, value in settings.items():
        if key in UV_NAMES:
            variables[UV_NAMES[key]] = ("," if key == "find-links" else " ").join(value.split())
    return {name: value for name, value in variables.items() if name not in environment}


def not_translated(settings: Mapping[str, str]) -> list[str]:
    """Settings of pip's that may change what is installed, and have no variable of uv's."""
    return sorted(set(settings) - set(UV_NAMES) - FOR_PIP_ALONE)


def read(python: Path) -> dict[str, str]:
    """Pip's settings for an installation, from its files and variables.

    Args:
        python: An interpreter with pip.
    """
    # If pip's settings ask for quiet, the list is printed only at a louder level.
    command = [str(python), "-m", "pip", "config", "list", "-vvv"]
    return effective(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())


if __name__ == "__main__":
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ | for_uv(read(Path(sys.executable)), os.environ))  # noqa: S606
