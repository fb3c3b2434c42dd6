"""Files into rows: encoding, delimiter, header, sheets, and the rows that are made whole before anything reads them."""
