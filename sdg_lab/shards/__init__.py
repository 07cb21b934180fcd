"""Work in shards: processes, a Dask cluster, or any machines that can start a command, and the same bytes from all."""

from sdg_lab.shards.division import Share, parse_shard, rows_of
from sdg_lab.shards.folder import Status, join, status
from sdg_lab.shards.manifest import Manifest
from sdg_lab.shards.seeds import seed_of
from sdg_lab.shards.tasks import Task
from sdg_lab.shards.work import Report, ShardsFailed, run

__all__ = [
    "Manifest",
    "Report",
    "ShardsFailed",
    "Share",
    "Status",
    "Task",
    "join",
    "parse_shard",
    "rows_of",
    "run",
    "seed_of",
    "status",
]
