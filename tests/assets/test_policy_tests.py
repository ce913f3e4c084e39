"""Policy tests are asked of the candidate as one check that blocks, and leave a record for the gate."""

from __future__ import annotations

import dagster as dg

from palantir_assets.assets.policy_tests import Seen, Sees, policy_checks, seen_in, wanted_checks
from palantir_assets.assets.project import open_project
from palantir_assets.ontology.policy_tests import PolicyCase
from palantir_assets.release.reading import Release
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
    assert refused.description == f"{ACCESS}#1 (order/o-1001 is visible, expected hidden)"


def test_a_test_of_an_object_that_is_not_there_is_broken(shop: Shop) -> None:
    shop.append(ACCESS, "policy_tests:\n  - {as: {roles: []}, read: order/nowhere, expect: hidden}\n")
    refused = run(shop)
    assert not refused.passed
    assert refused.description == f"{ACCESS}#0 (there is no order/nowhere: name an object that there is)"
