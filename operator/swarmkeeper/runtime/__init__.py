"""All that a kind may import: the contract, plans, conditions, errors, ports and runbooks."""
