"""Errors of rented machines."""

from tasks.common.errors import HindsightError


class RentError(HindsightError):
    """A machine cannot be rented, looked at or given back."""


class BadRent(RentError):
    """configs/rent.yaml cannot be read or is not valid."""


class ProviderError(RentError):
    """A provider's command line is missing, signed out, refuses, or gives no complete answer."""


class NoOffer(RentError):
    """No offer of the provider fits, or the one that was chosen is gone."""


class UnknownMachine(RentError):
    """The store has no record of this machine."""


class DamagedRecord(RentError):
    """An event of a machine is missing, changed, or does not follow the one before it."""


class Stopping(RentError):
    """A machine takes no lease any more."""


class StillNeeded(RentError):
    """A machine is not given back: a result on it is not proved, or its pool is at work."""


class NotStopped(RentError):
    """The provider does not confirm that a machine has stopped."""
