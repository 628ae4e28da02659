"""Registers the automations of deployments/automations.yaml: `python -m deployments.automations`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import ActionTypes
from prefect.events.filters import AutomationFilter, AutomationFilterTags
from prefect.events.schemas.automations import Automation, AutomationCore
from pydantic import BaseModel, ValidationError

from deployments.access import WEBHOOK_VARIABLE
from deployments.webhook import saved_webhooks
from tasks.common.errors import HindsightError
from tasks.common.yaml_file import load_yaml

M = TypeVar("M", bound=BaseModel)

FILE = Path(__file__).with_name("automations.yaml")
TAG = "hindsight"
"""Marks the automations of this file: no others are changed or removed."""


class BadAutomations(HindsightError):
    """The file holds something that Prefect would refuse or ignore."""


def automations(
    webhooks: Mapping[str, UUID], within: Mapping[str, float] | None = None, file: Path = FILE
) -> list[AutomationCore]:
    """Read the file's automations; one whose address is not known is left out.

    Args:
        webhooks: Block document of each address.
        within: Seconds by an automation's name, instead of the file's.
        file: Automations with Prefect's keys, see there.

    Raises:
        BadAutomations: If Prefect would refuse an entry or ignore one of its keys.
    """
    entries = _entries(file)
    if unknown := set(within or {}) - {entry["name"] for entry in entries}:
        raise BadAutomations(f"{file.name} has no automation {sorted(unknown)[0]!r} whose `within` could change.")
    for entry in entries:
        if entry["name"] in (within or {}):
            entry["trigger"]["within"] = (within or {})[entry["name"]]
    return [_automation(entry, webhooks, file) for entry in entries if _addresses(entry) <= set(webhooks)]


def register_automations(within: Mapping[str, float] | None = None, file: Path = FILE) -> list[str]:
    """Update the server's automations with our tag to the file. Returns one line per automation: what was done.

    One disabled in the UI stays disabled. Equal ones are not updated, because an update would forget which runs are
    being watched. Arguments as in `automations`.
    """
    webhooks = saved_webhooks()
    wanted = automations(webhooks, within, file)
    tagged = AutomationFilter(tags=AutomationFilterTags(all_=[TAG]))
    with get_client(sync_client=True) as client:
        registered = client.read_automations(automations=tagged)
        lines = [f"{each.name}: {_register(client, each, registered)}" for each in wanted]
        for old in _superfluous(wanted, registered):
            client.delete_automation(old.id)
            lines.append(f"{old.name}: removed")
    if left_out := len(_entries(file)) - len(wanted):
        lines.append(f"{left_out} notifications: not registered, because {WEBHOOK_VARIABLE} is not set")
    return lines


def _register(client: SyncPrefectClient, wanted: AutomationCore, registered: Sequence[Automation]) -> str:
    same_name = [each for each in registered if each.name == wanted.name]
    if not same_name:
        client.create_automation(wanted)
        return "created"
    note = "" if same_name[0].enabled else " (disabled in the UI)"
    if _content(same_name[0]) == _content(wanted):
        return f"unchanged{note}"
    client.update_automation(same_name[0].id, wanted.model_copy(update={"enabled": same_name[0].enabled}))
    return f"updated{note}"


def _superfluous(wanted: Sequence[AutomationCore], registered: Sequence[Automation]) -> list[Automation]:
    """Automations of no wanted name, and all but the first of one name."""
    kept = {each.name: each.id for each in reversed(registered)}
    names = {each.name for each in wanted}
    return [each for each in registered if each.name not in names or kept[each.name] != each.id]


def _content(automation: AutomationCore) -> dict[str, Any]:
    return automation.model_dump(include={"name", "description", "tags", "trigger", "actions"})


def _entries(file: Path) -> list[dict[str, Any]]:
    content = load_yaml(file, BadAutomations, "automations")
    entries = content.get("automations") if isinstance(content, dict) and set(content) == {"automations"} else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "name" in entry for entry in entries):
        raise BadAutomations(f"{file} is not a list of automations with names below the only key `automations`.")
    return entries


def _addresses(entry: Mapping[str, Any]) -> set[str]:
    return {action["webhook"] for action in entry.get("actions", []) if "webhook" in action}


def _automation(entry: Mapping[str, Any], webhooks: Mapping[str, UUID], file: Path) -> AutomationCore:
    where = f"{file.name}, {entry['name']!r}: "
    actions = [_action(action, webhooks, where) for action in entry.get("actions", [])]
    built = _validated(AutomationCore, {**entry, "actions": actions, "tags": [TAG]}, where)
    _check_keys(entry["trigger"], built.trigger, f"{where}trigger.")
    return built


def _action(action: Mapping[str, Any], webhooks: Mapping[str, UUID], where: str) -> BaseModel:
    plain = {key: value for key, value in action.items() if key != "webhook"}
    if "webhook" in action:
        plain["block_document_id"] = webhooks[action["webhook"]]
    # One model by its type: an error of the union would list what is wrong with each of its members.
    kinds: dict[str, type[BaseModel]] = {model.model_fields["type"].default: model for model in get_args(ActionTypes)}
    if plain.get("type") not in kinds:
        raise BadAutomations(f"{where}actions.type={plain.get('type')!r} is not one of {', '.join(sorted(kinds))}.")
    return _validated(kinds[plain["type"]], plain, f"{where}actions.")


def _validated(model: type[M], given: Mapping[str, Any], where: str) -> M:
    try:
        built = model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadAutomations(f"{where}{key}: {first['msg']}.") from error
    _check_keys(given, built, where)
    return built


def _check_keys(given: Mapping[str, Any], built: BaseModel, where: str) -> None:
    for key in sorted(set(given) - set(type(built).model_fields)):
        raise BadAutomations(f"{where}{key}: unknown to Prefect, which would ignore it; correct or remove it.")


def main() -> int:
    """Register; a refusal is one sentence and exit code 1."""
    try:
        print("automations:", *register_automations(), sep="\n  ")
    except HindsightError as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
