"""Who asks: tokens and keys, passwords, accounts, and what an identity provider says of a person.

Pure decisions over values that are handed in. Where identities are kept is `stores.identities`' affair; what a
request carries, and what it is answered, `serving`'s; what a known caller may do, `access`'s.
"""
