"""infra/compose.yaml as compose reads it: variables filled, files merged; a service's command, environment, checks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tasks.common.settings import project_root

BASE = "compose.yaml"
REPLICAS = "compose.replicas.yaml"
VARIABLE = re.compile(r"\$(?:\$|\{(\w+):-([^}]*)\})")


@dataclass(frozen=True)
class Service:
    """One service.

    Args:
        name: Under which others reach it.
        fields: As the merged files have them.
    """

    name: str
    fields: Mapping[str, Any]

    @property
    def command(self) -> list[str]:
        return [str(word) for word in self.fields["command"]]

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.fields.get("environment", {}))

    @property
    def health_check(self) -> list[str] | None:
        """The command that must end with 0; None where there is nothing to ask."""
        check = self.fields.get("healthcheck", {})
        if "test" not in check:
            return None
        kind, *words = check["test"]
        return ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words

    @property
    def needs(self) -> dict[str, str]:
        """The condition of each service that must come first."""
        return {name: wanted["condition"] for name, wanted in self.fields.get("depends_on", {}).items()}


def load_compose(*files: str, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The files' content, later ones merged into earlier ones.

    Args:
        files: Names in `infra`.
        variables: Of the environment, as `docker compose` would take them.
    """
    merged: dict[str, Any] = {}
    for name in files:
        content = yaml.safe_load((project_root() / "infra" / name).read_text())
        merged = _merge(merged, _filled(content, variables or {}))
    return merged


def services(compose: Mapping[str, Any]) -> dict[str, Service]:
    """Every service by name."""
    return {name: Service(name, fields) for name, fields in compose["services"].items()}


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, variables) for part in value]
    if not isinstance(value, str):
        return value
    return VARIABLE.sub(lambda hit: variables.get(hit[1], hit[2]) if hit[1] else "$", value)


def _merge(first: Any, second: Any, key: str = "") -> Any:
    """Compose's rule for the fields used here: a command replaces, other lists are joined, mappings are merged."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{name: _merge(first.get(name), value, name) for name, value in second.items()}}
    if isinstance(first, list) and isinstance(second, list) and key != "command":
        return [*first, *second]
    return second
