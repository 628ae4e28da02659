"""Write docs/scale.md: where stages saturate, a large corpus and a large model on paper, from named rates."""
# ruff: noqa: E501 (texts and tables of a page)

from dataclasses import dataclass
from math import ceil
from pathlib import Path

from docs import scale_models

# What `make bench-corpus` measured, per second of processor time, starting included; see docs/benchmarks.md.
R, R_FROM = 2_900_000, "measured: `make bench-corpus`, tiktoken; transformers' own tokenizer 404,000 (facts)"
A, A_FROM = 15_900_000, "measured there: about 140 MB/s of text and ids through one process"
WORKER_GB, WORKER_GB_FROM = 0.24, "measured there"
# Measured with the corpus stage's functions.
V, H, D = 35_000_000, 1_200_000_000, 195
# Of the source.
N_DUMPS, TOKENS_PER_DOCUMENT, TOKENS_OF_35_DUMPS = 35, 671, 5.0e12
BYTES_PER_TOKEN, FILE_BYTES, ROWS_PER_GROUP = 44e12 / 15e12, 2.15e9, 1_000
CALLS_PER_GROUP, CALLS_PER_FILE, CALLS_PER_HOUR = 2, 4, 3_000 * 12
OUT_BYTES_PER_TOKEN = 4 + 5
# Assumed prices; replace them with your own.
DOLLARS_PER_CORE_HOUR, DOLLARS_PER_TB_MONTH = 0.04, 23.0

BUDGETS = {"1 B": 1e9, "100 B": 1e11, "1 T": 1e12}
WORKERS = (1, 100)


@dataclass(frozen=True)
class Job:
    """A corpus of so many tokens, drawn equally from 35 dumps, on so many worker cores."""

    tokens: float
    n_workers: int

    @property
    def documents(self) -> float:
        return self.tokens / TOKENS_PER_DOCUMENT

    @property
    def files(self) -> int:
        """Files opened: of each dump, as many as its quota needs."""
        return N_DUMPS * ceil(self.tokens / N_DUMPS * BYTES_PER_TOKEN / FILE_BYTES)

    @property
    def requests(self) -> float:
        return self.documents / ROWS_PER_GROUP * CALLS_PER_GROUP + self.files * CALLS_PER_FILE

    @property
    def tokenizing_hours(self) -> float:
        return self.tokens / (R * self.n_workers) / 3600

    @property
    def sampling_hours(self) -> float:
        return self.tokens / A / 3600

    @property
    def request_hours(self) -> float:
        """At the hub's limit for one address without an account, shared by all workers behind it."""
        return self.requests / CALLS_PER_HOUR

    @property
    def hours(self) -> float:
        return max(self.tokenizing_hours, self.sampling_hours, self.request_hours)

    @property
    def bound_by(self) -> str:
        bounds = {"tokenizing": self.tokenizing_hours, "sampling": self.sampling_hours, "requests": self.request_hours}
        return max(bounds, key=bounds.__getitem__)

    @property
    def dollars(self) -> float:
        """Cores of the workers and the sampler for all hours, and the result stored for a month."""
        return self.hours * (self.n_workers + 1) * DOLLARS_PER_CORE_HOUR + self.out_tb * DOLLARS_PER_TB_MONTH

    @property
    def out_tb(self) -> float:
        return self.tokens * OUT_BYTES_PER_TOKEN / 1e12

    @property
    def index_gb(self) -> float:
        return self.documents * D / 1e9


def page() -> str:
    """The whole page."""
    corpus = f"{CORPUS}\n{rates()}\n### What it takes\n\n{volume()}\n{time()}{TAIL}"
    models = f"{MODELS}{_table(scale_models.HEAD, scale_models.rows())}{MODELS_TAIL}"
    return f"{HEAD}{SATURATION}{corpus}{models}{MONTH}"


