"""Policy tests are asked of the candidate as one check that blocks, and leave a record for the gate."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import dagster as dg

from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.actions.recording import written
from palantir_assets.assets.policy_tests import Seen, Sees, policy_checks, seen_in, wanted_checks
from palantir_assets.assets.project import open_project
from palantir_assets.ontology.policy_tests import PolicyCase
from palantir_assets.release.reading import Release
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import Batch, NewEdit
from palantir_assets.stores.edits import EditLog
from tests.assets.shop import ACCESS, BUILDS, Shop

pytestmark = BUILDS

TESTS = """\
policy_tests:
  - {as: {roles: [viewer]}, read: order/o-1001, expect: visible}
  - {as: {roles: []}, read: order/o-1001, expect: hidden}
"""


def all_see_all(candidate: Release, case: PolicyCase) -> Seen:
    return Seen(candidate.row_of(case.object_type, case.key) is not None)


def run(shop: Shop, sees: Sees = seen_in) -> dg.AssetCheckEvaluation:
    (check,) = policy_checks(open_project(shop.settings), sees)
    jobs = [dg.define_asset_job("ask", dg.AssetSelection.all_asset_checks())]
    job = dg.Definitions(asset_checks=[check], jobs=jobs).resolve_job_def("ask")
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_a_project_without_policy_tests_wants_no_check(shop: Shop) -> None:
    project = open_project(shop.settings)
    assert (policy_checks(project, all_see_all), list(wanted_checks(project))) == ([], [])


def test_a_caller_who_sees_too_much_closes_the_gate(shop: Shop) -> None:
    shop.append(ACCESS, TESTS)
    assert run(shop).passed
    ((name, check, blocking, asked),) = wanted_checks(open_project(shop.settings))
    record = shop.record(str(name), check)
    assert (record.passed, record.blocking, record.fingerprint, record.details) == (True, blocking, asked, {"tests": 2, "broken": {}})

    refused = run(shop, all_see_all)
    assert (refused.passed, refused.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert refused.description == f"{last_line(shop)} (order/o-1001 is visible, expected hidden)"


def test_a_test_of_an_object_that_is_not_there_is_broken(shop: Shop) -> None:
    shop.append(ACCESS, "policy_tests:\n  - {as: {roles: []}, read: order/nowhere, expect: hidden}\n")
    refused = run(shop)
    assert not refused.passed
    assert refused.description == f"{last_line(shop)} (there is no order/nowhere: name an object that there is)"


def test_a_test_of_an_object_that_people_edited_names_the_edit(shop: Shop) -> None:
    shop.append(ACCESS, TESTS)
    edit = ObjectEdit("modify", "order", "o-1001", {"amount": 7}, {"amount": 42000})
    with closing(open_database(shop.settings.ledger_url, shop.settings.audit_key)) as database:
        rows = [NewEdit("order", "o-1001", "modify", written(edit))]
        EditLog(database).append(Batch("act", "ada", datetime(2024, 6, 1, tzinfo=UTC), edits=rows))
    assert shop.build().outcome.failed == []
    refused = run(shop, all_see_all)
    assert refused.description is not None
    assert "expected hidden; edit 1 changed it: test an object that nobody edits" in refused.description


def last_line(shop: Shop) -> str:
    """Where the last policy test stands."""
    return f"{ACCESS}:{len((shop.root / ACCESS).read_text(encoding='utf-8').splitlines())}"
