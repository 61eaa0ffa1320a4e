"""The flags that say where jobs run: the slots and the pool they mean, and how long jobs will take there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.data.split import count_untaught
from bench.registry import cards
from bench.run import plan
from bench.run.clock import CHECKPOINT_EVERY, Clock
from bench.run.dask import MOST, connected
from bench.run.estimates import Estimates, spell, whole
from bench.run.gpus import find_gpus
from bench.run.local import Local
from bench.run.plan import PlannedJob
from bench.run.pool import THREADS, Pool
from bench.run.prepared import judge
from bench.run.slots import Slots, default_jobs, measured, ran_on_gpu
from bench.spec import Count, Rate, Size, counted
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

    def look_ahead(self, planned: Sequence[PlannedJob], store: Store) -> tuple[Slots, Estimates]:
        """Return the slots of this machine, or for a cluster as many as jobs are sent at a time; and estimates.

        Reads the data of the jobs, so that a broken file is an error before any job starts.
        """
        records = store.records()
        slots = Slots(
            cpus=self.jobs or (MOST if self.cluster else default_jobs(self.threads)),
            total=self.jobs,
            gpus={} if self.cluster else find_gpus(self.gpus),
            per_gpu=self.jobs_per_gpu,
            measured=measured(records),
        )
        sizes = load_once(planned)
        if self.cluster:
            return slots, Estimates(records)
        if slots.gpus:  # the measured seconds are those of a CPU
            floors = {card.name for card in cards().values() if card.is_floor}  # they run on the CPU beside the GPUs
            return slots, Estimates(record for record in records if ran_on_gpu(record) or record.job.model in floors)
        return slots, Estimates((record for record in records if not ran_on_gpu(record)), sizes)

    @contextmanager
    def pool(self, store: Store, slots: Slots, clock: Clock, **hooks) -> Iterator[Pool]:
        """Yield the pool on this machine or behind a Dask scheduler; ``hooks`` are further arguments of ``Pool``."""
        options = {"timeout": self.timeout, "threads": self.threads, "checkpoint_every": self.checkpoint_every}
        options["store"] = store
        if self.cluster:
            with connected(self.cluster, gpus=self.gpus, jobs_per_gpu=self.jobs_per_gpu, **options) as executor:
                yield Pool(executor=executor, slots=slots, clock=clock, **hooks)
        else:
            yield Pool(executor=Local(deadline=clock.deadline, **options), slots=slots, clock=clock, **hooks)

    def say(
        self,
        estimate: Estimates,
        planned: Sequence[PlannedJob],
        slots: Slots,
        *,
        times: Mapping[str, int] | None = None,
        least: float = 0.0,
    ) -> None:
        """Print how long all the jobs take, unless that is under ``least`` seconds. ``times`` says by a job's key how
        often it runs, one time after another; without it, each runs once."""
        times = times or {one.job.key: 1 for one in planned}
        due = [one for one in planned if times[one.job.key]]
        n = 1 if self.cluster else min(slots.together(due), len(due))
        seconds = whole([times[one.job.key] * estimate(one.job) for one in due], n)
        if seconds is not None and seconds >= least:
            # how many jobs the workers of a cluster take is not known
            pace = "one job after another" if self.cluster else f"{counted(n, 'job')} at a time"
            print(f"this takes about {spell(seconds)}, {pace}, as long as similar jobs took, or else with all epochs")


def load_once(planned: Sequence[PlannedJob]) -> dict[str, int]:
    """Read every data set of the jobs, which fills the cache that they read from, and print warnings about it; return
    the number of train pairs by the data's hash."""
    sizes = {}
    for one in {(one.job.data_hash, one.job.protocol): one for one in planned}.values():
        dataset = plan.load(one)
        parts = judge(dataset, one.job.protocol)
        warnings = [*dataset.warnings, *count_untaught(parts.train, n_items=dataset.n_items)]
        if warnings and one.job.data_hash not in sizes:
            print(f"data set {dataset.name}: {'; '.join(warnings)}")
        sizes[one.job.data_hash] = len(dataset.train)
    return sizes
