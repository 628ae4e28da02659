"""What the sharded trainer refuses beside the room's own."""

from tasks.train.errors import TrainError


class SettingsRefused(TrainError):
    """The YAML lacks a key, has one that is not known, or asks for what cannot run without a GPU."""
