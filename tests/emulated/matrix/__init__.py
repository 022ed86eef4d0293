"""Every AWS call of a launch, a termination and a true-up, met by death and by each fault: `test_kills.py` and
`test_faults_each_call.py` say what is tested, this package does it.

    spots     the calls of an undisturbed run, which the matrix goes through
    cases     what happens at a spot, and what such a case is called
    semantics what docs/semantics.md allows a run to answer and to report then
    mesh      a mesh of its own, on which cases are played one after the other
    watch     what must hold after every step of every case
    play      the cases themselves
    arena     meshes side by side in one rig
"""
