"""One lifetime: networks, local rules, learners, tasks and the loop over training steps."""
