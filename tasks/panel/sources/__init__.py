"""Where a panel's prices come from. `reader.read_prices` returns the same table for every source.

reader: which function reads which source. csv_file: files in JPX's columns, local or by URL. bad_values: the line of a
bad value in such a file. sp500: stocks shipped by skfolio. currencies: the European Central Bank's rates as currency
pairs. planted: random walks with a column of known lookahead.
"""
