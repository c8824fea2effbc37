"""The smallest experiment that goes through every stage: what tests of the command line and the Python interface run."""

TINY = """
task: {name: digits, test: 40}
rule: {dw: "eta*(a*pre*post + b*err*pre)", pathway: backprop, coefficients: {eta: 0.05, a: 0.1, b: 1.0}}
network: {hidden: [8]}
life: {steps: 20}
search: {name: cma, popsize: 4, generations: 3}
lifetimes: 2
shapes: 1
selection: {finalists: 2, lifetimes: 2, shapes: 1}
compare:
  baselines: [backprop]
  random_search: false
  lifetimes: 3
  main: [{task: {name: digits, test: 40}, hidden: [8], steps: 20}]
evaluator: serial
tracking: {mode: disabled}
"""
