"""gep: gross ecosystem product accounting (生态产品总值核算), from a standard's text to an account."""
__version__ = "0.1.0"
