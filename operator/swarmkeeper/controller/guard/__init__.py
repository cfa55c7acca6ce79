"""The guard: stands between plan and act, once for all kinds (design.md §4).

Each check looks at one action and says yes, or holds it with a reason. The first hold wins. The order
is the design's: suspended, mode, dependencies, windows, budgets, approval, breaker.
"""

from swarmkeeper.controller.guard.checks import CHECKS, ON_THE_WAY_OUT
from swarmkeeper.controller.guard.guard import PENDING, Guard, Hold, Question
from swarmkeeper.controller.guard.policy import Policy, Share

__all__ = ["CHECKS", "ON_THE_WAY_OUT", "PENDING", "Guard", "Hold", "Policy", "Question", "Share"]
