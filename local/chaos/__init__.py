"""Proof: the real state machines, functions and table under faults, and what must still hold.

    make chaos RUNS=10000 SEED=1      leagues under injected faults, in one process, in virtual time
    make chaos-teeth                  seeded defects in the product: each must be caught
    make load                         4,100 models through the embedded cloud, in real time

Reading order:

    world           virtual time and the tasks that live in it; one seed, one course of events
    virtual         the standard library's clocks and threads, handed to the world
    faults          what may go wrong, decided by one seeded generator at one seam
    quick           what would be worked out anew at each call
    start           this process made the cloud, its clocks handed over
    cloud           the seam: every AWS call of functions and state machines, answered in process
    functions       the real handlers, invoked as Lambda invokes them, and crashed
    standin         SageMaker and Bedrock with instant, scripted training and answers: a stand-in
    product         what is deployed: the synthesized machines, functions and schedule
    league          one league, from its first upload to its last sweep
    opening         what is there before it begins
    people          who uploads, trains, submits and cancels
    accidents       what befalls a league besides its calls
    invariants      what must hold in the end, and at every grant
    teeth, defects  the product with one defect each, and whether the above notices
    engine          the same accidents on the real engine, over HTTP
    load            409 people and 4,100 models on the real engine: crowd (the people), journal
                    (what becomes of their models), memory (who needs how much)
    forgetting      what AWS archives and the engine of engine and load would keep in memory

No hook of this is in the product: faults strike at botocore's `before-send` event.
"""
