"""The items of channel `executions`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.executions import ExecutionContingent, ExecutionData, ExecutionFee, ExecutionTriggers

__all__ = ["ExecutionContingent", "ExecutionData", "ExecutionFee", "ExecutionTriggers"]
