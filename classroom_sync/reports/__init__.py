"""What leaves the house on paper and as files: PDF, XLSX, CSV, JSON, and the charts in them."""
