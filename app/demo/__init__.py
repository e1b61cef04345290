"""Demo data for development, made by the actions that people use, so it obeys every rule of the product.

What is there already is left as it is, also when somebody changed or deleted it since."""
