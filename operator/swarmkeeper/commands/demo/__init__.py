"""`swarmkeeper demo`: the whole loop on a real Swarm, narrated.

`command` sets the scene and clears it; `steps` is what happens on it; `ground` is the Swarm, `stack`
the example system, `repository` the git side, `operator` the program itself, `api` and `swarm` how the
demo looks at both ends, `narration` how it tells of it.
"""
