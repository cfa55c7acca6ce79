"""The kind Certificate: the certificates that servers show, valid and renewed in time."""

from reconcilers.certificate.reconciler import RECONCILER

__all__ = ["RECONCILER"]
