"""Pages about paper: flyers, joint flyers, the print room and the packing station."""
