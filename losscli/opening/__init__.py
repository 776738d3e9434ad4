"""Open the files of a request, bind columns to arrays, pair rows and filter them."""
