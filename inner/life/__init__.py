"""One life of N networks in lockstep: the request, the loop over steps, and what is scored."""
