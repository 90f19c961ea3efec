"""Which files the workers of a run take, and in which order: none ends it alone with a long one."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

TOGETHER = "tests/browser/"
"""Its files share one browser and one stack, so one worker takes them all: two that draw maps take both cores."""

LONG = (
    TOGETHER,
    "tests/upgrade/test_upgrade.py",
    "tests/integration/tracker/test_calls.py",
    "tests/integration/api/test_lifecycle.py",
    "tests/unit/api/test_web.py",
    "tests/contract/ingest/test_receiver.py",
    "tests/chaos/test_chaos.py",
    "tests/integration/frostway/test_lan.py",
    "tests/simulation/test_tracker_kills.py",
    "tests/unit/tracker/test_fold_laws.py",
    "tests/unit/tracker/test_eta_backtest.py",
    "tests/integration/frostway/test_demo.py",
    "tests/integration/api/test_stalled_downloads.py",
    "tests/integration/frostway/test_up_whole.py",
    "tests/integration/frostway/test_up.py",
    "tests/security/test_schema.py",
    "tests/integration/frostway/test_first_steps.py",
    "tests/integration/frostway/test_backup.py",
    "tests/integration/operations/test_simulated_day.py",
    "tests/simulation/test_kill.py",
    "tests/unit/tracker/test_fences.py",
    "tests/chaos/test_full_disk.py",
    "tests/unit/test_sim_world.py",
    "tests/unit/tracker/test_locate.py",
)
"""Half a minute and more in a whole run, the longest first; the others come as they are collected."""


class LongFirst(LoadFileScheduling):
    """`--dist loadfile`, with the files of `TOGETHER` as one and those of `LONG` before all others."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        longest = next((scope for scope in LONG if scope in self.workqueue), None)
        if longest is not None:
            self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)
