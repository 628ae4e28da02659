"""Faults between a client and an S3 server, scripted or drawn with a seed."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """One fault of one request."""

    SLOW_DOWN = "503 instead of an answer"
    RESET = "half of the request's body reaches the server, then both connections are reset"
    LOST_REPLY = "the server executes it, and the client gets no reply"
    CUT = "half of the answer's body, then the connection ends"
    FLIP = "one byte of the answer's body is changed"
    STALL = "the server executes it, and the client gets no byte"
    STALL_HALFWAY = "half of the answer's body, then silence"
    FLIP_SENT = "one byte of the request's body is changed on the way to the server"
    LIE = "the server never gets it, and the client gets a success reply"


@dataclass(frozen=True)
class Interruption:
    """An action on client or server during a request: a kill, a restart.

    Args:
        action: Called once, between the first and the second half of the request's body, or after the server's
            answer and before the client gets it.
        halfway: Which of the two.
    """

    action: Callable[[], None]
    halfway: bool = True


@dataclass(frozen=True)
class Refusal:
    """An answer instead of the server's.

    Args:
        status: HTTP status.
        code: S3's code, or empty for an answer without a body.
    """

    status: int
    code: str = ""


Harm = Fault | Interruption | Refusal | None


@dataclass(frozen=True)
class Request:
    """A request as the proxy sees it.

    Args:
        method: GET, PUT and so on.
        path: With the query.
        n_earlier: Requests of the same method and path before this one.
        n_before: All requests before this one.
    """

    method: str
    path: str
    n_earlier: int
    n_before: int


Script = Callable[[Request], Harm]
"""From a request to its fault."""


@dataclass
class Rule:
    """The first `times` matching requests, after `skip` of them, get a fault.

    Args:
        harm: The fault.
        method: The request's method.
        path: A pattern found in the request's path.
        times: How many requests get it; with `of_each` per path.
        skip: Matching requests passed before.
        of_each: Count per path instead of over all.
    """

    harm: Fault | Interruption | Refusal
    method: str
    path: str = "/blobs/"
    times: int = 1
    skip: int = 0
    of_each: bool = False
    n_matched: int = field(default=0, init=False)

    def __call__(self, request: Request) -> Harm:
        if request.method != self.method or not re.search(self.path, request.path):
            return None
        count = request.n_earlier if self.of_each else self.n_matched
        self.n_matched += 1
        return self.harm if self.skip <= count < self.skip + self.times else None


def first_of(*rules: Rule) -> Script:
    """A script of rules; the first match decides."""
    return lambda request: next((harm for rule in rules if (harm := rule(request)) is not None), None)


def no_harm(request: Request) -> Harm:
    """A script without faults."""
    return None


def drawn(seed: int, rate: float, faults: Sequence[Fault]) -> Script:
    """A script with a fault for a share of all requests.

    The draw depends on seed, method, path and the request's number on that path, so that the order of a client's
    threads does not change it. After four requests a path has no more faults, as a burst ends in time.
    """

    def script(request: Request) -> Harm:
        rng = random.Random(f"{seed} {request.method} {request.path} {request.n_earlier}")  # noqa: S311
        return rng.choice(faults) if request.n_earlier < 4 and rng.random() < rate else None

    return script
