"""Redis: implements the port Streams, for single servers, Sentinel and Cluster."""
