"""The guard: stands between plan and act, once for all kinds (design.md §4).

Each check looks at one action and says yes, or holds it with a reason. The first hold wins. The order
is the design's: suspended, mode, declaration valid, dependencies, (windows), budgets, (approval).
"""

from swarmkeeper.controller.guard.checks import CHECKS
from swarmkeeper.controller.guard.guard import Guard, Hold, Question

__all__ = ["CHECKS", "Guard", "Hold", "Question"]
