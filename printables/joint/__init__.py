"""Joint flyers: one sheet that several shops share, approve and carry."""
