"""Pages about print: flyers, joint flyers, the print room and the packing station."""
