"""Paper: layouts, proofs, batches, pieces, packing, joint flyers."""
