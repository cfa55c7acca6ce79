"""Where desired state comes from: a source is fetched and gives an artifact, a folder to load."""

from desired_state.sources.artifact import Artifact, FetchFailed, Source
from desired_state.sources.config import SourceConfig
from desired_state.sources.folder import FolderSource, WorkingTree, describe_working_tree
from desired_state.sources.git import GitSource
from desired_state.sources.verification import NotVerified, Policy, Refusal, VerifyMode

__all__ = [
    "Artifact",
    "FetchFailed",
    "FolderSource",
    "GitSource",
    "NotVerified",
    "Policy",
    "Refusal",
    "Source",
    "SourceConfig",
    "VerifyMode",
    "WorkingTree",
    "describe_working_tree",
]
