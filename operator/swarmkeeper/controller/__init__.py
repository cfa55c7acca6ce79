"""The controller: hosts kopf, turns triggers into passes, guards actions, writes status."""
