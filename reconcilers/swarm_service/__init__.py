"""SwarmService: one service of the swarm, kept as declared. See README.md."""

from reconcilers.swarm_service.reconciler import RECONCILER

__all__ = ["RECONCILER"]
