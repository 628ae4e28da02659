"""Everything that can be refused before a GPU is rented. It stands above the other rooms and may ask each of them."""
