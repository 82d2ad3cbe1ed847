"""A product category as data: what its folder holds, how it is checked and how one is begun."""
