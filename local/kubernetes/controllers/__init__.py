"""What the controllers, the scheduler and the CSI driver of a real cluster do, each as one pass over the store.

A controller has ``wants(change)``, whether a change concerns it, and ``run()``, which makes things so and can be repeated.
"""
