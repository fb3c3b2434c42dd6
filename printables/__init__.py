"""Print: layouts, flyers, proofs, batches, pieces, packing, joint flyers."""
