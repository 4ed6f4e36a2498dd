"""Asks the service users, with urllib. Arguments are further header fields."""
import sys
from urllib.request import Request, urlopen

fields = dict(field.split(": ", 1) for field in sys.argv[1:])
with urlopen(Request("http://users/", headers=fields)) as answer:
    print(answer.read().decode(), end="")
