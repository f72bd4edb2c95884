"""A Docker (or Podman) engine through its API: `connect`, and the engine that reads, watches and runs there."""
