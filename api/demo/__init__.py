"""The sample shops of `regulars demo`: their goods, pictures, buyers and orders, all invented from a seed."""
