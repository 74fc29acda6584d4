"""Fakes, servers and contracts for tests of Penstock and of code that uses it.

    web              LocalWeb: many hosts on the loopback network, which count their requests
    hostile          HostileServer: every fault a server can have, one by one
    names            NameServer: answers for names by a script, and counts the questions
    engine           ScriptedEngine: runs jobs by a script, in virtual time
    clock            VirtualClock, VirtualLoop: an hour takes milliseconds
    sink             MemorySink: a sink without a disk
    format_contract  check_format: what every format of a sink must keep
    contracts        check_source, check_engine, check_sink: the rules of every implementation
    outcomes         assert_each_once: every input has exactly one outcome

It needs no test framework, and no library that Penstock does not need, except trustme
for certificates. Only the demo of Penstock imports this package.
"""
