"""Small worlds whose truth is known: a generator of problems, and a program that checks every answer."""
