"""How fast it is: peers to time, draws of the search, and the page that the results make."""
