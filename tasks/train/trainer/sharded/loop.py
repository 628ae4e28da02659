"""The steps: forward, backward, step, a line of metrics, the audit, a training state, the final weights."""

import json
import math
from pathlib import Path

import torch
import torch.distributed as dist

from tasks.train.errors import NotANumberError
from tasks.train.trainer import work_files as workplace
from tasks.train.trainer.sharded.checkpoint import save_final
from tasks.train.trainer.sharded.metrics import Clock, append_line, peak_memory_bytes, sum_over_ranks
from tasks.train.trainer.sharded.run import Run
from tasks.train.trainer.sharded.states import Keeper, write_state
from tasks.train.trainer.update_audit import check_updates as refuse_unmoved


def train(run: Run, folder: Path) -> None:
    """Take all steps that are left, and leave the weights in `output`.

    Args:
        run: From `assemble`.
        folder: The workplace.

    Raises:
        NotANumberError: If a loss is NaN or infinite.
        WeightsDoNotMove: If too few weights have changed at an audit.
    """
    clock = Clock.resumed(folder / workplace.METRICS)
    keeper = Keeper(folder / workplace.STATES, run.settings.checkpoint_seconds)
    while run.step < run.settings.n_steps:
        learning_rate = float(run.scheduler.get_last_lr()[0])
        loss = take_step(run)
        line = {"step": run.step, "loss": loss, "learning_rate": learning_rate, "tokens_seen": run.tokens_seen}
        line |= {"seconds": clock.seconds(), "peak_memory_bytes": peak_memory_bytes()}
        if run.rank == 0:
            append_line(folder / workplace.METRICS, line)
        if run.step in (run.settings.audit_after_steps, run.settings.n_steps):
            audit(run, folder / workplace.AUDIT)
        if run.step < run.settings.n_steps and keeper.is_due():
            write_state(run, folder)
            keeper.wait_anew()
    save_final(run.model, folder / run.keys.output_dir)


def take_step(run: Run) -> float:
    """One optimizer step.

    Returns:
        Loss over all predicted tokens of the step, of all ranks.

    Raises:
        NotANumberError: On every rank, if it is NaN or infinite; the weights have not been stepped then.
    """
    n_predicted, own = run.rows.n_predicted(run.step), 0.0
    for index, batch in enumerate(run.rows.batches(run.step, run.rank)):
        is_last = index == run.keys.gradient_accumulation_steps - 1
        run.model.set_requires_gradient_sync(run.keys.sync_each_batch or is_last)
        # Every rank divides by the tokens of all, and FSDP2 takes the mean over ranks: so the sum is asked for.
        loss = run.model(**batch, num_items_in_batch=n_predicted).loss
        (loss * run.n_ranks).backward()
        own += float(loss.detach())
    (total,) = sum_over_ranks(own)
    if not math.isfinite(total):
        raise NotANumberError(
            f"loss is {total} at step {run.step + 1}. Lower learning_rate, or look at the rows of that step."
        )
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.keys.max_grad_norm)
    run.optimizer.step()
    run.scheduler.step()
    run.optimizer.zero_grad()
    run.tokens_seen += run.rows.n_seen(run.step)
    run.step += 1
    return total


def audit(run: Run, path: Path) -> None:
    """Measure how many weights have moved, write it down, and end a run in which they do not.

    Raises:
        WeightsDoNotMove: If fewer than min_share_changed of a dense group have.
    """
    groups = run.sample.compare(run.model.named_parameters())
    if run.rank == 0:
        earlier = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps([*earlier, {"step": run.step, "groups": groups}], indent=1) + "\n")
    # Nobody leaves before it is written down.
    dist.barrier()
    refuse_unmoved(
        groups,
        run.settings.min_share_changed,
        n_steps=run.step,
        learning_rate=run.keys.learning_rate,
        weights=str(run.model.dtype).removeprefix("torch."),
    )
