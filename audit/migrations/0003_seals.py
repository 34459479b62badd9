from django.db import migrations, models

# An entry stays as it is but for its facts, which can be erased: replaced by a fixed text, with a digest of what they
# were beside it, and only where the log says that the customer was erased. Of any other column an UPDATE is refused by
# statement, as DELETE is: even where no row would be touched. ALWAYS: session_replication_role switches nothing off.
ALLOW_ERASURE = """
CREATE FUNCTION audit_entry_allow_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased audit_entry%ROWTYPE := OLD;
BEGIN
    erased.facts := '{"erased": true}';
    erased.facts_digest := NEW.facts_digest;
    IF OLD.facts_digest IS NULL AND octet_length(NEW.facts_digest) = 32 AND NEW IS NOT DISTINCT FROM erased
        AND OLD.customer_id <> '' AND OLD.action NOT IN ('customer.erasure_started', 'customer.erased')
        AND EXISTS (
            SELECT FROM audit_entry
            WHERE customer_id = OLD.customer_id AND action = 'customer.erasure_started'
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit entries are append-only'
        USING ERRCODE = 'restrict_violation',
              DETAIL = 'UPDATE on ' || TG_TABLE_NAME || ' was refused.',
              HINT = 'Add a new entry that says what is different.';
END
$$;
DROP TRIGGER audit_entry_append_only ON audit_entry;
CREATE TRIGGER audit_entry_append_only BEFORE DELETE OR UPDATE OF
    id, at, action, actor, subject, trigger_id, customer_id, event_type, event_id, action_taken, outcome, request_id
    ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse_change();
CREATE TRIGGER audit_entry_only_erasure BEFORE UPDATE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_allow_erasure();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_append_only;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_only_erasure;
"""
REFUSE_ERASURE = """
DROP TRIGGER audit_entry_only_erasure ON audit_entry;
DROP TRIGGER audit_entry_append_only ON audit_entry;
DROP FUNCTION audit_entry_allow_erasure();
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse_change();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_append_only;
"""

REFUSE_CHANGES_OF_SEALS = """
CREATE FUNCTION audit_seal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'seals of the audit log are append-only'
        USING ERRCODE = 'restrict_violation',
              DETAIL = TG_OP || ' on ' || TG_TABLE_NAME || ' was refused.';
END
$$;
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_seal_refuse_change();
CREATE TRIGGER audit_seal_no_truncate BEFORE TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_seal_refuse_change();
ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER audit_seal_append_only;
ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER audit_seal_no_truncate;
"""
ALLOW_CHANGES_OF_SEALS = """
DROP TRIGGER audit_seal_no_truncate ON audit_seal;
DROP TRIGGER audit_seal_append_only ON audit_seal;
DROP FUNCTION audit_seal_refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_index_entries_by_subject'),
    ]

    operations = [
        migrations.AddField(
            model_name='entry',
            name='facts_digest',
            field=models.BinaryField(help_text='Where the facts were erased: what is left of them.', null=True),
        ),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('number', models.BigIntegerField(help_text='From 1, without gaps.', primary_key=True, serialize=False)),
                ('first_id', models.BigIntegerField(help_text='The first entry that it covers.')),
                ('last_id', models.BigIntegerField(help_text='The last one. The next seal goes on behind it.', unique=True)),
                ('count', models.PositiveIntegerField(help_text='How many entries those are.')),
                ('marks', models.BinaryField(help_text="An id and a keyed digest for each of them.")),
                ('root', models.BinaryField(help_text='The digest of the marks.')),
                ('previous', models.BinaryField(help_text='The digest of the seal before; zeros for the first one.')),
                ('key_id', models.CharField(help_text='Which key it was made with.', max_length=16)),
                ('sealed_at', models.DateTimeField()),
                ('digest', models.BinaryField(help_text='Of all of this but the marks, made with the key.')),
            ],
            options={
                'default_permissions': ('view',),
            },
        ),
        migrations.RunSQL(ALLOW_ERASURE, reverse_sql=REFUSE_ERASURE),
        migrations.RunSQL(REFUSE_CHANGES_OF_SEALS, reverse_sql=ALLOW_CHANGES_OF_SEALS),
    ]