def rates() -> str:
    """The rates and their sources."""
    measured = "measured: 2 cores AMD EPYC shared with other work, 24 GB, Debian 12, Python 3.11.7, numpy 2.4.6"
    prices = f"{DOLLARS_PER_CORE_HOUR} per core-hour, {DOLLARS_PER_TB_MONTH:g} per TB and month"
    rows = [
        ("R, tokens per second and worker", f"{R:,}", R_FROM),
        ("A, tokens per second through the one sampler", f"{A:,}", A_FROM),
        ("memory of a worker", f"{WORKER_GB} GB", WORKER_GB_FROM),
        ("tokens per second that `verify` counts", f"{V:,}", measured),
        ("bytes per second that it hashes", f"{H:,}", "measured, there"),
        ("bytes per document, index of near-duplicates", str(D), "measured, there: 500,000 documents, 11 bands"),
        ("tokens per document; of the 35 dumps", f"{TOKENS_PER_DOCUMENT}; 5 T", "facts: GPT-2's, Qwen's are fewer"),
        ("parquet bytes per token", f"{BYTES_PER_TOKEN:.2f}", "FineWeb's card: 44 TB, 15 T tokens; most is text"),
        ("bytes of a full file", "2.15 GB", "facts"),
        ("rows per row group", f"{ROWS_PER_GROUP:,}", "assumed: datatrove's writer's default"),
        ("requests per row group", str(CALLS_PER_GROUP), "measured, local hub: one range of 3.3 MB, a redirect"),
        ("requests per file", str(CALLS_PER_FILE), "assumed: listing, footer, digest"),
        ("requests per hour", f"{CALLS_PER_HOUR:,}", "facts: 3,000 in 5 minutes, per address, no account"),
        ("bytes written per token", str(OUT_BYTES_PER_TOKEN), "4 of ids; text measured on the addresses: 5"),
        ("dollars", prices, "assumed"),
    ]
    return _table(("rate", "value", "from"), rows)


def volume() -> str:
    """The part that does not depend on the number of workers."""
    rows = []
    for name, tokens in BUDGETS.items():
        job = Job(tokens, 1)
        fraction = f"{tokens / TOKENS_OF_35_DUMPS:.2%}"
        read = tokens * BYTES_PER_TOKEN / 1e12
        checking = tokens / V / 3600 + job.out_tb * 1e12 / H / 3600
        rows.append(
            (name, fraction, f"{job.documents / 1e6:,.1f} M", f"{job.files:,}", f"{job.requests:,.0f}", _bytes(read),
             _bytes(job.out_tb), f"{job.index_gb:,.1f} GB", f"{_hours(checking)} h")
        )  # fmt: skip
    head = ("tokens", "of the 35 dumps", "documents", "files opened", "requests", "read", "written",
            "index of near-duplicates", "`verify`, one core")  # fmt: skip
    return _table(head, rows)


def time() -> str:
    """The part that depends on the number of workers."""
    rows = []
    for name, tokens in BUDGETS.items():
        for n_workers in WORKERS:
            job = Job(tokens, n_workers)
            parts = (job.tokenizing_hours, job.sampling_hours, job.request_hours)
            dollars = f"{job.dollars:,.2f}" if job.dollars < 10 else f"{job.dollars:,.0f}"
            memory = f"{n_workers * WORKER_GB + 1:,.1f} GB"
            rows.append((name, str(n_workers), *map(_hours, parts), job.bound_by, dollars, memory))
    head = ("tokens", "workers", "tokenizing, h", "sampling, h", "requests to the hub, h", "the longest", "dollars",
            "memory in all")  # fmt: skip
    return _table(head, rows)


def _bytes(tb: float) -> str:
    return f"{tb:,.2g} TB" if tb >= 0.1 else f"{1000 * tb:,.2g} GB"


def _hours(hours: float) -> str:
    return f"{hours:,.2g}" if hours < 100 else f"{hours:,.0f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


