"""Which tests a run has, and in which order the workers take their files: none ends it alone with a long one."""

from __future__ import annotations

from collections.abc import Iterable

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

SELDOM = (
    # Kills and faults by the dozen: `make test` has one kill of each part, in the tests of the part.
    "tests/chaos/",
    "tests/simulation/test_kill.py",
    "tests/simulation/test_tracker_kills.py",
    "tests/security/test_guards.py::test_a_missing_guard_is_noticed",
    "tests/contract/test_families.py::test_killed_behind_every_family_nothing_is_lost_or_doubled",
    # Whole days and recorded lines: each rule has its own tests with hours and made-up ways.
    "tests/integration/operations/test_simulated_day.py",
    "tests/unit/tracker/test_eta_backtest.py::test_a_bus_of_a_recorded_line",
    "tests/unit/tracker/test_eta_backtest.py::test_history_makes_predictions_better",
    "tests/unit/tracker/test_eta_backtest.py::test_without_a_timetable_expected_times_of_recorded_legs_add_up",
    "tests/unit/tracker/test_eta_backtest.py::test_one_trip_of_another_line_does_no_harm",
    "tests/unit/tracker/test_eta_backtest.py::test_coverage_comes_back_after_a_sudden_slowdown",
    # What the release before wrote, in all its facts: that `up` starts on its folder is tried each time.
    "tests/upgrade/test_upgrade.py::test_every",
    "tests/upgrade/test_upgrade.py::test_no_row",
    "tests/upgrade/test_upgrade.py::test_the_facts",
    "tests/upgrade/test_upgrade.py::test_alerts",
    "tests/upgrade/test_upgrade.py::test_facts",
    # Stacks of their own for what another stack has shown already.
    "tests/browser/test_first_day.py",
    # A forecast is waited for.
    "tests/browser/test_planning.py",
    "tests/integration/frostway/test_backup.py",
    "tests/integration/frostway/test_demo.py::test_it_is_removed_and_added_while_everything_runs",
    "tests/integration/frostway/test_lan.py::test_the_api_by_itself_speaks_https",
    "tests/integration/frostway/test_lan.py::test_what_it_cannot_start_with_is_one_line",
    "tests/integration/frostway/test_up.py::test_up_says_ready_once",
    "tests/integration/frostway/test_up.py::test_after_a_kill_of_up",
    "tests/integration/frostway/test_up.py::test_a_chosen_admin_password",
    "tests/integration/frostway/test_up_whole.py::test_a_second_up_on_the_same_folder",
    "tests/integration/frostway/test_replay.py",
    # Every address with axe, which each page's own tests have; and the same in another window, for another role, kind
    # or order, of which one stays.
    "tests/browser/test_frame.py::test_every_address_opens_and_axe_finds_nothing_there",
    "tests/browser/test_navigation.py::test_every_page_is_reached_with_a_pointer_and_none_is_cut_off[768]",
    "tests/browser/test_navigation.py::test_every_page_is_reached_with_a_pointer_and_none_is_cut_off[1440]",
    "tests/browser/test_navigation.py::test_every_page_is_reached_by_keyboard[320]",
    "tests/browser/test_navigation.py::test_who_may_less_is_shown_less[320]",
    "tests/browser/test_display.py",
    "tests/browser/test_brokers.py::test_a_broker_is_added_tried_mended_sent_to_again_paused_and_removed[phone]",
    "tests/browser/test_webhooks.py::test_it_is_changed_gets_another_secret_is_paused_resumed_and_removed[phone]",
    "tests/browser/test_settings.py::test_somebody_is_invited_comes_in_gets_another_role_and_is_shut_out[phone]",
    "tests/browser/test_oidc.py::test_in_by_the_provider_and_out_again[beside passwords]",
    "tests/integration/api/test_permissions.py::test_a_role_is_refused_exactly_what_the_table_does_not_give_it[admin]",
    "tests/integration/api/test_permissions.py::test_a_role_is_refused_exactly_what_the_table_does_not_give_it[planner]",
    "tests/integration/api/test_permissions.py::test_a_role_is_refused_exactly_what_the_table_does_not_give_it[coldchain]",
    "tests/integration/api/test_lifecycle.py::test_a_thing_is_retired_and_restored_and_deleted_by_command[vehicle]",
    "tests/integration/api/test_lifecycle.py::test_a_thing_is_retired_and_restored_and_deleted_by_command[profile]",
    "tests/integration/api/test_lifecycle.py::test_a_thing_is_retired_and_restored_and_deleted_by_command[product]",
    "tests/integration/api/test_lifecycle.py::test_a_thing_gets_another_name_by_command_and_keeps_its_key[site]",
    "tests/integration/api/test_lifecycle.py::test_a_thing_gets_another_name_by_command_and_keeps_its_key[profile]",
    "tests/integration/tracker/test_calls.py::test_any_order_of_arrival_ends_in_the_same_calls_and_deviations[postgres",
)
"""Beginnings of names of tests that `make test` leaves to `make long`, most of them minutes of work."""


def is_seldom(name: str) -> bool:
    """Whether a test is one of those that only `make long` runs."""
    return name.startswith(SELDOM)


def chosen(names: Iterable[str], which: str) -> list[bool]:
    """Of each test whether it is run: `all`, the `often` ones, or the `seldom` ones."""
    return [which == "all" or is_seldom(name) == (which == "seldom") for name in names]


class LongFirst(LoadFileScheduling):
    """`--dist loadfile`, with the files of `TOGETHER` as one and those of `LONG` before all others."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        longest = next((scope for scope in LONG if scope in self.workqueue), None)
        if longest is not None:
            self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)
