"""The provider of a name."""

from tasks.rent.config import ProviderName
from tasks.rent.providers.local import Local
from tasks.rent.providers.provider import Provider
from tasks.rent.providers.skypilot import SkyPilot
from tasks.rent.providers.vessl import Vessl


def provider_of(name: ProviderName, dry_run: bool = False) -> Provider:
    """The provider of a name; with `dry_run` one that runs nothing."""
    match name:
        case "skypilot":
            return SkyPilot(dry_run)
        case "vessl":
            return Vessl(dry_run)
        case "local":
            return Local(dry_run)
