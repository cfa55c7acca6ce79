"""The kind RedisStream: a stream of Redis within its length, its readers watched."""

from reconcilers.redis_stream.reconciler import RECONCILER

__all__ = ["RECONCILER"]
