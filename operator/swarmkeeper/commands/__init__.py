"""The commands of `swarmkeeper`, one file each; `swarmkeeper.cli` lists them."""
