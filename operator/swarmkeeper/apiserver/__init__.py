"""The embedded Kubernetes API: what kubectl, kopf and every Kubernetes client speak to."""
