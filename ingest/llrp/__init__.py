"""A bridge from readers that speak LLRP to the broker: a program of its own, beside the stack or far from it."""
