"""Runs a function of the benchmarks in a process that works on a running product: `MODULE:FUNCTION NUMBER…`.

See `Product.run`, which starts it with the product's environment.
"""

import sys
from importlib import import_module

import django

if __name__ == "__main__":
    django.setup()
    module, _, function = sys.argv[1].partition(":")
    numbers = sys.argv[2:]
    print(getattr(import_module(module), function)(*map(int, numbers)))
