"""The objects of a pretended cluster: kept by kind, each change an event that watches see in order."""

import asyncio
import copy
import itertools
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]


def now() -> str:
    """As Kubernetes writes a time."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def selects(selector: str, labels: dict[str, str]) -> bool:
    """Whether a label selector of the forms `key` and `key=value`, joined by commas, holds."""
    for term in filter(None, selector.split(",")):
        key, equals, value = term.partition("=")
        if key not in labels or (equals and labels[key] != value.lstrip("=")):
            return False
    return True


@dataclass
class Objects:
    """Pods and jobs by (kind, name), of one namespace.

    Args:
        found: What exists.
        events: (version, kind, type, object) of every change.
    """

    found: dict[tuple[str, str], Object] = field(default_factory=dict)
    events: list[tuple[int, str, str, Object]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _versions: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def version(self) -> int:
        """Of the last change."""
        return self.events[-1][0] if self.events else 0

    async def add(self, kind: str, namespace: str, content: Object) -> Object:
        """Create an object; a generateName gets its ending."""
        made = copy.deepcopy(content)
        meta = made.setdefault("metadata", {})
        meta.setdefault("name", f"{meta.get('generateName', '')}{uuid.uuid4().hex[:5]}")
        meta |= {"namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": now()}
        self.found[kind, meta["name"]] = made
        await self._record(kind, "ADDED", made)
        return made

    async def change(self, kind: str, made: Object, **status: Any) -> None:
        """Tell watches that an object has changed, and set fields of its status."""
        made.setdefault("status", {}).update(status)
        if (kind, made["metadata"]["name"]) in self.found:
            await self._record(kind, "MODIFIED", made)

    async def remove(self, kind: str, made: Object) -> None:
        """Delete an object."""
        if self.found.pop((kind, made["metadata"]["name"]), None):
            await self._record(kind, "DELETED", made)

    def list(self, kind: str, selector: str = "") -> list[Object]:
        """Those whose labels hold."""
        return [
            each
            for (of_kind, _), each in self.found.items()
            if of_kind == kind and selects(selector, each["metadata"].get("labels", {}))
        ]

    async def watch(self, kind: str, selector: str, since: int) -> AsyncIterator[Object]:
        """Events after a version, as they come."""
        seen = 0
        while True:
            while seen < len(self.events):
                version, of_kind, what, content = self.events[seen]
                seen += 1
                if version > since and of_kind == kind and selects(selector, content["metadata"].get("labels", {})):
                    yield {"type": what, "object": content}
            async with self.changed:
                await self.changed.wait_for(lambda seen=seen: seen < len(self.events))

    async def _record(self, kind: str, what: str, made: Object) -> None:
        version = next(self._versions)
        made["metadata"]["resourceVersion"] = str(version)
        async with self.changed:
            self.events.append((version, kind, what, copy.deepcopy(made)))
            self.changed.notify_all()
