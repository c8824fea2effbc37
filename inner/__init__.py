"""One lifetime: networks, local rules, learners, tasks and the loop over training steps."""

import os as _os

# A matrix product of MKL may round differently where a matrix lies differently in memory, and so a candidate's score
# would depend on its place in the population; in strict mode it does not. MKL reads this before its first product.
_os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
