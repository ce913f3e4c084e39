"""A sensor of the project, asked as Dagster's daemon asks it."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from palantir_assets.assets.location import build_definitions
from palantir_assets.assets.project import open_project
from tests.assets.shop import Shop


@dataclass(frozen=True)
class Watcher:
    """The sensor that watches the shop's source."""

    repository: dg.RepositoryDefinition

    @property
    def sensor(self) -> dg.SensorDefinition:
        return self.repository.get_sensor_def("watch_shop")

    def tick(self, instance: dg.DagsterInstance) -> list[tuple[str | None, list[dg.AssetKey]]]:
        """(run key, assets) of what one tick asks for."""
        context = dg.build_sensor_context(instance=instance, repository_def=self.repository)
        found = self.sensor.evaluate_tick(context).run_requests or []
        return [(request.run_key, list(request.asset_selection or [])) for request in found]


def watcher_of(shop: Shop) -> Watcher:
    return Watcher(build_definitions(open_project(shop.settings)).get_repository_def())
