"""Where jobs run, as the flags say: the pool for it, and how long it will take there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.data.split import count_untaught
from bench.run import plan
from bench.run.clock import CHECKPOINT_EVERY, Clock
from bench.run.dask import MOST, connected
from bench.run.estimates import Estimates, spell, whole
from bench.run.gpus import find_gpus
from bench.run.local import Local
from bench.run.plan import PlannedJob
from bench.run.pool import THREADS, Pool
from bench.run.prepared import judge
from bench.run.slots import Slots, default_jobs, measured
from bench.spec import Count, Rate, Size, counted
from bench.store.record import Record
from bench.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Machines:
    """The flags that say where and how jobs run; none of them enters a record's key."""

    jobs: Size | None = None
    threads: Size = THREADS
    gpus: str = "auto"
    jobs_per_gpu: Size | None = None
    cluster: str | None = None
    timeout: Rate | None = None
    checkpoint_every: Count = CHECKPOINT_EVERY
    no_lock: bool = False

    def slots(self, records: Sequence[Record]) -> Slots:
        """What this machine offers; on a cluster, how many jobs are sent at a time.

        Raises:
            BenchError: for a GPU that is not here.
        """
        if self.cluster:
            return Slots(cpus=self.jobs or MOST)
        return Slots(
            cpus=self.jobs or default_jobs(self.threads),
            total=self.jobs,
            gpus=find_gpus(self.gpus),
            per_gpu=self.jobs_per_gpu,
            measured=measured(records),
        )

    @contextmanager
    def pool(self, store: Store, slots: Slots, clock: Clock, **more) -> Iterator[Pool]:
        """The pool on this machine or behind a Dask scheduler; ``more`` are further arguments of ``Pool``.

        Raises:
            BenchError: when the cluster cannot be had.
        """
        own = {"timeout": self.timeout, "threads": self.threads, "checkpoint_every": self.checkpoint_every}
        own |= {"store": store}
        if self.cluster:
            with connected(self.cluster, gpus=self.gpus, jobs_per_gpu=self.jobs_per_gpu, **own) as executor:
                yield Pool(executor=executor, slots=slots, clock=clock, **more)
        else:
            yield Pool(executor=Local(deadline=clock.deadline, **own), slots=slots, clock=clock, **more)

    def estimate(self, planned: Sequence[PlannedJob], records: Sequence[Record], slots: Slots) -> Estimates:
        """What the jobs will take; reads their data, so that a broken file is one error before any of them starts."""
        sizes = load_once(planned)
        is_measured = not slots.gpus and not self.cluster  # on a CPU like this one
        return Estimates(records, sizes if is_measured else {})

    def say(
        self,
        estimate: Estimates,
        planned: Sequence[PlannedJob],
        slots: Slots,
        *,
        times: Mapping[str, int] | None = None,
        least: float = 0.0,
    ) -> None:
        """Print how long it all takes, unless that is under ``least`` seconds.

        Args:
            times: how often a job runs, one time after another, by its key; default: once each.
        """
        often = [(one, 1 if times is None else times[one.job.key]) for one in planned]
        often = [(one, n) for one, n in often if n]
        n = min(slots.together([one for one, _ in often]), len(often))
        n = 1 if self.cluster else n  # how many the workers take is not known
        seconds = whole([n_times * estimate(one.job) for one, n_times in often], n)
        if seconds is not None and seconds >= least:
            print(
                f"this takes about {spell(seconds)}, {counted(n, 'job')} at a time, if none stops before its last epoch"
            )


def load_once(planned: Sequence[PlannedJob]) -> dict[str, int]:
    """Read every data set of the jobs, which fills the cache that they read from, and print what is odd about it.

    Returns train pairs by the data's hash.

    Raises:
        BenchError: for broken files, and data that a protocol leaves too little of.
    """
    sizes = {}
    for one in {(one.job.data_hash, one.job.protocol): one for one in planned}.values():
        dataset = plan.load(one)
        parts = judge(dataset, one.job.protocol)
        warnings = [*dataset.warnings, *count_untaught(parts.train, n_items=dataset.n_items)]
        if warnings and one.job.data_hash not in sizes:
            print(f"data set {dataset.name}: {'; '.join(warnings)}")
        sizes[one.job.data_hash] = len(dataset.train)
    return sizes
