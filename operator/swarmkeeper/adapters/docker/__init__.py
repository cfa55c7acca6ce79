"""The Docker Engine: implements the port Swarm, and tells of its events."""
