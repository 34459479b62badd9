from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # Built while events are written; without a transaction round it.
    atomic = False

    dependencies = [
        ('events', '0003_index_events_by_source'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='event',
            index=models.Index('lane', models.expressions.CombinedExpression(models.F('sequence'), '+', models.Value(0)), condition=models.Q(('status', 'pending')), name='event_waiting'),
        ),
        RemoveIndexConcurrently(model_name='event', name='event_queue'),
    ]
