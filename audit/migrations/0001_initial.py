from django.db import migrations, models

# By statement: refused even where no row would be touched. ALWAYS: session_replication_role doesn't switch them off.
REFUSE_CHANGES = """
CREATE FUNCTION audit_entry_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only'
        USING ERRCODE = 'restrict_violation',
              DETAIL = TG_OP || ' on ' || TG_TABLE_NAME || ' was refused.',
              HINT = 'Add a new entry that says what is different.';
END
$$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse_change();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse_change();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_append_only;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_truncate;
"""
ALLOW_CHANGES = """
DROP TRIGGER audit_entry_no_truncate ON audit_entry;
DROP TRIGGER audit_entry_append_only ON audit_entry;
DROP FUNCTION audit_entry_refuse_change();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField(help_text='When it happened, in UTC.')),
                ('action', models.CharField(help_text='A dotted name such as trigger.fired.', max_length=64)),
                ('actor', models.CharField(help_text='user:…, key:… or system.', max_length=300)),
                ('subject', models.CharField(blank=True, help_text='The id of what was changed or acted.', max_length=300)),
                ('trigger_id', models.CharField(blank=True, max_length=128)),
                ('customer_id', models.CharField(blank=True, max_length=255)),
                ('event_type', models.CharField(blank=True, max_length=100)),
                ('event_id', models.CharField(blank=True, max_length=128)),
                ('action_taken', models.CharField(blank=True, help_text='The type of the action of a firing.', max_length=64)),
                ('outcome', models.CharField(blank=True, max_length=32)),
                ('facts', models.JSONField(default=dict, help_text="What changed, or what was done; never a secret's value.")),
                ('request_id', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit entries',
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['trigger_id', '-id'], name='audit_by_trigger'), models.Index(fields=['customer_id', '-id'], name='audit_by_customer'), models.Index(fields=['action', '-id'], name='audit_by_action'), models.Index(fields=['at'], name='audit_by_time')],
            },
        ),
        migrations.RunSQL(REFUSE_CHANGES, reverse_sql=ALLOW_CHANGES),
    ]