HEAD = """# Scale

Where each stage saturates; a corpus of 1 B to 1 T tokens and a model of 70 B on paper. The tables are written by `python docs/scale.py` from the rates named beside them.

"""
SATURATION = """## Where each stage saturates

| stage | what binds | measured | beyond it |
| --- | --- | --- | --- |
| corpus | requests to the hub from 100 B tokens on; then the one sampler | 2.9 M tokens per second and core, sampler 15.9 M | a mirror in a bucket; see below |
| panel | one core, memory | 2.3 M rows: 2.5 s, 1.2 GB | more rows than memory holds were not tried |
| train, LoRA | arithmetic of one GPU; memory, at 75.9 of 78.1 GiB predicted | not on a GPU ([first hour](gpu.md)) | adapters on eight GPUs by DDP |
| train, full weight | exchange between GPUs below four rows a pass, arithmetic above; predicted | not on a GPU | several machines, below |
| training states | 12 bytes per parameter to the store, 500 MB/s stated | store 242 MB/s read back, 2 cores | `checkpoint_minutes` |
| merge | the disk: as fast as `cp`, 43 MB of memory | 1.3 GB/s from the page cache | files side by side, one per core |
| embed | arithmetic; on a CPU 100 % of a product's speed | 543 to 659 tokens per second, SmolLM2-135M, 2 cores | a GPU: 30,000 sentences in 40 s is the aim, not measured |
| premium | float64 products and memory: 5.0 GB at 2,053 columns | 80 core-minutes of two models at true size, from parts | cores up to the draws of a chunk; a GPU was not tried |
| report | one core | seconds | |
| orchestration | interpreters: 5 CPU seconds for a stage that is sent | 5 stages in 39.8 s on 2 cores | stages of the parent's own pool run inside it |

Figures are those of [the benchmarks](benchmarks.md), which name machine and versions.

"""
CORPUS = """## A corpus of 1 B, 100 B and 1 T tokens, on paper

An estimate of the time and space to draw from FineWeb's 35 dumps up to 2017-07-02, with equal quotas. None of it was
run: the tables are quotients of named rates; `make bench-corpus` measures the first three on your own machine. A worker
is one core.

### Rates
"""
TAIL = """
The three kinds of work overlap, so that a corpus takes about as long as the longest. Memory is that of the workers and
of the sampler; `corpus.deduplicate` adds the index of near-duplicates. Dollars: the cores for all those hours, and the
result stored for a month.

### Conclusions

- **1 B tokens** need one machine, and little of 35 files.
- **From 100 B on the hub's rate limit is the bottleneck**, not the tokenizer, once many workers share one address.
  An account raises it and several addresses multiply it. A mirror of the layout in a bucket
  (`corpus.source.root: s3://...`) removes it; it costs a copy of the files that are opened, at most 2.15 GB each.
- **One sampler writes all shards**, because the order of documents must not depend on the workers. Beyond A / R workers
  more of them do not help; several corpora drawn in parallel with different seeds would, but would have documents in
  common.
- **Near-duplicates at 1 T** need an index larger than most machines' memory. FineWeb's dumps are deduplicated singly
  already: leave it off there.
- **Verification** needs one core, the shards and some hours, no network; memory is flat.
"""
MODELS = """
## 70 B, and more than one machine

A dense 70 B (Llama 3's sizes, 70.6 B parameters), every weight trained, four rows of 2,048 tokens per GPU and pass, by the predictions
that [preflight](preflight.md#memory) refuses recipes with: H100 of 80 GB, NVLink within a machine of eight, 50 GB/s per GPU between
machines (400 Gb/s, the data sheet of a DGX H100), arithmetic at 40 % of the peak. **Nothing of it was run.**

"""
MODELS_TAIL = """
- **One machine of eight does not hold it**: of these layouts, fp32 master weights need four machines, bf16 rounded at random two.
- **Between machines the exchange is as long as the arithmetic** at four rows a pass: more rows a pass, not more machines, shorten a token.
  A step's tokens grow with the GPUs; its time does not fall.
- **A state is 0.7 to 0.85 TB**: at the stated 500 MB/s 24 to 28 minutes up and as long to be read back, together longer than the
  default `checkpoint_minutes` of 30. Each machine would have to send its own shards; today one process sends all.
- **Adapters on 70 B** need the whole base on every GPU: 141 GB in bf16, more than an H200 has beside activations. A base split among GPUs under adapters is
  not one of the arms.
- **What is missing for several machines**: a rendezvous (the launcher is started `--standalone`), ranks beyond a pool's machine in
  `Pool` and the prices, and a lost machine that ends all. `n_ranks` accepts 64; no pool has them, so that preflight refuses the run.
"""
MONTH = """
## A team's month on the real orchestration

`make simulate-month` asks for 100 scheduled flows a day and 40 trainings, interrupts and breaks what it runs on, and says whether anything
was lost or run twice, whether every slot and lease is free, and whether the bill is within 5 % of the plan's machine time plus what was
lost since the last state. It ends with 1 if one of these does not hold. `python -m tests.month --help` names days, scale and rates.

| real | in its place |
| --- | --- |
| Prefect's server, scheduler, pools and their limits, this project's automations | |
| the pipelines' runner, locks, leases, receipts, records, retries, bills | |
| the store: an S3 server (rclone), killed and started again; training states, uploaded while the work goes on | |
| a process for each run, killed by SIGTERM or SIGKILL; a machine lost with its worker and its disk | forks of a process that has imported everything: 5 CPU seconds less for each |
| a full disk: a file system of 24 MB, filled | |
| the server killed and started again | |
| | stages sleep; an hour takes seconds. What waits by the clock (60 s before a stage is sent again, 65 to 110 s until a dead machine is missed) is not scaled |

Machines are interrupted at 15 % a day, the upper end of what Google Cloud published for preemptible machines ("between 5% and 15% per day
per project, on a seven-day average"; as papers quote it). The ideal is the plan's; what was lost follows from the
moments of the kills and from lines that stages write to files of their own. Neither is asked of the records that hold the bill.

**The month was not run yet.** What was run is one day, an hour in 30 s, in 20 minutes on two cores beside other work at lower priority
(load about 5), Intel Xeon (virtual), Python 3.11.7, Prefect 3.8.8 on SQLite, 2026-12-01:

```bash
python -m tests.month --n-days 1 --hour-seconds 30 --n-trainings 4 --training-hours 12 --state-hours 1 --n-machines 2 \
    --interruptions-per-day 2 --outage-hours 1.2 --seed 10
```

| | found | law |
| --- | --- | --- |
| scheduled flows; trainings | 100; 4 of 12 h on 2 machines | |
| store outages; server restarts; full disks | 2; 1; 1, a file system of 24 MB | |
| interruptions | 4, of which 3 met a run; 1 took the machine with its worker and its disk | |
| attempts at trainings | 8: 4 killed, 4 went on from a state | |
| lost; run twice; ended for no known reason; slots, leases and runs left | none | holds |
| machine hours: ideal; lost since the last state | 48.0; 3.3 | |
| of a dead machine until it was missed: 77 s, which do not scale | 2.6 | |
| billed | 54.5 | |
| billed beyond these three | 1.2 % | at most 5 %: holds |
| retried by a person | 1 parent | |

- Without the time until the dead machine was missed the bill is 6.2 % above ideal and lost, because here 77 s are 2.6 hours; at hours that are hours
  they are 0.02.
- A first trial, a quarter of a day on two cores that a dozen other processes kept busy, held the same laws but that of the bill: 8.8 %, which
  were 86 s of starts and publications at trainings of 240 s. In it a person retried 4 parents: a full disk, two begun while the store was away, one
  Pending when the server died. **A parent that begins in an outage of the store fails at once**, and is reported; a stage that is running waits.
- That trial found that a stage in the parent's process did not wait for a server that restarts ([mended](faults.md)).
"""


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
