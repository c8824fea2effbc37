"""Ways to estimate the gradient of a life with respect to the coefficients, one file each."""
