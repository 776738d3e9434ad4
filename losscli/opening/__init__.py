"""From a request to arrays: files are opened, columns bound to arrays, rows paired and kept."""
