"""The pure part of print: layouts, QR codes, PDF and checks, without database or settings."""
