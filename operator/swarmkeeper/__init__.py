"""Swarmkeeper: a Kubernetes-style reconciliation operator for Docker Swarm."""

__version__ = "0.1.0"
