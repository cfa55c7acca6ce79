"""Where desired state comes from: a source is fetched and gives an artifact, a folder to load."""

from desired_state.sources.artifact import Artifact, FetchFailed, Source
from desired_state.sources.config import SourceConfig
from desired_state.sources.folder import FolderSource, WorkingTree, describe_working_tree
from desired_state.sources.git import GitSource

__all__ = [
    "Artifact",
    "FetchFailed",
    "FolderSource",
    "GitSource",
    "Source",
    "SourceConfig",
    "WorkingTree",
    "describe_working_tree",
]
