"""A server that runs a training and an upload, and on which one run waits."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

from flows.observe.snapshot import LiveRun, PoolStatus, Snapshot
from flows.observe.spend import PoolSpend
from tasks.common.progress import ProgressLine
from tasks.train.step_line import StepLine

TRAIN, MERGE, EMBED, PARENT = (UUID(int=number) for number in range(4))
STEP = StepLine(40, 200, 2.25, 2_950.0, 3_600.0, 3, 61.25e9, 0.031)
UPLOAD = ProgressLine("upload merge/letters/0123", 3e9, 12e9, "bytes", 45e6, 200.0)


def snapshot() -> Snapshot:
    return Snapshot(
        at=datetime(2026, 12, 1, 10, 30, tzinfo=UTC),
        pools=[PoolStatus("cpu", "ready", 1, None), PoolStatus("h100", "not_ready", 0, 1)],
        runs=[
            LiveRun(PARENT, "letters", "leakage-premium", "cpu", "running", 5_400.0, False),
            LiveRun(TRAIN, "letters: train", "train", "h100", "running", 1_800.0, True, step=STEP),
            LiveRun(MERGE, "<b>mine</b>: merge", "merge", "cpu", "cancelling", 60.0, True, progress=UPLOAD),
            LiveRun(EMBED, "letters: embed base", "embed", "h100", "pending", 300.0, True),
        ],
        today=[PoolSpend("h100", 1_800.0, 1.25)],
        month=[PoolSpend("cpu", 7_200.0, None), PoolSpend("h100", 36_000.0, 25.0)],
        ended=Counter({("train", "completed"): 3, ("merge", "failed"): 1}),
    )
