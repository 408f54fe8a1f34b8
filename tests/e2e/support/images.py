"""Programs of a few instructions that run alone on a machine: raw images that begin with the PSW to start with."""

START = bytes.fromhex("0008000080000200")
CODE_AT = 0x200


def program(code):
    return START + bytes(CODE_AT - len(START)) + bytes.fromhex(code)


# Disabled for every interruption, a branch to itself.
LOOP = program("a7f40000")
# SIGP STOP to CPU 0, which is itself.
STOP = program("a7280000 ae020005 a7f40000")
# LPSW of a disabled wait PSW at 0x210.
DISABLED_WAIT = program("82000210 00000000 00000000 00000000 000a0000 8000dead")
# Stores into every page from 1M on, to the end of storage.
GROW = program("a7190100 eb11000c000d e31010000024 a71b1000 a7f4fffb")
