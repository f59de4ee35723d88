"""Upstreams that act from a script, one file for each protocol: they refuse what the real one would refuse, and what they
say is ours. `server` joins them; `scenes.json` is the script, which the suites read too."""
