"""For tests: of Penstock itself, of your own sources and sinks, and of code that uses it.

    web        LocalWeb: many hosts on the loopback network, which count what they see
    hostile    HostileServer: every fault a server can have, one by one
    names      NameServer: says of names what it is told to, and counts the questions
    engine     ScriptedEngine: does jobs by a script, in virtual time
    clock      VirtualClock, VirtualLoop: an hour takes milliseconds
    sink       MemorySink: a sink without a disk
    contracts  check_source, check_engine, check_sink: what every implementation must survive
    outcomes   assert_each_once: every input has exactly one outcome

Needs no test framework, and nothing beyond what Penstock needs; only certificates need trustme. Nothing
in Penstock imports this package, but for the demo.
"""
