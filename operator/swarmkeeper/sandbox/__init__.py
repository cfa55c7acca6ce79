"""A real, throw-away Docker Swarm on this machine: for the demo, the tests and the benches."""
