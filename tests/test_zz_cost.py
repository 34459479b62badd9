import statistics, time
import pytest
from kaireon.core import clock
from kaireon.customers.records import upsert_rows
from kaireon.events.ingestion import ingest
from tests.triggers.fixtures import process_all
from triggers.engine import pipeline
pytestmark=[pytest.mark.django_db(transaction=True)]
def test_cost(make_trigger, schema, monkeypatch):
    for number in range(5):
        make_trigger(eventType="bench.purchase", cooldownMs=60000, priority=75, condition={"all":[{"field":"metadata.amount","operator":"gt","value":500 if number==0 else 10**6},{"field":"outcomeType","operator":"eq","value":"conversion"}]}, actionConfig={"schemaId":schema.pk,"updates":[{"field":"balance","value":"{{event.metadata.amount}}"}]})
    upsert_rows(schema_id=schema.pk, rows=[{"customerId":f"cust_{n}"} for n in range(1000)], now=clock.now()); process_all()
    real=pipeline.add_to_tally
    def run():
        for s in range(0,8000,500):
            ingest([{"eventType":"bench.purchase","customerId":f"cust_{n%1000}","properties":{"outcomeType":"conversion","metadata":{"amount":750}}} for n in range(s,s+500)], source="api", now=clock.now())
        b=time.perf_counter(); c=time.process_time(); process_all(); return time.perf_counter()-b, time.process_time()-c
    run()
    res={True:[],False:[]}
    for i in range(24):
        on=i%2==0
        monkeypatch.setattr(pipeline,"add_to_tally", real if on else (lambda *a,**k: None))
        res[on].append(run())
    w=[min(x[0] for x in res[k]) for k in (True,False)]; m=[statistics.median(x[0] for x in res[k]) for k in (True,False)]; c=[statistics.median(x[1] for x in res[k]) for k in (True,False)]
    print("\nmin", w, w[0]/w[1], "median", m, m[0]/m[1], "cpu", c, c[0]/c[1])
